import json

import pytest

from mtl_tf import names


def test_short_names_stay_as_they_are():
    assert names.shorten(["bad", "x" * 20]) == {
        "bad": "bad",
        "x" * 20: "x" * 20,
    }


def test_a_long_name_keeps_its_ends():
    name = "abcdefghijklmnopqrstuvwxyz"
    # 6 of the end, 13 of the beginning, and the ellipsis.
    assert names.shorten([name]) == {name: "abcdefghijklm…uvwxyz"}
    assert names.shorten([name], 30) == {name: name}
    assert names.shorten([name], 9) == {name: "abcde…xyz"}


def test_distinct_names_stay_distinct():
    same_ends = [f"{'a' * 30}{number:02d}{'z' * 30}" for number in range(30)]
    # One that is what the first would be cut to.
    same_ends.append(f"{'a' * 13}…{'z' * 6}")
    found = names.shorten(same_ends)
    assert found[same_ends[-1]] == same_ends[-1]
    assert found[same_ends[0]] == f"{'a' * 18}…2"
    assert set(found) == set(same_ends)
    assert len(set(found.values())) == 31
    assert max(map(len, found.values())) == 20


def test_names_may_repeat():
    assert names.shorten(["a", "b", "a"]) == {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    "name",
    ["yes", "very_good", "中文", "5stars", "e5", "-", "it's", "3/4", "$a$"],
)
def test_clear_names_are_not_quoted(name):
    assert names.quote(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "a b",
        "a,b",
        "7",
        "-1",
        "+0.5",
        "1e-5",
        "1E5",
        'a"b',
        "a\nb",
        "中 文",
        "",
    ],
)
def test_others_are_quoted_and_can_be_read_back(name):
    quoted = names.quote(name)
    assert quoted.startswith('"')
    assert json.loads(quoted) == name
    assert "\\u" not in quoted


def test_counts_can_be_read():
    counts = {'say "hi", twice': 16, "7": 4, "no": 2}
    line = ", ".join(f"{names.quote(name)} {n}" for name, n in counts.items())
    assert line == r'"say \"hi\", twice" 16, "7" 4, no 2'


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
