import pytest

from data_prep.pipeline import label_order


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (["10", "9", "-1"], ["-1", "9", "10"]),
        (["2.0", "1"], ["1", "2.0"]),
        (["Positive", "negative", "Neutral"], "negative Neutral Positive"),
        (["positive", "negative"], "negative positive"),
        (["Yes", "No"], "No Yes"),
        (["high", "low"], "low high"),
        (["zebra", "Ant", "bee"], "Ant bee zebra"),
        # Two spellings of a label of a scale are two labels.
        (["yes", "Yes", "no"], "no Yes yes"),
    ],
)
def test_order(labels, expected):
    if isinstance(expected, str):
        expected = expected.split()
    assert label_order.in_order(labels) == expected
    assert label_order.in_order(reversed(labels)) == expected


def test_numbers():
    assert label_order.are_numbers(["1", "2.0"])
    assert not label_order.are_numbers(["1", "two"])
    # A code, not a number.
    assert not label_order.are_numbers(["01", "02"])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
