import collections
import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import training_batches


def make_split(task_id, split, rows, config):
    """Makes a split of distinct texts of 1 to 12 tokens."""
    random = np.random.default_rng((task_id, rows))
    lengths = random.integers(1, 13, rows)
    first = 10 + 1000 * task_id + 500 * (split == "unlabeled")
    ids = [[first + row] * size for row, size in enumerate(lengths)]
    offsets = np.cumsum([0] + [n for size in lengths for n in (0, size)])
    rows = np.arange(rows)[: config.max_train_examples_of("any")]
    return input_pipeline.Split(
        task_id=task_id,
        ids=np.array([b"row"] * len(rows), object),
        groups=np.array([b""] * len(rows), object),
        labels=random.integers(3, size=len(lengths)).astype(np.int32)[rows],
        duplicate=np.zeros(len(rows), bool),
        diversity=random.random([len(rows), 5], np.float32)
        if config.reads_diversity
        else None,
        lengths=lengths.astype(np.int32)[rows],
        token_ids=records.TokenIds(np.concatenate(ids), offsets),
        rows=rows,
        max_tokens=100,
        reads_seq1=np.zeros(len(rows), bool),
    )


def make(
    *, rows=(24, 24, 24), unlabeled=0, worker=0, num_workers=1, **settings
):
    """Makes training batches; returns them and their splits."""
    settings = {"batch_size": 4, **settings}
    config = config_lib.Config(**settings)
    train = [
        make_split(task_id, "train", count, config)
        for task_id, count in enumerate(rows)
    ]
    more = [
        make_split(task_id, "unlabeled", unlabeled, config)
        for task_id in range(len(rows) if unlabeled else 0)
    ]
    batches = training_batches.TrainingBatches(
        train, more, config, worker, num_workers
    )
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


_STEPS = [{}, {"task_batches": 2}, {"update": "alternating"}]


@pytest.mark.parametrize("unlabeled", [0, 10])
@pytest.mark.parametrize("step", _STEPS)
def test_batches_do_not_depend_on_the_first_step(step, unlabeled):
    settings = {**step, "unlabeled": unlabeled}
    # A joint step has two batches of the last task.
    settings |= {"rows": (24, 24, 96), "sampling_exponent": 1.0}
    batches, *_ = make(**settings)
    uninterrupted = take(batches, 80)
    for first in (1, 31, 32, 79):
        resumed, *_ = make(**settings)
        for batch, other in zip(
            take(resumed, 80 - first, first), uninterrupted[first:], strict=True
        ):
            assert_equal(batch, other)
    # Distinct, or resuming at another step would go unnoticed.
    assert len({batch["token_ids"].tobytes() for batch in uninterrupted}) > 60


def part(array, worker, num_workers):
    size = len(array) // num_workers
    return array[worker * size : (worker + 1) * size]


@pytest.mark.parametrize("num_workers", [2, 4])
def test_workers_share_the_task_batches_of_a_step(num_workers):
    settings = {"rows": (24, 24, 24, 96), "unlabeled": 10}
    # A step has task batches of other tasks than the one before.
    settings["sampling_exponent"] = 1.0
    batches, *_ = make(**settings)
    whole = take(batches, 40, 3)
    assert len({batch["task_ids"].tobytes() for batch in whole}) > 5
    for worker in range(num_workers):
        batches, *_ = make(worker=worker, num_workers=num_workers, **settings)
        for mine, batch in zip(take(batches, 40, 3), whole, strict=True):
            for texts, of_all in (
                (mine, batch),
                (mine["unlabeled"], batch["unlabeled"]),
            ):
                # The task ids are those of all workers.
                assert texts["task_ids"].dtype == np.int32
                np.testing.assert_array_equal(
                    texts["task_ids"], of_all["task_ids"]
                )
                lengths = part(of_all["lengths"], worker, num_workers)
                np.testing.assert_array_equal(texts["lengths"], lengths)
                # Padded to the longest text of the worker.
                assert texts["token_ids"].shape[-1] == lengths.max()
                np.testing.assert_array_equal(
                    texts["token_ids"],
                    part(of_all["token_ids"], worker, num_workers)[
                        ..., : lengths.max()
                    ],
                )
            np.testing.assert_array_equal(
                mine["labels"], part(batch["labels"], worker, num_workers)
            )


def test_worker_pads_its_own_texts_alone(monkeypatch):
    padded = []
    pad = input_pipeline.Split.pad

    def recording_pad(split, rows, seq_len):
        padded.append(split.task_id)
        return pad(split, rows, seq_len)

    monkeypatch.setattr(input_pipeline.Split, "pad", recording_pad)
    batches, *_ = make(
        rows=(24, 24, 24, 24), unlabeled=10, worker=1, num_workers=2
    )
    (batch,) = take(batches, 1)
    assert padded == [*batch["task_ids"][2:], 2, 3]


def test_another_seed_gives_other_batches():
    first, second = (take(make(seed=seed)[0], 1)[0] for seed in (0, 1))
    assert first["token_ids"].tobytes() != second["token_ids"].tobytes()


def test_a_joint_step_has_each_task_once():
    batches, *_ = make()
    for batch in take(batches, 20):
        assert sorted(batch["task_ids"]) == [0, 1, 2]
        assert batch["lengths"].shape == batch["labels"].shape == (3, 4)
        assert batch["token_ids"].shape == (3, 4, batch["lengths"].max())


@pytest.mark.parametrize(
    ("step", "num_task_batches"), list(zip(_STEPS, [3, 2, 1], strict=True))
)
def test_each_task_is_once_in_as_many_task_batches(step, num_task_batches):
    batches, *_ = make(**step)
    drawn = [batch["task_ids"] for batch in take(batches, 12)]
    assert {len(task_ids) for task_ids in drawn} == {num_task_batches}
    rounds = np.sort(np.reshape(drawn, [-1, 3]))
    np.testing.assert_array_equal(rounds, [[0, 1, 2]] * len(rounds))


def test_a_step_has_at_most_as_many_task_batches_as_there_are_tasks():
    with pytest.raises(ValueError, match=r"^task_batches=4: there are 3 tasks"):
        make(task_batches=4)


def rows_in_batch(split, batch, index):
    """Returns the rows of a split in a task batch, found by their token ids."""
    seq_len = batch["token_ids"].shape[-1]
    fitting = np.flatnonzero(split.lengths <= seq_len)
    padded = split.pad(fitting, seq_len)
    rows = {
        token_ids.tobytes(): row
        for row, token_ids in zip(fitting, padded, strict=True)
    }
    return [
        rows[token_ids.tobytes()] for token_ids in batch["token_ids"][index]
    ]


def test_token_ids_lengths_and_labels_are_of_the_same_rows():
    batches, train, _ = make()
    for batch in take(batches, 10):
        for index, task_id in enumerate(batch["task_ids"]):
            rows = rows_in_batch(train[task_id], batch, index)
            np.testing.assert_array_equal(
                batch["labels"][index], train[task_id].labels[rows]
            )
            np.testing.assert_array_equal(
                batch["lengths"][index], train[task_id].lengths[rows]
            )


@pytest.mark.parametrize("step", _STEPS)
def test_rows_of_a_task_are_drawn_equally_often(step):
    batches, train, _ = make(**step)
    # A window of 32 batches of 4 is 128 rows: 3 windows are 16 passes of 24.
    counts = [collections.Counter() for _ in train]
    num_steps = 96 * 3 // batches.num_task_batches["labeled"]
    for batch in take(batches, num_steps):
        for index, task_id in enumerate(batch["task_ids"]):
            counts[task_id].update(rows_in_batch(train[task_id], batch, index))
    assert counts == [dict.fromkeys(range(24), 16)] * 3


_LABEL_TRANSFER = {"label_transfer": "semi_supervised", "main_task": "a"}


@pytest.mark.parametrize("unlabeled", [0, 10])
def test_diversity_features_are_those_of_the_rows(unlabeled):
    batches, train, more = make(unlabeled=unlabeled, **_LABEL_TRANSFER)
    for batch in take(batches, 40):
        labeled_and_unlabeled = [(batch, train)]
        if unlabeled:
            labeled_and_unlabeled.append((batch["unlabeled"], more))
        for inputs, splits in labeled_and_unlabeled:
            for index, task_id in enumerate(inputs["task_ids"]):
                rows = rows_in_batch(splits[task_id], inputs, index)
                np.testing.assert_array_equal(
                    inputs["diversity"][index], splits[task_id].diversity[rows]
                )
    spec = batches.signature["diversity"]
    assert (spec.shape.rank, spec.shape[-1], spec.dtype) == (3, 5, np.float32)


def test_unlabeled_batches_are_of_every_task():
    batches, *_ = make(unlabeled=10)
    for batch in take(batches, 10):
        unlabeled = batch["unlabeled"]
        assert sorted(unlabeled) == ["lengths", "task_ids", "token_ids"]
        assert unlabeled["task_ids"].tolist() == [0, 1, 2]
        assert unlabeled["lengths"].shape == (3, 4)


def test_tasks_take_turns_if_a_step_has_fewer_unlabeled_task_batches():
    batches, *_ = make(unlabeled=10, task_batches=2)
    drawn = [x["unlabeled"]["task_ids"].tolist() for x in take(batches, 3)]
    assert drawn == [[0, 1], [2, 0], [1, 2]]


@pytest.mark.parametrize("task_batches", [0, 2])
def test_unlabeled_rows_are_drawn_equally_often(task_batches):
    batches, _, splits = make(unlabeled=10, task_batches=task_batches)
    counts = [collections.Counter() for _ in splits]
    # 5 windows of 128 rows are 64 passes of 10.
    for batch in take(batches, 160 * 3 // (task_batches or 3)):
        unlabeled = batch["unlabeled"]
        for index, task_id in enumerate(unlabeled["task_ids"]):
            rows = rows_in_batch(splits[task_id], unlabeled, index)
            counts[task_id].update(rows)
    assert counts == [dict.fromkeys(range(10), 64)] * 3


def test_unlabeled_rows_are_drawn_independently_of_labeled_ones():
    # Equal numbers and lengths: only the order can differ.
    batches, train, unlabeled = make(rows=(200, 200, 200), unlabeled=200)
    np.testing.assert_array_equal(train[0].lengths, unlabeled[0].lengths)
    (batch,) = take(batches, 1)
    index = batch["task_ids"].tolist().index(0)
    assert rows_in_batch(train[0], batch, index) != rows_in_batch(
        unlabeled[0], batch["unlabeled"], 0
    )


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        # 72 rows; a joint step draws 3 * 4 or 3 * 5, an alternating one 4.
        ({}, 6),
        ({"batch_size": 5}, 5),
        ({"update": "alternating"}, 18),
        ({"task_batches": 2}, 9),
        # Three rounds of three task batches.
        ({"epoch_length": "smallest_task", "batch_size": 8}, 3),
        (
            {
                "epoch_length": "smallest_task",
                "batch_size": 8,
                "task_batches": 2,
            },
            5,
        ),
        ({"steps_per_epoch": 7}, 7),
        # 3 * 2 rows, fewer than a step draws.
        ({"max_train_examples": ("2",)}, 1),
    ],
)
def test_steps_of_an_epoch(settings, expected):
    assert make(**settings)[0].steps_per_epoch == expected


@pytest.mark.parametrize("unlabeled", [0, 10])
def test_batches_match_the_signature(unlabeled):
    batches, *_ = make(unlabeled=unlabeled)
    batch = next(batches.generate(0))
    tf.nest.assert_same_structure(batch, batches.signature)
    for array, spec in zip(
        tf.nest.flatten(batch), tf.nest.flatten(batches.signature), strict=True
    ):
        assert spec.is_compatible_with(tf.convert_to_tensor(array)), spec


def test_a_task_without_rows_is_an_error():
    _, train, _ = make()
    empty = dataclasses.replace(train[1], rows=np.zeros(0, np.int64))
    with pytest.raises(ValueError, match="task 1 has no rows to train on"):
        training_batches.TrainingBatches(
            [train[0], empty], [], config_lib.Config()
        )


@pytest.mark.parametrize(
    "settings", [{}, {"label_transfer": "supervised", "main_task": "a"}]
)
def test_take_selects_rows_of_every_column(settings):
    config = config_lib.Config(**settings)
    split = make_split(1, "train", 24, config)
    rows = np.array([3, 4, 20])
    subset = split.take(rows)
    assert len(subset) == 3
    assert subset.task_id == 1
    for name in ("ids", "groups", "labels", "duplicate", "lengths", "rows"):
        expected = getattr(split, name)[rows]
        np.testing.assert_array_equal(getattr(subset, name), expected)
    np.testing.assert_array_equal(
        subset.pad(np.arange(3), 12), split.pad(rows, 12)
    )
    if settings:
        np.testing.assert_array_equal(subset.diversity, split.diversity[rows])
    else:
        assert subset.diversity is None


@pytest.mark.parametrize("sampling_exponent", [0.0, 1.0])
def test_tokens_per_epoch_is_the_mean_of_many_epochs(sampling_exponent):
    batches, *_ = make(
        rows=(24, 24, 96), sampling_exponent=sampling_exponent, update="joint"
    )
    epochs = 40
    drawn = take(batches, epochs * batches.steps_per_epoch)
    num_tokens = sum(int(batch["lengths"].sum()) for batch in drawn)
    assert batches.tokens_per_epoch == pytest.approx(
        num_tokens / epochs, rel=0.05
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
