import os

import pytest

from data_prep.pipeline import spill as spill_lib


@pytest.fixture
def spill(tmp_path):
    """An empty spill."""
    return spill_lib.Spill(str(tmp_path / "spill"))


def test_values_are_read_as_they_were_written(spill):
    spill.write("rows", (1, 20), ["a"])
    spill.write("rows", (1, 2), ["b"])
    other = spill_lib.Spill(spill.folder)
    assert other.read("rows", (1, 20)) == ["a"]
    assert other.read("rows", (1, 2)) == ["b"]


def test_parts_of_a_group_are_in_the_order_of_their_keys(spill):
    for key in [(0, 10), (1, 0), (0, 9)]:
        spill.write_part("texts", (11,), key, key)
    spill.write_part("texts", (2,), (5,), "other")
    assert spill.groups("texts") == [(2,), (11,)]
    # By number, and not by letter.
    parts = list(spill.read_parts("texts", (11,)))
    assert parts == [(0, 9), (0, 10), (1, 0)]
    spill.remove_group("texts", (11,))
    assert spill.groups("texts") == [(2,)]
    spill.remove("texts", "none")
    assert os.listdir(spill.folder) == []


def test_a_group_without_values_is_empty(spill):
    assert spill.groups("marks") == []
    assert list(spill.read_parts("marks", (1,))) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
