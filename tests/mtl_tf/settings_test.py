import dataclasses
import json

import pytest

from mtl_tf import settings

_COLORS = ("red", "green", "blue")


@dataclasses.dataclass(frozen=True)
class _Paint(settings.Settings):
    """One setting of each type."""

    color: str = settings.setting(
        "red", "Its color.", choices=_COLORS, symbol="c", changeable=True
    )
    coats: int = settings.setting(2, "How often.")
    litres: float = settings.setting(0.5, "How much.")
    glossy: bool = settings.setting(False, "Whether it shines.")
    rooms: tuple[str, ...] = settings.setting((), "Where.")


_PAINT = _Paint("blue", 3, 1e-05, True, ("hall", "attic"))
_VALUES = {
    "color": "blue",
    "coats": 3,
    "litres": 1e-05,
    "glossy": True,
    "rooms": ["hall", "attic"],
}


def test_a_setting_is_a_field_that_knows_its_flag():
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
class _Places(settings.Settings):
    here: str = settings.setting("", "One.", path=True)
    there: tuple[str, ...] = settings.setting((), "Several.", path=True)
    name: str = settings.setting("", "No path.")


def test_a_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    found = _Places("~/a~b", ("~", "c/~/d"), "~/name")
    assert found.here == "/home/me/a~b"
    assert found.there == ("/home/me", "c/~/d")
    assert found.name == "~/name"
    assert _Places(here="./~/a").here == "./~/a"


def test_settings_stay_as_they_are():
    with pytest.raises(dataclasses.FrozenInstanceError):
        _PAINT.coats = 1


def test_to_dict_is_what_json_gives_back():
    found = _PAINT.to_dict()
    assert found == _VALUES
    assert list(found) == list(_VALUES)
    assert json.loads(json.dumps(found)) == found


def test_to_flags():
    assert _PAINT.to_flags() == [
        "--color=blue",
        "--coats=3",
        "--litres=1e-05",
        "--glossy=True",
        "--rooms=hall,attic",
    ]
    assert _Paint().to_flags()[-1] == "--rooms="


def test_from_dict():
    made = _Paint.from_dict(_VALUES)
    assert made == _PAINT
    assert type(made) is _Paint
    # Which can be a key, as a list cannot.
    assert made.rooms == ("hall", "attic")
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


def test_a_value_that_is_no_choice():
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
