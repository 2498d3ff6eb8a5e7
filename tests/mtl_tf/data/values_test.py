import math

import numpy as np
import pytest

from mtl_tf.data import tasks
from mtl_tf.data import values


class NAType:
    """As pandas' NA: neither equal to itself, nor not."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "value", [None, math.nan, np.float32("nan"), "", b"", NAType()]
)
def test_absent(value):
    assert values.is_absent(value)
    assert values.to_text("here", "id", value) == ""
    with pytest.raises(
        ValueError, match=r"here: expected a label, got nothing"
    ):
        values.label_name("here", value)


@pytest.mark.parametrize("value", [0, 0.0, False, "nan", "None", " ", [], {}])
def test_not_absent(value):
    assert not values.is_absent(value)


def test_no_label():
    for value in (None, math.nan, "", " \t"):
        assert values.is_no_label(value)
    for value in (0, False, "nan", " a"):
        assert not values.is_no_label(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a", "a"),
        ("5.0", "5.0"),
        (b"caf\xc3\xa9", "café"),
        (7, "7"),
        (7.0, "7"),
        (-0.0, "0"),
        (0.25, "0.25"),
        (1e20, "100000000000000000000"),
        (10**400, "1" + "0" * 400),
        (np.int64(3), "3"),
        (np.float32(3), "3"),
        (True, "true"),
        (np.bool_(False), "false"),
    ],
)
def test_text(value, text):
    assert values.to_text("here", "id", value) == text


@pytest.mark.parametrize("value", [["a"], {}, object()])
def test_what_is_no_text(value):
    with pytest.raises(ValueError, match="here: expected a text for id, got"):
        values.to_text("here", "id", value)


STARS = [5, 5.0, "5", "5.0", "5.00", np.float64(5), np.int32(5)]


@pytest.mark.parametrize("value", STARS)
@pytest.mark.parametrize("five", ["5", "5.0"])
def test_whole_numbers_are_labels_in_each_spelling(value, five):
    assert values.label_name("here", value, ("-1", "1.0", five)) == five


def test_a_label_keeps_the_spelling_of_its_task():
    known = ("-1.0", "0", "a.0", "05")
    assert values.label_name("here", -1, known) == "-1.0"
    assert values.label_name("here", "-0", known) == "-0"
    assert values.label_name("here", 0.0, known) == "0"
    # Codes are not numbers.
    assert values.label_name("here", "5", known) == "5"
    assert values.label_name("here", "a", known) == "a"


@pytest.mark.parametrize("value", [True, np.True_, "true", "True", "TRUE"])
@pytest.mark.parametrize("yes", ["true", "True"])
def test_truth_values_are_labels_in_each_spelling(value, yes):
    assert values.label_name("here", value, ("no", yes)) == yes


def test_labels_without_a_task():
    assert values.label_name("here", True) == "true"
    assert values.label_name("here", 1.0) == "1"
    assert values.label_name("here", "1.0") == "1.0"


def test_numbers_that_are_not_whole():
    assert values.label_name("here", 4.5, ("4.5", "5")) == "4.5"
    for number in (4.5, math.inf, np.float32(0.1)):
        with pytest.raises(ValueError, match=r"here: .* regression targets"):
            values.label_name("here", number, ("4", "5"))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("NULL", "`absent` names texts that mean there is none"),
        ("nan", "`absent` names texts that mean there is none"),
        ("3.5", r"numbers as targets \(regression\) are not supported"),
        ("noo", r"did you mean no\?\); its labels are"),
        ("-", "`absent` names texts that mean there is none"),
        ("NO ", r"did you mean no\?\); its labels are"),
        # A label that is not declared, and no target of a regression.
        ("+5", r"label '\+5'; its labels are \['no', '5.0'\]$"),
        ("14", r"label '14'; its labels are \['no', '5.0'\]$"),
    ],
)
def test_unknown_labels(label, message):
    task = tasks.Task("t", ("no", "5.0"))
    assert values.label_index("here", 5, task) == 1
    with pytest.raises(ValueError, match=f"here: task t has no .*{message}"):
        values.label_index("here", label, task)


def test_classes_that_are_declared_by_name():
    task = tasks.Task("t", ("World", "Sports"))
    with pytest.raises(ValueError, match=r"'1'; its labels .* as the file spe"):
        values.label_index("here", 1, task)


def test_several_labels():
    for several in (["a", "b"], ("a",), {"a": 1}):
        with pytest.raises(ValueError, match=r"here: .*multi-label"):
            values.label_name("here", several, ("a", "b"))


def test_groups():
    for seven in (7, 7.0, "7", "7.0"):
        assert values.to_group("here", seven, "macro_mae_by_topic") == "7"
    assert values.to_group("here", "t7.0") == "t7.0"
    assert values.to_group("here", None, "macro_mae") == ""
    with pytest.raises(
        ValueError, match="here: expected a group, by which macro_mae_by_topic"
    ):
        values.to_group("here", math.nan, "macro_mae_by_topic")


def test_names_of_absent_values():
    assert values.is_named(None, {"", "NA"})
    assert values.is_named("NA", {"NA"})
    assert not values.is_named(None, {"NA"})
    assert not values.is_named(0, {""})
    assert not values.is_named(["NA"], {"NA"})
    # In whatever spelling of numbers and truth values.
    for number in (-1, -1.0, "-1", "-1.0", np.int64(-1)):
        assert values.is_named(number, ("NA", "-1"))
        assert values.is_named(number, {"-1.0"})
        assert not values.is_named(number, {"1", "NA"})
    assert values.is_named("TRUE", {"true"})
    assert values.is_named(math.nan, {""})
    assert not values.is_named("05", {"5"})


def test_what_looks_absent():
    for text in ("nan", "None", "NULL", " N/A ", "<NA>", "Not Available"):
        assert values.looks_absent(text)
    for text in ("none of them", "", "Nan's bread", None, math.nan):
        assert not values.looks_absent(text)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
