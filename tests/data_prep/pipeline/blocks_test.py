import numpy as np
import pytest

from data_prep.pipeline import blocks
from mtl_tf.data import records


def _rows(*lengths):
    return [
        records.Row(f"r{n}", "", "x" * length, "no", f"g{n}")
        for n, length in enumerate(lengths)
    ]


@pytest.mark.parametrize(
    ("lengths", "expected"),
    [
        ([], []),
        ([1, 1, 1], [3]),
        ([1, 1, 1, 1], [3, 1]),
        # A block ends with the row that makes it too long.
        ([9, 1, 1, 11, 0], [2, 2, 1]),
    ],
)
def test_rows_are_cut_by_number_and_length(monkeypatch, lengths, expected):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(blocks, "_CHARACTERS_PER_BLOCK", 10)
    made = list(blocks.cut(2, 1, 4, iter(_rows(*lengths))))
    assert [len(block) for block in made] == expected
    assert [block.key for block in made] == [
        (2, 1, 4, index) for index in range(len(expected))
    ]
    rows = [
        row
        for block in made
        for row in block.rows(np.zeros(len(block), np.uint8))
    ]
    assert rows == _rows(*lengths)


def test_marked_rows_are_removed_or_duplicates():
    (block,) = blocks.cut(0, 0, 0, _rows(1, 2, 3, 4))
    marks = np.array(
        [
            blocks.REMOVED,
            0,
            blocks.DUPLICATE | blocks.IN_TRAIN,
            blocks.IN_TRAIN,
        ],
        np.uint8,
    )
    assert [(x.id, x.duplicate) for x in block.rows(marks)] == [
        ("r1", False),
        ("r2", True),
        ("r3", False),
    ]
    assert block.texts[:4] == ["", "x", "", "xx"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
