import dataclasses
import json
import math
import os
import pathlib
import re

import numpy as np
import pytest

from mtl_tf.config import base

_COLORS = ("red", "green", "blue")


@dataclasses.dataclass(frozen=True)
class _Paint(base.Settings):
    """One setting of each type."""

    color: str = base.setting(
        "red", "Its color.", choices=_COLORS, symbol="c", changeable=True
    )
    coats: int = base.setting(2, "How often.")
    litres: float = base.setting(0.5, "How much.")
    glossy: bool = base.setting(False, "Whether it shines.")
    rooms: tuple[str, ...] = base.setting((), "Where.")
    place: str = base.setting("", "Where to.", path=True)
    places: tuple[str, ...] = base.setting((), "All.", path=True)


_PAINT = _Paint("blue", 3, 1e-05, True, ("hall", "attic"))
_VALUES = {
    "color": "blue",
    "coats": 3,
    "litres": 1e-05,
    "glossy": True,
    "rooms": ["hall", "attic"],
    "place": "",
    "places": [],
}


def test_setting_is_a_field_with_flag_metadata():
    color, coats, *_ = dataclasses.fields(_Paint)
    assert color.default == "red"
    assert color.metadata == {
        "help": "Its color.",
        "choices": _COLORS,
        "symbol": "c",
        "changeable": True,
        "path": False,
    }
    # Unless it is said, another value makes another run.
    assert coats.metadata == {
        "help": "How often.",
        "choices": None,
        "symbol": "",
        "changeable": False,
        "path": False,
    }


@dataclasses.dataclass(frozen=True)
class _Places(base.Settings):
    one: str = base.setting("", "One.", path=True)
    others: tuple[str, ...] = base.setting((), "Several.", path=True)
    name: str = base.setting("", "No path.")


def test_tilde_is_expanded_in_paths(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    actual = _Places("~/a~b", ("~", "c/~/d"), "~/name")
    assert actual.one == "/home/me/a~b"
    assert actual.others == ("/home/me", "c/~/d")
    assert actual.name == "~/name"
    assert _Places(one="./~/a").one == "./~/a"


def test_settings_are_immutable():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _PAINT.coats = 1


def test_to_dict_has_types_of_json():
    actual = _PAINT.to_dict()
    assert actual == _VALUES
    assert list(actual) == list(_VALUES)
    assert json.loads(json.dumps(actual)) == actual


def test_to_flags():
    assert _PAINT.to_flags() == [
        "--color=blue",
        "--coats=3",
        "--litres=1e-05",
        "--glossy=True",
        "--rooms=hall,attic",
        "--place=",
        "--places=",
    ]
    assert _Paint().to_flags()[4] == "--rooms="


@pytest.mark.parametrize(
    ("name", "given", "expected"),
    [
        ("color", np.str_("blue"), "blue"),
        ("coats", np.int64(3), 3),
        ("litres", np.float32(0.25), 0.25),
        ("litres", 2, 2.0),
        ("litres", np.int32(2), 2.0),
        pytest.param("litres", -(10**400), -math.inf, id="beyond floats"),
        ("glossy", np.bool_(True), True),
        ("rooms", ["hall", "attic"], ("hall", "attic")),
        ("rooms", np.array(["hall"]), ("hall",)),
        ("place", pathlib.Path("a") / "b", f"a{os.sep}b"),
        ("place", "~/a", "/home/me/a"),
        ("places", [pathlib.Path("~/a"), "b"], ("/home/me/a", "b")),
    ],
)
def test_values_of_compatible_types_are_converted(
    monkeypatch, name, given, expected
):
    monkeypatch.setenv("HOME", "/home/me")
    paint = _Paint(**{name: given})
    actual = getattr(paint, name)
    assert actual == expected
    assert type(actual) is type(expected)
    if isinstance(actual, tuple):
        assert {type(entry) for entry in actual} == {str}
    # As JSON has it.
    assert (
        _Paint.from_dict(paint.to_dict()) == paint == _Paint(**{name: expected})
    )


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("color", 3, "color=3: expected a string, got int"),
        ("color", None, "color=None: expected a string, got NoneType"),
        ("color", b"red", "color=b'red': expected a string, got bytes"),
        (
            "color",
            pathlib.PurePosixPath("red"),
            "color=PurePosixPath('red'): expected a string, got PurePosixPath",
        ),
        ("coats", "3", "coats='3': expected an integer, got str"),
        ("coats", 2.5, "coats=2.5: expected an integer, got float"),
        ("coats", 2.0, "coats=2.0: expected an integer, got float"),
        ("coats", True, "coats=True: expected an integer, got bool"),
        ("coats", None, "coats=None: expected an integer, got NoneType"),
        ("litres", "1", "litres='1': expected a number, got str"),
        ("litres", True, "litres=True: expected a number, got bool"),
        ("glossy", 1, "glossy=1: expected True or False, got int"),
        ("glossy", "no", "glossy='no': expected True or False, got str"),
        ("rooms", "hall", "rooms='hall': expected a list of strings, got str"),
        ("rooms", {"hall"}, "rooms={'hall'}: expected a list of strings, got"),
        ("rooms", ["hall", 1], "rooms[1]=1: expected a string, got int"),
        ("places", [None], "places[0]=None: expected a path, got NoneType"),
        ("rooms", None, "rooms=None: expected a list of strings, got NoneT"),
        ("place", 3, "place=3: expected a path, got int"),
        ("places", "a", "places='a': expected a list of paths, got str"),
    ],
)
def test_values_of_other_types_are_refused(name, value, message):
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        _Paint(**{name: value})
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        dataclasses.replace(_PAINT, **{name: value})


def test_from_dict():
    created = _Paint.from_dict(_VALUES)
    assert created == _PAINT
    assert type(created) is _Paint
    # Which can be a key, as a list cannot.
    assert created.rooms == ("hall", "attic")
    # What is not said has its default.
    assert _Paint.from_dict({"coats": 4}) == _Paint(coats=4)
    assert _Paint.from_dict({}) == _Paint()


def test_from_dict_checks_names_and_values():
    with pytest.raises(
        ValueError,
        match=r"^there is no setting 'coat' \(did you mean coats\?\)$",
    ):
        _Paint.from_dict({"coat": 1})
    with pytest.raises(ValueError, match=r"^there is no setting 'zzzzz'$"):
        _Paint.from_dict({"zzzzz": 1})
    with pytest.raises(ValueError, match="color=gren: not one of"):
        _Paint.from_dict({"color": "gren"})


def test_value_that_is_not_a_choice_is_refused():
    with pytest.raises(
        ValueError,
        match=r"^color=gren: not one of red, green, blue "
        r"\(did you mean green, red\?\)$",
    ):
        _Paint(color="gren")
    # Nothing is near.
    with pytest.raises(ValueError, match=r"not one of red, green, blue$"):
        _Paint(color="xyz")
    with pytest.raises(ValueError, match=r"^color=: not one of red, green"):
        dataclasses.replace(_PAINT, color="")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
