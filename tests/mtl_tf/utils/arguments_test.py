import numpy as np
import pytest

from mtl_tf.utils import arguments


class Column:
    """A column of texts as pandas has it."""

    def __init__(self, values):
        self._values = values

    def tolist(self):
        return self._values

    def __len__(self):
        return len(self._values)


class Table:
    """What is iterated by its columns' names, as a DataFrame is."""

    def __iter__(self):
        return iter(["text"])


@pytest.mark.parametrize(
    "values",
    [
        ["a", "b"],
        ("a", "b"),
        np.array(["a", "b"]),
        np.array(["a", "b"], object),
        Column(["a", "b"]),
    ],
    ids=lambda x: type(x).__name__,
)
def test_columns_of_texts(values):
    actual = arguments.as_list("texts", values)
    assert actual == ["a", "b"]
    assert {type(text) for text in actual} == {str}


def test_pairs_in_an_array():
    pairs = np.array([["a", "b"], ["c", "d"]])
    assert arguments.as_list("texts", pairs) == [["a", "b"], ["c", "d"]]


@pytest.mark.parametrize(
    ("values", "actual"),
    [
        ("a text", "one text"),
        (b"a text", "one text"),
        ({"a": 1}, "dict"),
        ({"a"}, "set"),
        (Table(), "Table"),
        (np.array("a"), "one text"),
        (None, "NoneType"),
        (3, "int"),
        (np.int64(3), "int"),
    ],
)
def test_other_types_are_refused(values, actual):
    with pytest.raises(
        ValueError, match=f"^texts: expected a list of texts, got {actual}$"
    ):
        arguments.as_list("texts", values)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
