"""Initial weights of runs that start from another run."""

import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import checksums
from tests.helpers import generated
from tests.helpers import trained_runs
from tests.helpers import warm_starts

_TABLE = "word_embedding/table"
_KERNEL = "head/softmax_head/kernel"
_BIAS = "head/softmax_head/bias"
# Size of the features of one encoder.
_HIDDEN_SIZE = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("warm_start")


@pytest.fixture(scope="module")
def corpus(folder):
    rows = {"train": 32, "dev": 12, "test": 4}
    return generated.write_corpus(str(folder / "corpus"), rows=rows)


@pytest.fixture(scope="module")
def trained(folder, corpus):
    """A run on two of the three tasks."""
    tasks = ("books", "games")
    return trained_runs.leave_run(corpus, folder / "trained", tasks=tasks)


@pytest.fixture(scope="module")
def fully_shared(folder, corpus):
    """A run on all three tasks."""
    settings = {"sharing": "fully_shared"}
    return trained_runs.leave_run(corpus, folder / "fully_shared", **settings)


def test_same_tasks_start_from_all_trained_weights(corpus, trained, tmp_path):
    tasks = ("books", "games")
    new, start, summary = warm_starts.start_from(
        trained, corpus, tmp_path, tasks=tasks
    )
    warm_starts.assert_weights(new, start, trained, {})
    warm_starts.assert_same_predictions(new, trained, tasks)
    assert summary == {
        "checkpoint": f"{trained}/checkpoints/best/ckpt-1",
        "tokens": {"loaded": len(new.vocabulary), "fresh": 0, "left": 0},
        "tasks": {"loaded": list(tasks), "fresh": [], "left": []},
        "labels": {
            "loaded": ["books/bad", "books/good", "games/no", "games/yes"],
            "fresh": [],
            "left": [],
        },
        "weights": {
            path: {"loaded": value.size, "of": value.size}
            for path, value in start.items()
        },
        "weights_left": [],
    }


def test_only_weights_are_loaded(corpus, trained, tmp_path):
    tasks = ("books", "games")
    new, start, _ = warm_starts.start_from(
        trained, corpus, tmp_path, tasks=tasks
    )
    config = trained_runs.make_config(corpus, tmp_path, tasks=tasks, seed=1)
    other = experiment_lib.Experiment(config)
    compared = set()
    for part, variables in new.trainer.parts.items():
        for name in variables.keys() - start.keys():
            np.testing.assert_array_equal(
                variables[name], other.trainer.parts[part][name], err_msg=name
            )
            compared.add(part)
    # Variables of the model other than weights are the seeds of dropout.
    assert {"training", "model", "optimizer"} < compared
    assert new.state["best_score"] == -np.inf


def test_new_task_starts_from_random_weights(corpus, trained, tmp_path):
    new, start, summary = warm_starts.start_from(trained, corpus, tmp_path)
    rows = {
        # books, films, games.
        "private_encoder": ([0, 2], [0, 1]),
        "task_discriminator": ([0, 2], [0, 1]),
        # bad and good; poor, fair and great; no and yes.
        "softmax_head": ([0, 1, 5, 6], [0, 1, 2, 3]),
    }
    warm_starts.assert_weights(new, start, trained, rows)
    warm_starts.assert_same_predictions(new, trained, ("books", "games"))
    assert summary["tasks"]["fresh"] == ["films"]
    assert summary["labels"]["fresh"] == [
        "films/poor",
        "films/fair",
        "films/great",
    ]
    # 4 of 7 rows for the features of both encoders; 2 of 3 rows.
    counts, feature_size = summary["weights"], 2 * _HIDDEN_SIZE
    assert counts[_KERNEL] == {
        "loaded": 4 * feature_size,
        "of": 7 * feature_size,
    }
    assert counts["task_discriminator/bias"] == {"loaded": 2, "of": 3}


def test_weights_of_a_missing_task_are_not_loaded(
    corpus, fully_shared, tmp_path
):
    new, start, summary = warm_starts.start_from(
        fully_shared,
        corpus,
        tmp_path,
        tasks=("films", "games"),
        sharing="fully_shared",
        adversarial_weight=0.0,
    )
    rows = {"softmax_head": ([0, 1, 2, 3, 4], [2, 3, 4, 5, 6])}
    warm_starts.assert_weights(new, start, fully_shared, rows)
    assert summary["tasks"]["left"] == ["books"]
    assert summary["labels"]["left"] == ["books/bad", "books/good"]
    assert summary["weights_left"] == [
        "task_discriminator/bias",
        "task_discriminator/kernel",
    ]


def test_discriminator_without_trained_one_starts_from_random_weights(
    corpus, tmp_path
):
    # The tasks are different, so only shared weights are loaded.
    shared = {"sharing": "fully_shared"}
    single = {"tasks": ("books",), "adversarial_weight": 0.0}
    books = trained_runs.leave_run(
        corpus, tmp_path / "books", **shared, **single
    )
    new, start, summary = warm_starts.start_from(
        books, corpus, tmp_path, tasks=("films", "games"), **shared
    )
    rows = {"softmax_head": ([], []), "task_discriminator": ([], [])}
    warm_starts.assert_weights(new, start, books, rows)
    assert summary["tasks"] == {
        "loaded": [],
        "fresh": ["films", "games"],
        "left": ["books"],
    }
    assert summary["weights"]["task_discriminator/bias"]["loaded"] == 0


def test_tasks_may_have_another_order(corpus, trained, tmp_path):
    # A corpus sorts its tasks, but loading must not depend on that.
    new, start, _ = warm_starts.start_from(
        trained, corpus, tmp_path, tasks=("books", "games"), reverse=True
    )
    rows = {
        "private_encoder": ([0, 1], [1, 0]),
        "task_discriminator": ([0, 1], [1, 0]),
        "softmax_head": ([0, 1, 2, 3], [2, 3, 0, 1]),
    }
    warm_starts.assert_weights(new, start, trained, rows)


def test_labels_and_words_may_have_changed(
    corpus, fully_shared, tmp_path, monkeypatch
):
    monkeypatch.setitem(generated.LABELS, "films", ("great", "awful", "poor"))
    changed = generated.write_corpus(
        str(tmp_path / "changed"),
        rows={"train": 10, "dev": 4, "test": 4},
        task_names=("books", "films"),
        seed=5,
    )
    tokens, trained_tokens = (
        list(
            vocabulary_lib.Vocabulary.read(
                f"{folder}/{vocabulary_lib.VOCABULARY_FILE}"
            ).tokens
        )
        for folder in (changed, corpus)
    )
    # A word that the trained run does not have.
    tokens[4] = "neverseen"
    path = f"{changed}/{vocabulary_lib.VOCABULARY_FILE}"
    vocabulary_lib.Vocabulary(tuple(tokens)).write(path)
    declaration = tasks_lib.Corpus.read(changed).declaration
    declaration["files"][vocabulary_lib.VOCABULARY_FILE] = checksums.sha256(
        path
    )
    with open(f"{changed}/corpus.json", "w", encoding="utf-8") as file:
        json.dump(checksums.sign(declaration), file)
    new, start, summary = warm_starts.start_from(
        fully_shared, changed, tmp_path, sharing="fully_shared"
    )
    pairs = [
        (row, trained_tokens.index(token))
        for row, token in enumerate(tokens)
        if token in trained_tokens
    ]
    assert pairs[:4] == [(0, 0), (1, 1), (2, 2), (3, 3)]
    assert all(row != 4 for row, _ in pairs)
    assert any(row != trained_row for row, trained_row in pairs)
    rows = {
        "word_embedding": tuple(map(list, zip(*pairs, strict=True))),
        # New labels: bad, good, great, awful, poor; trained ones: bad, good,
        # poor, fair, great, no, yes.
        "softmax_head": ([0, 1, 2, 4], [0, 1, 4, 2]),
        "task_discriminator": ([0, 1], [0, 1]),
    }
    warm_starts.assert_weights(new, start, fully_shared, rows)
    assert summary["tokens"] == {
        "loaded": len(pairs),
        "fresh": len(tokens) - len(pairs),
        "left": len(trained_tokens) - len(pairs),
    }
    assert summary["labels"] == {
        "loaded": ["books/bad", "books/good", "films/great", "films/poor"],
        "fresh": ["films/awful"],
        "left": ["films/fair", "games/no", "games/yes"],
    }


def test_private_encoders_may_be_added(corpus, fully_shared, tmp_path):
    new, start, summary = warm_starts.start_from(
        fully_shared, corpus, tmp_path, tasks=("books", "games")
    )
    # The shared features come first in the input of the softmax head.
    labels = [0, 1, 5, 6]
    start[_KERNEL][:, :_HIDDEN_SIZE] = warm_starts.read_weight(
        fully_shared, _KERNEL
    )[labels]
    start[_BIAS] = warm_starts.read_weight(fully_shared, _BIAS)[labels]
    rows = {
        "private_encoder": ([], []),
        "softmax_head": ([], []),
        "task_discriminator": ([0, 1], [0, 2]),
    }
    warm_starts.assert_weights(new, start, fully_shared, rows)
    assert summary["weights"][_KERNEL] == {
        "loaded": 4 * _HIDDEN_SIZE,
        "of": 4 * 2 * _HIDDEN_SIZE,
    }


def test_private_encoders_may_be_removed(corpus, trained, tmp_path):
    new, start, summary = warm_starts.start_from(
        trained,
        corpus,
        tmp_path,
        tasks=("books", "games"),
        sharing="fully_shared",
    )
    start[_KERNEL] = warm_starts.read_weight(trained, _KERNEL)[:, :_HIDDEN_SIZE]
    start[_BIAS] = warm_starts.read_weight(trained, _BIAS)
    warm_starts.assert_weights(new, start, trained, {"softmax_head": ([], [])})
    assert summary["weights_left"] == [
        "encoder/private_encoder/lstm_0/bias",
        "encoder/private_encoder/lstm_0/kernel",
        "encoder/private_encoder/lstm_0/recurrent_kernel",
    ]


def test_single_task_run_starts_from_the_model_of_its_task(corpus, tmp_path):
    single = trained_runs.leave_single_task_run(
        corpus, tmp_path / "single", ("books", "games")
    )
    games = os.path.join(single, "tasks", "games")
    settings = {"tasks": ("games",), **trained_runs.SINGLE_TASK}
    # From the run on all tasks, and from the part for the task.
    for source in (single, games):
        new, start, summary = warm_starts.start_from(
            source, corpus, tmp_path, **settings
        )
        warm_starts.assert_weights(new, start, games, {})
        assert summary["checkpoint"].startswith(games + os.sep)


def test_run_records_initial_weights_and_resumes_without_them(corpus, tmp_path):
    settings = {
        "sharing": "fully_shared",
        "encoder": "bag_of_words",
        "pooling": "mean",
        "adversarial_weight": 0.0,
    }
    source = trained_runs.leave_run(
        corpus, tmp_path / "source", tasks=("books", "games"), **settings
    )
    table = warm_starts.read_weight(source, _TABLE)
    vectors = tmp_path / "vectors.txt"
    vectors.write_text("good1 1 2 3 4 5\n")
    settings |= {
        "init_from": source,
        "word_vectors": [str(vectors)],
        "train_word_vectors": False,
    }

    def train(name, epochs):
        config = trained_runs.make_config(
            corpus, tmp_path / name, epochs=epochs, **settings
        )
        experiment = experiment_lib.Experiment(config)
        experiment.run()
        return experiment

    unbroken = train("unbroken", 2)
    # Trained vectors replace pretrained ones.
    np.testing.assert_array_equal(
        warm_starts.weights_of(unbroken)[_TABLE], table
    )
    train("broken", 1)
    assets = tmp_path / "broken" / "assets"
    summary = json.loads((assets / "init_from.json").read_text())
    assert summary["tasks"]["fresh"] == ["films"]
    assert summary["checkpoint"].startswith(source)
    (source_summary,) = json.loads((assets / "word_vectors.json").read_text())[
        "sources"
    ]
    assert source_summary["with_vector"] == 1
    shutil.rmtree(source)
    train("broken", 2)
    readers = [
        tf.train.load_checkpoint(str(tmp_path / name / "checkpoints" / "last"))
        for name in ("unbroken", "broken")
    ]
    for name in readers[0].get_variable_to_shape_map():
        if not any(x in name for x in ("seconds", "history", "_CHECK")):
            np.testing.assert_array_equal(
                *(reader.get_tensor(name) for reader in readers), err_msg=name
            )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
