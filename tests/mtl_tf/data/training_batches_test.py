"""`TrainingBatches` of the input pipeline."""

import collections
import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records


def make_split(task, split, rows, config):
    """A split of texts that no other text is like, 1 to 12 tokens long."""
    random = np.random.default_rng((task, rows))
    lengths = random.integers(1, 13, rows)
    first = 10 + 1000 * task + 500 * (split == "unlabeled")
    ids = [[first + row] * size for row, size in enumerate(lengths)]
    offsets = np.cumsum([0] + [n for size in lengths for n in (0, size)])
    rows = np.arange(rows)[: config.max_examples or None]
    return input_pipeline.Split(
        task=task,
        ids=np.array([b"row"] * len(rows), object),
        groups=np.array([b""] * len(rows), object),
        labels=random.integers(3, size=len(lengths)).astype(np.int32)[rows],
        duplicate=np.zeros(len(rows), bool),
        diversity=random.random([len(rows), 5], np.float32)
        if config.reads_diversity
        else None,
        lengths=lengths.astype(np.int32)[rows],
        tokens=records.TokenIds(np.concatenate(ids), offsets),
        rows=rows,
        max_tokens=100,
        reads_seq1=np.zeros(len(rows), bool),
    )


def make(*, rows=(24, 24, 24), unlabeled=0, **settings):
    """Training batches, and the splits they are of."""
    settings = {"batch_size": 4, **settings}
    config = config_lib.Config(**settings)
    train = [
        make_split(task, "train", count, config)
        for task, count in enumerate(rows)
    ]
    more = [
        make_split(task, "unlabeled", unlabeled, config)
        for task in range(len(rows) if unlabeled else 0)
    ]
    batches = input_pipeline.TrainingBatches(train, more, config)
    return batches, train, more


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


@pytest.mark.parametrize("unlabeled", [0, 10])
@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_batches_are_the_same_from_any_step_on(update, unlabeled):
    settings = {"update": update, "unlabeled": unlabeled}
    # A joint step has two groups of the last task.
    settings |= {"rows": (24, 24, 96), "sampling_exponent": 1.0}
    batches, *_ = make(**settings)
    unbroken = take(batches, 80)
    for first in (1, 31, 32, 79):
        resumed, *_ = make(**settings)
        for batch, other in zip(
            take(resumed, 80 - first, first), unbroken[first:], strict=True
        ):
            assert_equal(batch, other)
    # Else they could go on from the wrong step.
    assert len({batch["token_ids"].tobytes() for batch in unbroken}) > 60


def test_another_seed_gives_other_batches():
    first, second = (take(make(seed=seed)[0], 1)[0] for seed in (0, 1))
    assert first["token_ids"].tobytes() != second["token_ids"].tobytes()


def test_a_joint_step_has_each_task_once():
    batches, *_ = make()
    for batch in take(batches, 20):
        assert sorted(batch["task_ids"]) == [0, 1, 2]
        assert batch["lengths"].shape == batch["labels"].shape == (3, 4)
        assert batch["token_ids"].shape == (3, 4, batch["lengths"].max())


def test_an_alternating_step_has_one_group():
    batches, *_ = make(update="alternating")
    drawn = [batch["task_ids"].tolist() for batch in take(batches, 12)]
    for begin in range(0, 12, 3):
        assert sorted(drawn[begin : begin + 3]) == [[0], [1], [2]]


def place(split, batch, group):
    """The rows of a split that stand in a group, by their tokens."""
    time = batch["token_ids"].shape[-1]
    fitting = np.flatnonzero(split.lengths <= time)
    rows = {
        tokens.tobytes(): row
        for row, tokens in zip(fitting, split.pad(fitting, time), strict=True)
    }
    return [rows[tokens.tobytes()] for tokens in batch["token_ids"][group]]


def test_groups_hold_texts_lengths_and_labels_of_the_same_rows():
    batches, train, _ = make()
    for batch in take(batches, 10):
        for group, task in enumerate(batch["task_ids"]):
            rows = place(train[task], batch, group)
            np.testing.assert_array_equal(
                batch["labels"][group], train[task].labels[rows]
            )
            np.testing.assert_array_equal(
                batch["lengths"][group], train[task].lengths[rows]
            )


@pytest.mark.parametrize("update", ["joint", "alternating"])
def test_every_row_of_a_task_comes_equally_often(update):
    batches, train, _ = make(update=update)
    # A window of 32 batches of 4 is 128 rows: 3 windows are 16 passes of 24.
    counts = [collections.Counter() for _ in train]
    for batch in take(batches, 96 * (1 if update == "joint" else 3)):
        for group, task in enumerate(batch["task_ids"]):
            counts[task].update(place(train[task], batch, group))
    assert counts == [dict.fromkeys(range(24), 16)] * 3


_LABEL_TRANSFER = {"label_transfer": "semi_supervised", "main_task": "a"}


@pytest.mark.parametrize("unlabeled", [0, 10])
def test_diversity_features_are_those_of_the_rows(unlabeled):
    batches, train, more = make(unlabeled=unlabeled, **_LABEL_TRANSFER)
    for batch in take(batches, 40):
        parts = [(batch, train)]
        parts += [(batch["unlabeled"], more)] if unlabeled else []
        for part, splits in parts:
            for group, task in enumerate(part["task_ids"]):
                rows = place(splits[task], part, group)
                np.testing.assert_array_equal(
                    part["diversity"][group], splits[task].diversity[rows]
                )
    spec = batches.signature["diversity"]
    assert (spec.shape.rank, spec.shape[-1], spec.dtype) == (3, 5, np.float32)


def test_unlabeled_groups_are_of_every_task():
    batches, _, splits = make(unlabeled=10)
    counts = [collections.Counter() for _ in splits]
    # 5 windows of 128 rows are 64 passes of 10.
    for batch in take(batches, 160):
        group = batch["unlabeled"]
        assert sorted(group) == ["lengths", "task_ids", "token_ids"]
        assert group["task_ids"].tolist() == [0, 1, 2]
        assert group["lengths"].shape == (3, 4)
        for number, split in enumerate(splits):
            counts[number].update(place(split, group, number))
    assert counts == [dict.fromkeys(range(10), 64)] * 3


def test_unlabeled_rows_do_not_follow_the_labeled_ones():
    # As many, of the same lengths: only the order could tell them apart.
    batches, train, unlabeled = make(rows=(200, 200, 200), unlabeled=200)
    np.testing.assert_array_equal(train[0].lengths, unlabeled[0].lengths)
    (batch,) = take(batches, 1)
    group = batch["task_ids"].tolist().index(0)
    assert place(train[0], batch, group) != place(
        unlabeled[0], batch["unlabeled"], 0
    )


@pytest.mark.parametrize(
    ("settings", "wanted"),
    [
        # 72 rows; a joint step draws 3 * 4, or 3 * 5 (4.8 steps), one group 4.
        ({}, 6),
        ({"batch_size": 5}, 5),
        ({"update": "alternating"}, 18),
        ({"steps_per_epoch": 7}, 7),
        # 3 * 2 rows, of which a step could draw twice as many.
        ({"max_examples": 2}, 1),
    ],
)
def test_steps_of_an_epoch(settings, wanted):
    assert make(**settings)[0].steps_per_epoch == wanted


@pytest.mark.parametrize("unlabeled", [0, 10])
def test_the_signature_is_that_of_the_batches(unlabeled):
    batches, *_ = make(unlabeled=unlabeled)
    batch = next(batches.generate(0))
    tf.nest.assert_same_structure(batch, batches.signature)
    for array, spec in zip(
        tf.nest.flatten(batch), tf.nest.flatten(batches.signature), strict=True
    ):
        assert spec.is_compatible_with(tf.convert_to_tensor(array)), spec


def test_a_task_without_rows_cannot_be_trained_on():
    _, train, _ = make()
    empty = dataclasses.replace(train[1], rows=np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="task 1 has no rows to train on"):
        input_pipeline.TrainingBatches(
            [train[0], empty], [], config_lib.Config()
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))


@pytest.mark.parametrize(
    "settings", [{}, {"label_transfer": "supervised", "main_task": "a"}]
)
def test_rows_that_are_taken_keep_what_is_theirs(settings):
    config = config_lib.Config(**settings)
    split = make_split(1, "train", 24, config)
    rows = np.array([3, 4, 20])
    taken = split.take(rows)
    assert len(taken) == 3
    assert taken.task == 1
    for name in ("ids", "groups", "labels", "duplicate", "lengths", "rows"):
        whole, part = getattr(split, name), getattr(taken, name)
        np.testing.assert_array_equal(part, whole[rows])
    np.testing.assert_array_equal(
        taken.pad(np.arange(3), 12), split.pad(rows, 12)
    )
    if settings:
        np.testing.assert_array_equal(taken.diversity, split.diversity[rows])
    else:
        assert taken.diversity is None


@pytest.mark.parametrize("sampling_exponent", [0.0, 1.0])
def test_tokens_of_an_epoch_are_those_of_many_epochs(sampling_exponent):
    batches, *_ = make(
        rows=(24, 24, 96), sampling_exponent=sampling_exponent, update="joint"
    )
    epochs = 40
    found = take(batches, epochs * batches.steps_per_epoch)
    tokens = sum(int(batch["lengths"].sum()) for batch in found)
    assert batches.tokens_per_epoch == pytest.approx(tokens / epochs, rel=0.05)
