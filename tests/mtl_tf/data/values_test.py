import math

import numpy as np
import pytest

from mtl_tf.data import tasks
from mtl_tf.data import values


class NAType:
    """A missing value like pandas' NA, whose comparison has no truth value."""

    def __eq__(self, other):
        return self

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")

    __hash__ = object.__hash__


@pytest.mark.parametrize(
    "value", [None, math.nan, np.float32("nan"), "", b"", NAType()]
)
def test_missing_values(value):
    assert values.is_absent(value)
    assert values.to_text("here", "id", value) == ""
    with pytest.raises(
        ValueError, match=r"here: expected a label, got nothing"
    ):
        values.label_name("here", value)


@pytest.mark.parametrize("value", [0, 0.0, False, "nan", "None", " ", [], {}])
def test_values_that_are_not_missing(value):
    assert not values.is_absent(value)


def test_blank_and_missing_labels_are_no_labels():
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
def test_to_text_converts_single_values(value, text):
    assert values.to_text("here", "id", value) == text


@pytest.mark.parametrize("value", [["a"], {}, object()])
def test_lists_and_objects_are_not_texts(value):
    with pytest.raises(ValueError, match="here: expected a text for id, got"):
        values.to_text("here", "id", value)


STARS = [5, 5.0, "5", "5.0", "5.00", np.float64(5), np.int32(5)]


@pytest.mark.parametrize("value", STARS)
@pytest.mark.parametrize("five", ["5", "5.0"])
def test_integer_labels_match_in_any_spelling(value, five):
    assert values.label_name("here", value, ("-1", "1.0", five)) == five


def test_labels_have_the_spelling_of_the_task():
    known = ("-1.0", "0", "a.0", "05")
    assert values.label_name("here", -1, known) == "-1.0"
    assert values.label_name("here", "-0", known) == "-0"
    assert values.label_name("here", 0.0, known) == "0"
    # Codes are not numbers.
    assert values.label_name("here", "5", known) == "5"
    assert values.label_name("here", "a", known) == "a"


@pytest.mark.parametrize("value", [True, np.True_, "true", "True", "TRUE"])
@pytest.mark.parametrize("yes", ["true", "True"])
def test_truth_value_labels_match_in_any_spelling(value, yes):
    assert values.label_name("here", value, ("no", yes)) == yes


def test_label_names_without_known_labels():
    assert values.label_name("here", True) == "true"
    assert values.label_name("here", 1.0) == "1"
    assert values.label_name("here", "1.0") == "1.0"


def test_fractions_are_not_labels_unless_declared():
    assert values.label_name("here", 4.5, ("4.5", "5")) == "4.5"
    for number in (4.5, math.inf, np.float32(0.1)):
        with pytest.raises(ValueError, match=r"here: .* regression targets"):
            values.label_name("here", number, ("4", "5"))


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("NULL", "`absent` lists texts that mean a missing value"),
        ("nan", "`absent` lists texts that mean a missing value"),
        ("3.5", r"regression targets are not supported"),
        ("noo", r"did you mean no\?\); its labels are"),
        ("-", "`absent` lists texts that mean a missing value"),
        ("NO ", r"did you mean no\?\); its labels are"),
        # Undeclared labels, not regression targets.
        ("+5", r"label '\+5'; its labels are \['no', '5.0'\]$"),
        ("14", r"label '14'; its labels are \['no', '5.0'\]$"),
    ],
)
def test_unknown_labels_are_an_error(label, message):
    task = tasks.Task("t", ("no", "5.0"))
    assert values.label_index("here", 5, task) == 1
    with pytest.raises(ValueError, match=f"here: task t has no .*{message}"):
        values.label_index("here", label, task)


def test_indices_of_labels_are_not_their_names():
    task = tasks.Task("t", ("World", "Sports"))
    with pytest.raises(ValueError, match=r"'1'; its .* as they are spelled"):
        values.label_index("here", 1, task)


def test_several_labels_are_an_error():
    for several in (["a", "b"], ("a",), {"a": 1}):
        with pytest.raises(ValueError, match=r"here: .*multi-label"):
            values.label_name("here", several, ("a", "b"))


def test_to_group_converts_integers_and_requires_topics():
    for seven in (7, 7.0, "7", "7.0"):
        assert values.to_group("here", seven, "macro_mae_by_topic") == "7"
    assert values.to_group("here", "t7.0") == "t7.0"
    assert values.to_group("here", None, "macro_mae") == ""
    with pytest.raises(
        ValueError,
        match="here: expected a group, which macro_mae_by_topic needs",
    ):
        values.to_group("here", math.nan, "macro_mae_by_topic")


def test_is_named_matches_any_spelling():
    assert values.is_named(None, {"", "NA"})
    assert values.is_named("NA", {"NA"})
    assert not values.is_named(None, {"NA"})
    assert not values.is_named(0, {""})
    assert not values.is_named(["NA"], {"NA"})
    # Numbers and truth values match in any spelling.
    for number in (-1, -1.0, "-1", "-1.0", np.int64(-1)):
        assert values.is_named(number, ("NA", "-1"))
        assert values.is_named(number, {"-1.0"})
        assert not values.is_named(number, {"1", "NA"})
    assert values.is_named("TRUE", {"true"})
    assert values.is_named(math.nan, {""})
    assert not values.is_named("05", {"5"})


def test_texts_that_look_like_missing_values():
    for text in ("nan", "None", "NULL", " N/A ", "<NA>", "Not Available"):
        assert values.looks_absent(text)
    for text in ("none of them", "", "Nan's bread", None, math.nan):
        assert not values.looks_absent(text)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
