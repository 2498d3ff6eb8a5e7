import numpy as np
import pytest

from benchmarks import corpora
from benchmarks import groups

# Two groups of two texts; the second has pairs' seq1 of another length.
BATCH = {
    "token_ids": np.array(
        [[[5, 6, 0, 0], [7, 0, 0, 0]], [[8, 9, 8, 9], [9] * 4]]
    ),
    "lengths": np.array([[2, 1], [4, 4]]),
    "seq1": np.array([[[4, 5, 6], [4, 0, 0]], [[4, 0, 0], [5, 6, 0]]]),
    "seq1_lengths": np.array([[3, 1], [1, 2]]),
    "task_ids": np.array([1, 0]),
    "labels": np.array([[0, 1], [1, 1]]),
}


def test_group_is_padded_to_its_longest_text():
    first, second = groups.split(BATCH)
    np.testing.assert_array_equal(first["token_ids"], [[5, 6], [7, 0]])
    np.testing.assert_array_equal(second["token_ids"], BATCH["token_ids"][1])
    np.testing.assert_array_equal(first["seq1"], BATCH["seq1"][0])
    np.testing.assert_array_equal(second["seq1"], [[4, 0], [5, 6]])
    assert [first["task_ids"], second["task_ids"]] == [1, 0]
    np.testing.assert_array_equal(second["labels"], [1, 1])


def test_tokens_are_counted_with_and_without_padding():
    both = groups.split(BATCH)
    assert groups.tokens(both) == (2 + 1 + 4 + 4) + (3 + 1 + 1 + 2)
    assert groups.padded_tokens(both) == (2 * 2 + 2 * 4) + (2 * 3 + 2 * 2)
    assert groups.padded_tokens(both, together=True) == 4 * 4 + 4 * 3


def test_single_texts_have_one_sequence():
    texts = {k: x for k, x in BATCH.items() if "seq1" not in k}
    both = groups.split(texts)
    assert groups.tokens(both) == 11
    assert groups.padded_tokens(both) == 12


def test_written_batches_are_read_by_step(tmp_path):
    path = str(tmp_path / "batches.npz")
    # More than ten, which must not be sorted as text.
    batches = [{**BATCH, "labels": BATCH["labels"] + n} for n in range(12)]
    corpora.write_batches(path, batches)
    steps = groups.read(path)
    assert [int(step[0]["labels"][0]) for step in steps] == list(range(12))
    for actual, expected in zip(
        steps[3], groups.split(batches[3]), strict=True
    ):
        assert actual.keys() == expected.keys()
        for name, array in expected.items():
            np.testing.assert_array_equal(actual[name], array)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
