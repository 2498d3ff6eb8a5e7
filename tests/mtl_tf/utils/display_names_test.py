import json
import sys
import unicodedata

import numpy as np
import pytest

from mtl_tf.utils import display_names


def test_short_names_stay_as_they_are():
    assert display_names.shorten(["bad", "x" * 20]) == {
        "bad": "bad",
        "x" * 20: "x" * 20,
    }


def test_a_long_name_keeps_its_ends():
    name = "abcdefghijklmnopqrstuvwxyz"
    # 6 of the end, 13 of the beginning, and the ellipsis.
    assert display_names.shorten([name]) == {name: "abcdefghijklm…uvwxyz"}
    assert display_names.shorten([name], 30) == {name: name}
    assert display_names.shorten([name], 9) == {name: "abcde…xyz"}


def test_distinct_names_stay_distinct():
    same_ends = [f"{'a' * 30}{index:02d}{'z' * 30}" for index in range(30)]
    # One that is what the first would be cut to.
    same_ends.append(f"{'a' * 13}…{'z' * 6}")
    actual = display_names.shorten(same_ends)
    assert actual[same_ends[-1]] == same_ends[-1]
    assert actual[same_ends[0]] == f"{'a' * 19}…"
    assert actual[same_ends[1]] == f"{'a' * 18}…2"
    assert set(actual) == set(same_ends)
    assert len(set(actual.values())) == 31
    assert max(map(len, actual.values())) == 20


def test_different_starts_need_no_number():
    names = [f"category/number {n} with a long name" for n in (1, 2, 13)]
    # 6 of the end leave 13 of the beginning, which are the same.
    assert list(display_names.shorten(names).values()) == [
        "category/numb…g name",
        "category/number 2 w…",
        "category/number 13 …",
    ]


def test_repeated_names():
    assert display_names.shorten(["a", "b", "a"]) == {"a": "a", "b": "b"}


@pytest.mark.parametrize(
    "name",
    ["yes", "very_good", "中文", "5stars", "e5", "-", "it's", "3/4", "$a$"],
)
def test_clear_names_are_not_quoted(name):
    assert display_names.quote(name) == name


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
def test_quoted_names_are_json(name):
    quoted = display_names.quote(name)
    assert quoted.startswith('"')
    assert json.loads(quoted) == name
    assert "\\u" not in quoted


def test_quoted_names_make_counts_unambiguous():
    counts = {'say "hi", twice': 16, "7": 4, "no": 2}
    line = ", ".join(
        f"{display_names.quote(name)} {n}" for name, n in counts.items()
    )
    assert line == r'"say \"hi\", twice" 16, "7" 4, no 2'


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tab\there", r"tab\there"),
        ("two\r\nlines", r"two\r\nlines"),
        ("nul\x00 esc\x1b[31m del\x7f", r"nul\u0000 esc\u001b[31m del\u007f"),
        (
            "next\x85line\u2028paragraph\u2029",
            r"next\u0085line\u2028paragraph\u2029",
        ),
        ("user\u202etxt.exe\u202c", r"user\u202etxt.exe\u202c"),
        ("\u2066a\u2069\u200e\u200f\u061c", r"\u2066a\u2069\u200e\u200f\u061c"),
        # Two that would look like `admin`.
        ("ad\u200bmin", r"ad\u200bmin"),
        ("ad\u200dmin\u00ad", r"ad\u200dmin\u00ad"),
        ("\ufeffbad", r"\ufeffbad"),
        ("\u3164", r"\u3164"),
        # Letters that only programs see.
        ("a\U000e0041", r"a\udb40\udc41"),
        # No joiner where there is nothing to join.
        ("好\u200d", r"好\u200d"),
        ("好\u200d\u200d的", r"好\u200d\u200d的"),
        ("half \ud800", r"half \ud800"),
    ],
)
def test_invisible_characters_are_escaped(name, shown):
    assert display_names.visible(name) == shown


@pytest.mark.parametrize(
    "name",
    [
        'plain, with $ and $$, a|b, <b>, `code`, "quotes", a\\b and é',
        "很好",
        "🙂👍🏽",
        # A family, a rainbow flag, a keycap, a heart.
        "👨\u200d👩\u200d👧 🏳️\u200d🌈 1️⃣ ❤️",
        # Persian, Hindi, Hebrew and Arabic.
        "می\u200cخواهم",
        "क्\u200dष",
        "שלום مرحبا",
        # A variant of an ideograph.
        "葛\U000e0100城",
        "x" * 150,
    ],
)
def test_visible_characters_are_kept(name):
    assert display_names.visible(name) == name


def test_all_invisible_characters_are_escaped():
    # Format characters that are seen: signs above and below Arabic, Syriac and
    # Kaithi numbers, and the layout of hieroglyphs.
    seen = [*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2]
    seen += [0x110BD, 0x110CD, *range(0x13430, 0x13460)]
    left = [
        hex(point)
        for point in range(sys.maxunicode + 1)
        if unicodedata.category(chr(point)) in ("Cc", "Cf", "Cs", "Zl", "Zp")
        and point not in seen
        and chr(point) in display_names.visible(f"a{chr(point)}b")
    ]
    assert left == []


def test_lines_may_be_kept():
    assert (
        display_names.visible("a\tb\n\u202ec", keep="\n") == "a\\tb\n\\u202ec"
    )


def test_escaped_json_keeps_its_value():
    value = {
        "a\u2028\x7f": ["\u202e", "\n", "\\", "\U000e0041", "👨\u200d👩", "é"]
    }
    line = display_names.visible(json.dumps(value, ensure_ascii=False))
    assert json.loads(line) == value
    assert len(line.splitlines()) == 1
    assert "é" in line


def test_short_names_are_visible_and_stay_distinct():
    # The second is how the first is shown.
    actual = display_names.shorten(["a\tb", r"a\tb", "\u202e" * 10])
    assert actual[r"a\tb"] == r"a\tb"
    assert actual["a\tb"] == "a\\tb…2"
    assert len(actual["\u202e" * 10]) == 20
    assert display_names.shorten(["a\nb"]) == {"a\nb": r"a\nb"}


@pytest.mark.parametrize("name", ["a\u202eb", "\u200b", "x\x7f", "\U000e0041"])
def test_names_with_invisible_characters_are_quoted(name):
    quoted = display_names.quote(name)
    assert quoted.startswith('"')
    assert json.loads(quoted) == name
    assert quoted.isascii()


@pytest.mark.parametrize(
    ("counts", "most", "kept"),
    [
        ([1, 5, 2, 5], 2, [1, 3]),
        ([1, 1, 1, 2], 2, [0, 3]),
        ([3, 1], 2, [0, 1]),
    ],
)
def test_the_most_frequent_names(counts, most, kept):
    actual = display_names.most_frequent(np.array(counts), most)
    assert actual.tolist() == kept
    indices = display_names.groups(actual, len(counts)).tolist()
    assert [indices[n] for n in kept] == list(range(len(kept)))
    others = set(range(len(counts))) - set(kept)
    assert {indices[n] for n in others} <= {len(kept)}


@pytest.mark.parametrize(
    ("index", "noun", "text"),
    [
        (0, "epoch", "0 epochs"),
        (1, "task", "1 task"),
        (1.0, "row", "1 row"),
        (2, "blank line", "2 blank lines"),
        (1000, "label", "1,000 labels"),
    ],
)
def test_counted(index, noun, text):
    assert display_names.counted(index, noun) == text


@pytest.mark.parametrize(
    ("index", "seconds", "text"),
    [
        (2, 5.0, "0.4"),
        (1, 300.0, "0.0033"),
        (0, 1.0, "0"),
        (30, 4.0, "7.5"),
        (996, 100.0, "10"),
        (2468, 2.0, "1,234"),
        (5, 0.0, "-"),
    ],
)
def test_rate(index, seconds, text):
    assert display_names.rate(index, seconds) == text


def test_ellipsize():
    assert display_names.ellipsize("a long text", 11) == "a long text"
    assert display_names.ellipsize("a long text", 6) == "a long..."


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
