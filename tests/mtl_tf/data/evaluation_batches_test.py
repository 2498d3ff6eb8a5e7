"""`evaluation_batches` of the input pipeline."""

import dataclasses

import numpy as np
import pytest

from mtl_tf.data import input_pipeline
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import handmade_splits


def split_of_lengths(tmp_path, lengths):
    pairs = [
        ([vocabulary_lib.EMPTY], [10 + row] * length)
        for row, length in enumerate(lengths)
    ]
    handmade_splits.write_split(
        tmp_path, pairs, ["no"] * len(lengths), split="dev"
    )
    return handmade_splits.read_split(tmp_path, split="dev", max_tokens=10_000)


@pytest.mark.parametrize(
    ("lengths", "shapes"),
    [
        # 40 texts: one full batch, and the remaining 8.
        ([7] * 40, [(1, 32, 7), (1, 8, 7)]),
        # 81 texts of 400 tokens fit, which is two full task batches.
        ([400] * 70, [(2, 32, 400), (1, 6, 400)]),
        # 20 texts of 1,600 tokens fit; short texts come first.
        ([1_600] * 25 + [3] * 64, [(2, 32, 3), (1, 20, 1_600), (1, 5, 1_600)]),
    ],
)
def test_shapes_of_evaluation_batches(tmp_path, lengths, shapes):
    assert input_pipeline.EVALUATION_TOKENS == 32_768
    split = split_of_lengths(tmp_path, lengths)
    batches = list(input_pipeline.evaluation_batches(split))
    assert [batch["token_ids"].shape for _, batch in batches] == shapes


def test_evaluation_batches_hold_each_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 200)
    monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", 4)
    lengths = np.random.default_rng(0).integers(1, 60, 100)
    lengths[17] = 333
    split = split_of_lengths(tmp_path, lengths)
    seen, longest = [], []
    for rows, batch in input_pipeline.evaluation_batches(split):
        num_task_batches, size, seq_len = batch["token_ids"].shape
        assert num_task_batches * size == len(rows)
        assert size == 4 or (num_task_batches == 1 and size < 4)
        assert num_task_batches * size * seq_len <= 200 or len(rows) == 1
        assert batch["task_ids"].tolist() == [1] * num_task_batches
        np.testing.assert_array_equal(batch["lengths"].ravel(), lengths[rows])
        np.testing.assert_array_equal(
            batch["token_ids"].reshape(len(rows), seq_len),
            split.pad(rows, seq_len),
        )
        assert seq_len == lengths[rows].max()
        seen += rows.tolist()
        longest.append(seq_len)
    assert sorted(seen) == list(range(100))
    # Texts are sorted by length.
    assert longest == sorted(longest)
    assert longest[-1] == 333


def test_an_empty_split_has_no_evaluation_batches(tmp_path):
    split = split_of_lengths(tmp_path, [3])
    empty = dataclasses.replace(
        split, rows=split.rows[:0], lengths=split.lengths[:0]
    )
    assert list(input_pipeline.evaluation_batches(empty)) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
