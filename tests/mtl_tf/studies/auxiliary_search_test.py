"""The search for auxiliary tasks, mostly without training."""

import csv
import os

import numpy as np
import pytest

import mtl_tf
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import affinity_file
from mtl_tf.runs import run_directory
from mtl_tf.studies import auxiliary_search
from mtl_tf.training import launcher
from tests.helpers import generated
from tests.helpers import launcher_runs
from tests.helpers import page_reader

_ROWS = {"train": 16, "dev": 8, "test": 8, "unlabeled": 4}
_AFFINITY = np.array([[0.9, 0.3, 0.1], [0.2, 0.9, 0.4], [-0.1, 0.5, 0.9]])
_NAMES = ("books", "films", "games")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.make_corpus(tmp_path_factory, _ROWS)


@pytest.fixture(scope="module")
def corpus_with_error(tmp_path_factory):
    """A corpus in which a lower score of books is better."""
    folder = tmp_path_factory.mktemp("generated")
    return tasks_lib.Corpus.read(
        generated.write_corpus(
            str(folder / "corpus"), rows=_ROWS, metrics={"books": "macro_mae"}
        )
    )


class Rounds(list):
    """Tasks of the runs of each round, and the scores by tasks."""

    def __init__(self):
        super().__init__()
        self.scores = {}

    def train_all(self, configs, processes):
        del processes
        self.append([config.tasks for config in configs])
        return [make_results(config, self.scores) for config in configs]


@pytest.fixture
def rounds(monkeypatch):
    """Rounds of fake runs."""
    rounds = Rounds()
    monkeypatch.setattr(launcher, "train_all", rounds.train_all)
    monkeypatch.setattr(run_directory.Run, "read", lambda run_dir: None)
    monkeypatch.setattr(
        affinity_file,
        "read",
        lambda run: affinity_file.Affinity(_NAMES, _AFFINITY),
    )
    return rounds


def make_results(config, scores):
    """Makes results; the test scores are the opposite of the dev scores."""
    key = config.tasks
    if len(key) == 3:
        key = (key[0], *sorted(key[1:]))
    dev = scores.get(key, 0.0)

    def by_split(dev, test):
        return {
            name: {
                "main": {
                    split: {"accuracy": x, "macro_mae": x}
                    for split, x in (("dev", dev), ("test", test))
                }
            }
            for name in config.tasks
        }

    results = {"tasks": by_split(dev, 1 - dev), "seconds": 2.0}
    if config.num_runs > 1:
        results["deviation"] = {"tasks": by_split(0.01, 0.02)}
    return results


def make_config(corpus, tmp_path, **settings):
    config = launcher_runs.make_config(corpus, tmp_path)
    return mtl_tf.Config(**config.to_dict() | settings)


def read_table(tmp_path):
    with open(tmp_path / "run" / "candidates.csv", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def chosen(rows):
    return [row["auxiliary"] for row in rows if row["chosen"]]


def test_forward_adds_the_best_task_as_long_as_one_helps(
    corpus, tmp_path, rounds
):
    rounds.scores = {
        ("books",): 0.5,
        ("books", "films"): 0.6,
        ("books", "games"): 0.7,
        ("books", "films", "games"): 0.75,
    }
    config = make_config(corpus, tmp_path, main_task="books", num_runs=2)
    result = auxiliary_search.run(config)
    assert chosen(result.rows) == ["games", "games+films"]
    assert [row["step"] for row in result.rows] == [0, 1, 1, 2]
    np.testing.assert_allclose(
        [row["gain"] for row in result.rows], [0, 0.1, 0.2, 0.25]
    )
    flags = (tmp_path / "run" / "auxiliary.flags").read_text()
    assert flags.splitlines()[1:] == [
        "--main_task=books",
        "--tasks=books,films,games",
    ]
    lines = read_table(tmp_path)
    assert [line["auxiliary"] for line in lines] == [
        "",
        "films",
        "games",
        "games+films",
    ]
    assert [float(line["dev"]) for line in lines] == [0.5, 0.6, 0.7, 0.75]
    assert {line["dev_deviation"] for line in lines} == {"0.01"}
    assert {line["test_deviation"] for line in lines} == {"0.02"}
    assert [line["affinity"] for line in lines] == [""] * 4
    assert "books + games + films" in result.text
    assert "70.0 ± 1.0" in result.text


@pytest.mark.parametrize("third", [0.7, 0.6])
def test_forward_stops_when_no_task_helps(corpus, tmp_path, rounds, third):
    """Also at an equal score, although the test score would be better."""
    rounds.scores = {
        ("books",): 0.5,
        ("books", "films"): 0.7,
        ("books", "films", "games"): third,
    }
    config = make_config(corpus, tmp_path, main_task="books")
    rows = auxiliary_search.run(config).rows
    assert chosen(rows) == ["films"]


def test_main_task_alone_may_be_the_best(corpus, tmp_path, rounds):
    rounds.scores = {("books",): 0.5, ("books", "films"): 0.4}
    config = make_config(corpus, tmp_path, main_task="books")
    assert not chosen(auxiliary_search.run(config).rows)
    flags = (tmp_path / "run" / "auxiliary.flags").read_text()
    assert flags.endswith("--main_task=books\n--tasks=books\n")
    page = (tmp_path / "run" / "search.html").read_text()
    assert "none: no auxiliary task raised the dev score of books" in page


def test_max_auxiliary_ends_a_forward_search(corpus, tmp_path, rounds):
    rounds.scores = {("books", "films"): 0.7, ("books", "films", "games"): 0.9}
    config = make_config(corpus, tmp_path, main_task="books")
    rows = auxiliary_search.run(config, max_auxiliary=1).rows
    assert chosen(rows) == ["films"]
    assert max(row["step"] for row in rows) == 1


def test_lower_errors_are_gains(corpus_with_error, tmp_path, rounds):
    rounds.scores = {
        ("books",): 0.5,
        ("books", "films"): 0.6,
        ("books", "games"): 0.4,
        ("books", "films", "games"): 0.45,
    }
    config = make_config(corpus_with_error, tmp_path, main_task="books")
    rows = auxiliary_search.run(config).rows
    assert chosen(rows) == ["games"]
    np.testing.assert_allclose(
        [row["gain"] for row in rows[:3]], [0, -0.1, 0.1]
    )


def test_pairs_are_trained_in_one_round_and_compared_with_affinity(
    corpus, tmp_path, rounds
):
    rounds.scores = {(name,): 0.5 for name in _NAMES} | {
        ("books", "films"): 0.53,
        ("books", "games"): 0.52,
        ("films", "books"): 0.51,
        ("films", "games"): 0.56,
        ("games", "books"): 0.48,
        ("games", "films"): 0.55,
    }
    config = make_config(corpus, tmp_path, affinity_every=2)
    result = auxiliary_search.run(config, "pairs")
    assert rounds[0] == [
        *[("books",), ("books", "films"), ("books", "games")],
        *[("films",), ("films", "books"), ("films", "games")],
        *[("games",), ("games", "books"), ("games", "films")],
        _NAMES,
    ]
    by_pair = {
        (row["main_task"], row["candidate"]): (row["gain"], row["affinity"])
        for row in result.rows
        if row["candidate"]
    }
    assert by_pair["books", "films"] == (pytest.approx(0.03), 0.3)
    assert by_pair["games", "books"] == (pytest.approx(-0.02), -0.1)
    assert chosen(result.rows) == ["films", "games", "films"]
    # Affinities 3 1 2 4 -1 5 and gains 3 2 1 6 -2 5 have the ranks 4 2 3 5 1 6
    # and 4 3 2 6 1 5: 1 - 6 (1 + 1 + 1 + 1) / (6 * 35).
    expected = 1 - 24 / 210
    assert f"{expected:.2f} over 6 pairs" in result.text
    page = page_reader.ParsedPage(tmp_path / "run" / "search.html")
    assert f"main and an auxiliary task: {expected:.2f}" in page.text
    assert page.tags.count("svg") == 2
    (row,) = [row for row in page.tables[0] if row[0] == "games + films"]
    assert row[2:] == ["55.0", "+5.0", "45.0", "+50 %", "chosen", "2 s"]
    assert not os.path.exists(tmp_path / "run" / "auxiliary.flags")


def test_another_search_in_the_directory_is_refused(corpus, tmp_path, rounds):
    config = make_config(corpus, tmp_path, main_task="books")
    auxiliary_search.run(config)
    # More seeds, and more auxiliary tasks, continue the search.
    more = make_config(corpus, tmp_path, main_task="books", num_runs=2)
    auxiliary_search.run(more, max_auxiliary=1)
    with pytest.raises(ValueError, match="search_method: forward -> pairs"):
        auxiliary_search.run(config, "pairs")
    other = make_config(corpus, tmp_path, main_task="films")
    with pytest.raises(ValueError, match="main_task: books -> films"):
        auxiliary_search.run(other)


def test_unknown_method_is_refused(corpus, tmp_path):
    config = make_config(corpus, tmp_path, main_task="books")
    with pytest.raises(ValueError, match="method='best': expected one of"):
        mtl_tf.search_auxiliary(config, method="best")


def test_interruption_tells_how_to_continue(corpus, tmp_path, monkeypatch):
    def train_all(configs, processes):
        raise KeyboardInterrupt

    monkeypatch.setattr(launcher, "train_all", train_all)
    config = make_config(corpus, tmp_path, main_task="books")
    with pytest.raises(KeyboardInterrupt) as caught:
        auxiliary_search.run(config)
    (note,) = caught.value.__notes__
    assert "the same command continues" in note


def test_real_search_measures_affinity(corpus, tmp_path, monkeypatch):
    """Runs that have ended are read, also from Python."""
    monkeypatch.setattr(
        launcher,
        "train_all",
        lambda configs, processes: [launcher.train(x) for x in configs],
    )
    config = make_config(
        corpus,
        tmp_path,
        tasks=["books", "games"],
        main_task="games",
        sharing="fully_shared",
        affinity_every=2,
        pictures=False,
    )
    rows = auxiliary_search.run(config).rows
    assert [row["auxiliary"] for row in rows] == ["", "books"]
    run = run_directory.Run.read(str(tmp_path / "run" / "all_tasks"))
    affinity = affinity_file.read(run)
    assert affinity.tasks == ("books", "games")
    assert np.isfinite(affinity.matrix).all()
    assert rows[1]["affinity"] == affinity.matrix[1, 0] != affinity.matrix[0, 1]
    results = run_directory.read_results(
        str(tmp_path / "run" / "runs" / "games+books")
    )
    assert (
        rows[1]["dev"] == results["tasks"]["games"]["main"]["dev"]["accuracy"]
    )
    again = mtl_tf.search_auxiliary(config)
    values = again if isinstance(again, list) else again.to_dict("records")
    assert [row["dev"] for row in values] == [row["dev"] for row in rows]
    assert [row["seconds"] for row in values] == [
        row["seconds"] for row in rows
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
