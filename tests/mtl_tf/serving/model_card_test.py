"""The card of a run that nobody trained."""

import dataclasses
import json
import re

import pytest

from mtl_tf.runs import results as results_lib
from mtl_tf.serving import model_card
from tests.helpers import model_cards


def test_scores():
    heads, books, films, average = model_cards.read_table(
        model_cards.build(), "Scores", "task"
    )
    assert heads == [
        "task",
        "metric",
        "test texts",
        "majority",
        "this model",
        "de-duplicated",
    ]
    assert books == ["books", "accuracy", "40", "50.0", "90.0", "70.0"]
    assert films == ["films", "macro_f1", "40", "20.0", "55.0", "55.0"]
    assert average[0] == "**average accuracy**"
    # Different metrics: accuracy, (40 + 50) / 2, (60 + 90) / 2, (60 + 70) / 2.
    assert average[1:] == ["accuracy", "", "45.0", "75.0", "65.0"]


def test_no_column_of_duplicates_without_duplicates():
    results = model_cards.make_results()
    for output in results["tasks"]["books"].values():
        del output["test_deduplicated"]
    results["average"] = results_lib.averages(results["tasks"])
    card = model_cards.build(results=results)
    assert model_cards.read_table(card, "Scores", "task")[0][-1] == "this model"
    assert "de-dup" not in card


def test_a_task_without_unseen_test_texts_has_a_dash():
    results = model_cards.make_results()
    for output in results["tasks"]["books"].values():
        output["test_deduplicated"] = None
    results["average"] = results_lib.averages(results["tasks"])
    card = model_cards.build(results=results)
    _, books, films, average = model_cards.read_table(card, "Scores", "task")
    assert books == ["books", "accuracy", "40", "50.0", "90.0", "-"]
    assert films[-1] == "55.0"
    # Accuracy of films, which has no duplicates.
    assert average[-1] == "60.0 (1 of 2 tasks)"
    assert "No de-duplicated score of books: all test texts are in" in card


def test_invisible_characters_are_escaped_and_many_labels_cut():
    labels = ("\u202eevil", "two\nlines", *(f"label{n}" for n in range(40)))
    run = model_cards.make_run()
    tasks = (run.tasks[0], dataclasses.replace(run.tasks[1], labels=labels))
    run.corpus.declaration["tasks"]["films"]["label_counts"]["train"] = {
        label: index for index, label in enumerate(labels)
    }
    corpus = dataclasses.replace(run.corpus, name="cor\u2066pus\x1b")
    run = dataclasses.replace(run, tasks=tasks, corpus=corpus)
    card = model_cards.build(run)
    assert {x for x in card if not x.isprintable()} == {"\n"}
    assert card.startswith(r"# cor\\u2066pus\\u001b: ")
    _, _, served, *_ = model_cards.read_table(card, "Use", "signature")
    assert served[3] == (
        r'"\u202eevil", "two\nlines", '
        + ", ".join(f"label{n}" for n in range(18))
        + " and 22 more (see `labels.json`)"
    )
    _, _, films = model_cards.read_table(card, "Training data", "task")
    # Label n has n + 2 rows: the last 20 are the most frequent.
    assert films[-3] == (
        ", ".join(f"label{n} {n + 2}" for n in range(20, 40))
        + " and 22 more (see `labels.json`)"
    )


def test_both_outputs_of_the_main_task():
    run = model_cards.make_run(main_task="films", label_transfer="supervised")
    results = model_cards.make_results()
    scores = results["tasks"]["films"]
    # Of its own, also without duplicates, which the main model's lack here.
    scores["label_transfer"] = {
        "test": {"accuracy": 0.7, "macro_f1": 0.651, "n": 40},
        "test_deduplicated": {"accuracy": 0.7, "macro_f1": 0.642, "n": 36},
    }
    card = model_cards.build(run, results, {"serve_films_label_transfer": 1.5})
    _, _, films, transfer, average = model_cards.read_table(
        card, "Scores", "task"
    )
    assert films == ["films", "macro_f1", "40", "20.0", "55.0", "55.0"]
    assert transfer == [
        "films, label transfer",
        "macro_f1",
        "40",
        "20.0",
        "65.1",
        "64.2",
    ]
    # The average is that of the main model.
    assert average[3:] == ["45.0", "75.0", "65.0"]
    assert "of the label transfer network, which is not part of the av" in card
    section = card.split("## Label transfer\n")[1].split("\n## ")[0]
    assert "outputs for films: `serve_films`, that of the main m" in section
    assert "`serve_films_label_transfer`, that of the label tra" in section
    assert "for the same text as a text of books" in section
    rows = {
        row[0]: row[3]
        for row in model_cards.read_table(card, "Use", "signature")[1:]
    }
    assert rows["`serve_films_label_transfer`"] == "poor, fair, great"
    assert "(`serve_films_label_transfer` 1.50)" in card
    assert "Augenstein, Ruder and Søgaard" in card


def test_label_transfer_is_not_mentioned_without_it():
    assert "abel transfer" not in model_cards.build()
    assert "label_transfer" not in model_cards.build()


def test_average_uses_the_common_metric():
    run = model_cards.make_run()
    films = dataclasses.replace(run.tasks[1], metric="accuracy")
    run = dataclasses.replace(run, tasks=(run.tasks[0], films))
    average = model_cards.read_table(model_cards.build(run), "Scores", "task")[
        -1
    ]
    assert average[:2] == ["**average**", "accuracy"]
    books = dataclasses.replace(run.tasks[0], metric="macro_f1")
    run = dataclasses.replace(
        run, tasks=(books, model_cards.make_run().tasks[1])
    )
    # (80 + 55) / 2
    assert model_cards.read_table(model_cards.build(run), "Scores", "task")[-1][
        1:5
    ] == [
        "macro_f1",
        "",
        "25.0",
        "67.5",
    ]


def test_error_metrics_are_not_percentages():
    run, results = model_cards.make_run(), model_cards.make_results()
    films = dataclasses.replace(run.tasks[1], metric="macro_mae")
    run = dataclasses.replace(run, tasks=(run.tasks[0], films))
    for output, error in (("main", 0.6125), ("majority", 1.0)):
        results["tasks"]["films"][output]["test"]["macro_mae"] = error
    card = model_cards.build(run, results=results)
    _, books, films, average = model_cards.read_table(card, "Scores", "task")
    assert films[1:] == ["macro_mae", "40", "1.000", "0.613", "0.613"]
    assert books[4] == "90.0"
    assert average[1:] == ["accuracy", "", "45.0", "75.0", "65.0"]
    assert "in percent, macro_mae in label positions" in card


def test_names_are_escaped():
    card = model_cards.build()
    heads, books, films, encode = model_cards.read_table(
        card, "Use", "signature"
    )
    assert books[:3] == [
        "`serve_books`",
        "`seq1`, `seq2`",
        "`label`, `labels`, `probabilities`",
    ]
    # A name with blanks is quoted, and is as it was when read.
    assert json.loads(f"[{books[3].replace('bad', '0')}]") == [
        0,
        model_cards.NASTY,
    ]
    assert films[3] == "poor, fair, great"
    assert encode[2:] == ["`features`, 100 features per text", ""]
    assert len(heads) == 4
    # Neither HTML nor code, links, emphasis or mathematics.
    for name in ("<script", "`c`", "](e)", "_f_", "*x*", "$j$", "~k~", " & "):
        assert re.search(rf"(?<!\\){re.escape(name)}", card) is None, name
    # Underscores within words stay readable.
    assert "g_h" in card


def test_data():
    card = model_cards.build()
    heads, books, films = model_cards.read_table(card, "Training data", "task")
    assert heads[1:4] == ["train", "dev", "test"]
    assert books[1:4] == ["1,400", "20", "40"]
    assert books[5:] == ["text is in dev 3", "4"]
    assert books[4].startswith('bad 10, "')
    name, count = books[4].removeprefix("bad 10, ").rsplit(" ", 1)
    assert (json.loads(name), count) == (model_cards.NASTY, "10")
    assert films[4:] == ["poor 10, fair 10, great 10", "none", "0"]
    assert "> CC0 for films\n> no \\*license\\* for books\n" in card


def test_unlabeled_rows_are_listed_if_used():
    run = model_cards.make_run(unlabeled=True, adversarial_weight=0.1)
    heads, books, _ = model_cards.read_table(
        model_cards.build(run), "Training data", "task"
    )
    assert books[heads.index("unlabeled")] == "77"


def test_training_rows_are_limited_to_the_maximum():
    run = model_cards.make_run(max_train_examples=("30", "films:40"))
    card = model_cards.build(run)
    _, books, films = model_cards.read_table(card, "Training data", "task")
    unlimited = model_cards.read_table(
        model_cards.build(), "Training data", "task"
    )
    assert (books[1], films[1]) == ("30", "40")
    assert books[2:4] == unlimited[1][2:4]
    assert "training rows are random samples (max_train_examples)" in card


def test_warnings_of_the_corpus():
    assert "Warnings" not in model_cards.build()
    actual = [
        {"task": "books", "message": "1 text of train with *odd* labels"},
        {"task": "of another run", "message": "not here"},
        *({"task": "films", "message": f"{n} rows"} for n in range(13)),
    ]
    card = model_cards.build(model_cards.make_run(findings=actual))
    _, _, lines = card.partition("Warnings of the preparation:\n\n")
    lines = lines.partition("\n\n")[0].splitlines()
    assert lines[0] == r"- books: 1 text of train with \*odd\* labels"
    assert lines[1] == "- films: 0 rows"
    assert lines[11:] == [
        "- films: 10 rows",
        "- and 2 more, in `corpus.json`",
    ]
    assert "not here" not in card
    assert "more, in" not in model_cards.build(
        model_cards.make_run(findings=actual[:13])
    )


def test_warnings_of_training():
    assert "Warnings" not in model_cards.build()
    results = model_cards.make_results()
    results["warnings"] = ["books: all rows are *odd*", "films: the same"]
    card = model_cards.build(results=results)
    _, _, lines = card.partition("Warnings of the training:\n\n")
    assert lines.partition("\n\n")[0].splitlines() == [
        r"- books: all rows are \*odd\*",
        "- films: the same",
    ]


@pytest.mark.parametrize("license", ["", None, " "])
def test_a_corpus_without_licence(license):
    assert "declares no license" in model_cards.build(
        model_cards.make_run(license)
    )


def test_sections_depend_on_the_model():
    plain = model_cards.build(model_cards.make_run(sharing="fully_shared"))
    assert "Adversarial training" not in plain
    assert "Word vectors" not in plain
    assert "not calibrated" in plain
    assert "`seq1` is what the text `seq2` is about" in plain
    other = model_cards.build(
        model_cards.make_run(
            adversarial_weight=0.1,
            word_vectors=["package:some_words"],
            sequences="seq2",
            max_tokens=123,
        ),
        temperatures={"serve_books": 1.234, "serve_films": 0.5},
    )
    assert "Adversarial training makes it hard" in other
    assert "initialized from package:some_words" in other
    assert "(`serve_books` 1.23, `serve_films` 0.50)" in other
    assert "not calibrated" not in other
    assert "Of a pair, the model reads `seq2` alone" in other
    assert "reads at most 123 tokens of a text" in other
    assert "Words with fewer than 2 occurrences in the training" in other
    assert "reads at most 1 token of a" in model_cards.build(
        model_cards.make_run(max_tokens=1)
    )
    single = model_cards.build(model_cards.make_run(sharing="single_task"))
    assert "Each task has a separate model" in single


def test_how_it_was_made():
    card = model_cards.build(
        model_cards.make_run(epochs=3, hidden_size=7, seed=5, threads=2)
    )
    facts = dict(model_cards.read_table(card, "How it was made", "fact"))
    assert facts["training began"] == "2026-01-02T03:04:05+0000"
    assert facts["training took"] == "3 min 20 s, 1,234 steps"
    assert facts["seed"] == "5"
    assert facts["git revision"] == "abc-dirty"
    assert facts["fingerprint of the corpus"] == "f00d"
    assert facts["versions"] == "tensorflow 2.21.0, keras 3.15.1"
    assert facts["best epoch on dev"] == "7"
    rows = model_cards.read_table(card, "How it was made", "setting")
    settings = {row[0]: row[1:3] for row in rows[1:]}
    assert settings == {
        "`epochs`": ["3", "20"],
        "`hidden_size`": ["7", "100"],
        "`seed`": ["5", "0"],
    }
    # Where it was made is nobody's business.
    assert "secret" not in card
    assert "654,321 weights and a vocabulary of 12,345 words" in card


def test_a_run_of_several_models_has_no_best_epoch():
    results = model_cards.make_results()
    del results["best_epoch"]
    assert "best epoch" not in model_cards.build(results=results)


def test_example_of_the_card_is_valid_python():
    card = model_cards.build()
    (program,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    compile(program, "card", "exec")
    assert '"serve_films"](\n    text=tf.constant(' in program
    run = model_cards.make_run()
    other = model_card.build(
        run,
        model_cards.make_results(),
        model_cards.describe(run) | {"serving_default": "serve_books"},
        1,
    )
    assert "seq1=tf.constant(" in other


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
