"""`TrainingBatches`, on a generated corpus."""

import collections
import dataclasses
import itertools

import numpy as np
import pytest

from mtl_tf import config as config_lib
from mtl_tf import input_pipeline
from mtl_tf import tasks as tasks_lib
from tests import generated

_ROWS = {"train": 24, "dev": 8, "test": 8, "unlabeled": 10}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    generated.write_corpus(data_dir, rows=_ROWS)
    return tasks_lib.Corpus.read(data_dir)


def make(corpus, *, unlabeled=False, **settings):
    """Training batches of the corpus, and its training splits."""
    settings = {"batch_size": 4, **settings}
    config = config_lib.Config(**settings)
    train, more = (
        [
            input_pipeline.read_split(
                corpus, corpus.tasks, number, split, config
            )
            for number in range(len(corpus.tasks))
        ]
        for split in ("train", "unlabeled")
    )
    batches = input_pipeline.TrainingBatches(
        train, more if unlabeled else [], config
    )
    return batches, train


def take(batches, count, first_step=0):
    return list(itertools.islice(batches.generate(first_step), count))


def assert_equal(batch, other):
    assert batch.keys() == other.keys()
    for name, value in batch.items():
        if isinstance(value, dict):
            assert_equal(value, other[name])
        else:
            assert value.dtype == other[name].dtype
            np.testing.assert_array_equal(value, other[name])


@pytest.mark.parametrize("unlabeled", [False, True])
@pytest.mark.parametrize("steps", ["joint", "alternate"])
def test_batches_are_the_same_from_any_step_on(corpus, steps, unlabeled):
    settings = {"steps": steps, "unlabeled": unlabeled}
    settings["sampling_exponent"] = 0.5
    batches, _ = make(corpus, **settings)
    unbroken = take(batches, 80)
    for first in (1, 31, 32, 79):
        resumed, _ = make(corpus, **settings)
        for batch, other in zip(
            take(resumed, 80 - first, first), unbroken[first:], strict=True
        ):
            assert_equal(batch, other)
    # Else they could go on from the wrong step.
    assert len({batch["tokens"].tobytes() for batch in unbroken}) > 60


def test_another_seed_gives_other_batches(corpus):
    first, second = (take(make(corpus, seed=seed)[0], 1)[0] for seed in (0, 1))
    assert first["tokens"].tobytes() != second["tokens"].tobytes()


def test_a_joint_step_has_each_task_once(corpus):
    batches, _ = make(corpus)
    for batch in take(batches, 20):
        assert sorted(batch["task"]) == [0, 1, 2]
        assert batch["lengths"].shape == batch["labels"].shape == (3, 4)
        assert batch["tokens"].shape == (3, 4, batch["lengths"].max())


def test_an_alternating_step_has_one_group(corpus):
    batches, _ = make(corpus, steps="alternate")
    drawn = [batch["task"].tolist() for batch in take(batches, 12)]
    for begin in range(0, 12, 3):
        assert sorted(drawn[begin : begin + 3]) == [[0], [1], [2]]


def place(split, batch, group):
    """The rows of a split that stand in a group, by their tokens."""
    time = batch["tokens"].shape[-1]
    fitting = np.flatnonzero(split.lengths <= time)
    rows = {
        tokens.tobytes(): row
        for row, tokens in zip(fitting, split.pad(fitting, time), strict=True)
    }
    # Every generated text is one of its own.
    assert len(rows) == len(fitting)
    return [rows[tokens.tobytes()] for tokens in batch["tokens"][group]]


def test_groups_hold_texts_lengths_and_labels_of_the_same_rows(corpus):
    batches, train = make(corpus)
    for batch in take(batches, 10):
        for group, task in enumerate(batch["task"]):
            rows = place(train[task], batch, group)
            np.testing.assert_array_equal(
                batch["labels"][group], train[task].labels[rows]
            )
            np.testing.assert_array_equal(
                batch["lengths"][group], train[task].lengths[rows]
            )


@pytest.mark.parametrize("steps", ["joint", "alternate"])
def test_every_row_of_a_task_comes_equally_often(corpus, steps):
    batches, train = make(corpus, steps=steps)
    # A window of 32 batches of 4 is 128 rows: 3 windows are 16 passes of 24.
    counts = [collections.Counter() for _ in train]
    for batch in take(batches, 96 * (1 if steps == "joint" else 3)):
        for group, task in enumerate(batch["task"]):
            counts[task].update(place(train[task], batch, group))
    assert counts == [dict.fromkeys(range(24), 16)] * 3


def test_unlabeled_groups_are_of_every_task(corpus):
    batches, _ = make(corpus, unlabeled=True)
    config = config_lib.Config()
    splits = [
        input_pipeline.read_split(corpus, corpus.tasks, n, "unlabeled", config)
        for n in range(3)
    ]
    counts = [collections.Counter() for _ in splits]
    # 5 windows of 128 rows are 64 passes of 10.
    for batch in take(batches, 160):
        group = batch["unlabeled"]
        assert sorted(group) == ["lengths", "task", "tokens"]
        assert group["task"].tolist() == [0, 1, 2]
        assert group["lengths"].shape == (3, 4)
        for number, split in enumerate(splits):
            counts[number].update(place(split, group, number))
    assert counts == [dict.fromkeys(range(10), 64)] * 3


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        # 72 rows; a joint step draws 3 * 4, or 3 * 5 (4.8 steps), one group 4.
        ({}, 6),
        ({"batch_size": 5}, 5),
        ({"steps": "alternate"}, 18),
        ({"steps_per_epoch": 7}, 7),
        # 3 * 2 rows, of which a step could draw twice as many.
        ({"max_examples": 2}, 1),
    ],
)
def test_steps_of_an_epoch(corpus, settings, wanted):
    assert make(corpus, **settings)[0].steps_per_epoch == wanted


@pytest.mark.parametrize("unlabeled", [False, True])
def test_the_dataset_is_what_generate_yields(corpus, unlabeled):
    batches, _ = make(corpus, unlabeled=unlabeled)
    dataset = batches.dataset(2)
    assert dataset.element_spec == batches.signature
    for batch, other in zip(
        dataset.take(4).as_numpy_iterator(),
        take(batches, 4, first_step=2),
        strict=True,
    ):
        assert_equal(batch, other)


def test_a_task_without_rows_cannot_be_trained_on(corpus):
    _, train = make(corpus)
    empty = dataclasses.replace(train[1], rows=np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="task 1 has no rows to train on"):
        input_pipeline.TrainingBatches(
            [train[0], empty], [], config_lib.Config()
        )


def test_train_dev_and_test_are_disjoint(corpus):
    names = collections.Counter()
    for number, task in enumerate(corpus.tasks):
        for split in tasks_lib.LABELED_SPLITS:
            read = input_pipeline.read_split(
                corpus, corpus.tasks, number, split, config_lib.Config()
            )
            assert len(read) == corpus.rows[task.name][split]
            names.update(read.ids.tolist())
    assert set(names.values()) == {1}
    assert len(names) == 3 * (24 + 8 + 8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
