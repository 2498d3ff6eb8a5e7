import os
import random
import unicodedata

import pytest
import tensorflow as tf

from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib


def _tokens(*texts):
    tokens = tokenizer.tokenize(tf.constant(texts, tf.string)).to_list()
    return [[token.decode() for token in row] for row in tokens]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", ""),
        (" \t\u00a0\u200b\x00 ", ""),
        ("A Good film.", "a good film ."),
        # Quotes and contractions, raw and as in the Treebank.
        ("“I can’t”, he said", '" i ca n\'t " , he said'),
        ("`` I ca n't '' , he said", '" i ca n\'t " , he said'),
        ("it's they'll we’ve I'd", "it 's they 'll we 've i 'd"),
        ("it 's they 'll we 've i 'd", "it 's they 'll we 've i 'd"),
        ("You cannot, I'm gonna", "you can not , i 'm gon na"),
        ("o'neill's rock'n'roll", "o'neill 's rock'n'roll"),
        ("so... what . . . now…", "so ... what ... now ..."),
        ("well—no -- yes", "well -- no -- yes"),
        ("!!!!!! ??", "! ! ! ? ?"),
        ("well-known", "well - known"),
        # Single tokens: numbers, names, tags, links, emoticons.
        ("$3.50, 10,000 (2.5mm)", "$ 3.50 , 10,000 ( 2.5mm )"),
        ("@some_one #fun #1", "@some_one #fun # 1"),
        ("see http://a.b/c?d=1.", "see http://a.b/c?d=1 ."),
        ("ok :) :'( ;-D <3", "ok :) :'( ;-d <3"),
        # Compatibility forms, case folding, composition.
        ("ﬁne STRASSE Straße ＡＢ", "fine strasse strasse ab"),
        ("cafe\u0301", "caf\u00e9"),
        # Control characters and all kinds of blanks separate words.
        ("a\x00b\x85c\u00a0d\u3000e\nf", "a b c d e f"),
        ("<unknown> <padding>", "< unknown > < padding >"),
    ],
)
def test_tokenize_cuts_words_and_punctuation(raw, expected):
    assert _tokens(raw) == [expected.split()]


_ENGLAND = "\U0001f3f4" + "".join(chr(0xE0000 + ord(x)) for x in "gbeng\x7f")
_TEXAS = "\U0001f3f4" + "".join(chr(0xE0000 + ord(x)) for x in "ustx\x7f")
_FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
# With skin tones, and a heart with or without a presentation selector.
_KISS = "\U0001f469\U0001f3fd\u200d\u2764{}\u200d\U0001f468\U0001f3ff"
_THUMB = "\U0001f44d\U0001f3fd"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        # UAX #29, rule WB4: format characters do not separate words; ignorable
        # characters are removed (UAX #31, NFKC_Casefold).
        ("co\u00adop\u00ader\u00adate", ["cooperate"]),
        ("\ufeffsl\u2060ow a\ufeffb", ["slow", "ab"]),
        ("\u200eab\u200f c\u202ad\u202c \u2066e\u2069", ["ab", "cd", "e"]),
        ("\u061c\u00ad \u180e", []),
        ("ca\u00adnnot do\u200bn't", ["can", "not", "do", "n't"]),
        # Persian and Sinhala words with (non-)joiners, and without.
        (
            "\u0645\u06cc\u200c\u0631\u0648\u0645",
            ["\u0645\u06cc\u0631\u0648\u0645"],
        ),
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", ["\u0dc1\u0dca\u0dbb\u0dd3"]),
        # A zero width space separates words of Thai, Khmer and Chinese only.
        ("qu\u200bick", ["quick"]),
        (
            "\u0e1b\u0e25\u0e32\u200b\u0e14\u0e35",
            ["\u0e1b\u0e25\u0e32", "\u0e14\u0e35"],
        ),
        ("\u1780\u200b\u200b\u1781\u200b", ["\u1780", "\u1781"]),
        ("\u5b57\u200bab\u200b\u304b", ["\u5b57", "ab", "\u304b"]),
        # An Arabic number sign is visible, and precedes its digits.
        ("\u0600\u0661\u0662", ["\u0600\u0661\u0662"]),
        # Ruby text is separate from the text that it annotates.
        ("\ufff9\u6f22\ufffa\u304b\ufffb", ["\u6f22", "\u304b"]),
        # Each emoji of UTS #51 is one token.
        (f"a{_FAMILY}b", ["a", _FAMILY, "b"]),
        (_KISS.format("\ufe0f") * 2, [_KISS.format("")] * 2),
        (f"{_THUMB}{_THUMB}\U0001f44d", [_THUMB, _THUMB, "\U0001f44d"]),
        (f"{_ENGLAND}{_TEXAS}", [_ENGLAND, _TEXAS]),
        ("\U0001f1e9\U0001f1ea" * 2, ["\U0001f1e9\U0001f1ea"] * 2),
        ("no1\ufe0f\u20e32\u20e3", ["no", "1\u20e3", "2\u20e3"]),
        ("#\ufe0f\u20e3:*\ufe0f\u20e3", ["#\u20e3", ":", "*\u20e3"]),
        ("\u2764\ufe0e\u2764\ufe0f", ["\u2764", "\u2764"]),
        # Joiners and tags without effect.
        (
            "\U0001f468\u200d x\u200d\U0001f469",
            ["\U0001f468", "x", "\U0001f469"],
        ),
        ("g\U000e0067d \U0001f3f4\U000e0067", ["gd", "\U0001f3f4"]),
        # Their private use replacements are removed from texts.
        ("a\ue000b \U000f0067", ["a", "b"]),
    ],
)
def test_invisible_characters_and_emoji(raw, expected):
    assert _tokens(raw) == [expected]


def test_tokenize_replaces_invalid_utf8():
    tokens = tokenizer.tokenize(tf.constant([b"a caf\xe9 x"])).to_list()
    assert tokens == [[b"a", b"caf", "\ufffd".encode(), b"x"]]


def test_tokenize_accepts_no_texts():
    assert tokenizer.tokenize(tf.zeros([0], tf.string)).to_list() == []


def _assert_idempotent(texts):
    once = tokenizer.tokenize(tf.constant(texts, tf.string))
    joined = tf.strings.reduce_join(once, axis=1, separator=" ")
    twice = tokenizer.tokenize(joined)
    assert once.to_list() == twice.to_list()
    return once


def test_tokenize_is_idempotent_on_random_texts():
    random.seed(3)
    pieces = [
        *"'`\".,!?-:;()[]@#<>=_*/|^~&%$ \t\n01adsmtléÉ",
        *("n't", "'s", "''", "...", ". .", "- -", "http://", "www.", ":'("),
        *("\u00b4", "\u00a8", "\u2026", "\u2019", "\u201c", "\u00ad", "\u200d"),
        *("\u0301", "\u0345", "\u00bd", "\ufb01", "\u0130", "\u1e9e", "\uff07"),
        *("\u1ffd", "\u2033", "\u0149", "\u2015", "\ufe58", "\ufe19", "\u2100"),
        *("cannot", "gonna", "<unknown>", "\U0001f600", "\u1100", "\u1161"),
    ]
    texts = [
        "".join(random.choices(pieces, k=random.randrange(1, 20)))
        for _ in range(5000)
    ]
    tokens = _assert_idempotent(texts).flat_values.numpy().tolist()
    # No text has a special token.
    assert not {x.encode() for x in vocabulary_lib.SPECIAL_TOKENS} & set(tokens)


def test_tokenize_is_idempotent_with_invisible_characters():
    random.seed(5)
    pieces = [
        *"ab1#*' :)-.!\x00_@\u00e9\u00df\u2800\u2764\u2194\u2642\u2122\u2460",
        *"\u00ad\u034f\u061c\u115f\u180e\u200b\u200c\u200e\u202e\u2060\u2065",
        *"\u2067\u3164\ufeff\ufe0e\ufe0f\u20e3\u0301\u0338\u0345\u0600\u06dd",
        *"\u070f\ufff9\ufffa\ufffb\u0e01\u0e33\u1781\u5b57\u304b\uff71\u06cc",
        *"\u0dc1\u0dca\U0001f3f4\U000e0067\U000e007f\U000e0001\U000e0100",
        *"\ue000\ue001\U000f0067\U000f007f\U0001f468\U0001f3fd\U0001f1e9",
        *"\U0001f201\U0001d173\U0001bca0\U00013430\u00a0\u2028\u200d\u200d",
        *("n't", "http://", _ENGLAND, _FAMILY, "1\ufe0f\u20e3"),
    ]
    texts = [
        "".join(random.choices(pieces, k=random.randrange(1, 16)))
        for _ in range(5000)
    ]
    tokens = _assert_idempotent(texts).flat_values.numpy().tolist()
    tokens = {token.decode() for token in tokens}
    for token in tokens:
        assert token.split() == [token]
        for character in token:
            category = unicodedata.category(character)
            assert category not in ("Cc", "Co", "Zs"), ascii(token)
            if category == "Cf":
                # Printed, a joiner between emoji, or a tag of a flag.
                assert character in "\u0600\u06dd\u070f\U00013430\u200d" or (
                    "\U0001f3f4" in token and ord(character) > 0xE0000
                ), ascii(token)
    assert {_ENGLAND, _FAMILY} <= tokens


def test_a_saved_model_gives_the_same_tokens(tmp_path):
    module = tf.Module()
    module.tokenize = tf.function(
        lambda texts: tokenizer.tokenize(texts).to_tensor(""),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    loaded = tf.saved_model.load(str(tmp_path / "saved"))
    raw = f"co\u00adop {_FAMILY}{_ENGLAND} \u0e01\u200b\u0e02 1\ufe0f\u20e3"
    expected = ["coop", _FAMILY, _ENGLAND, "\u0e01", "\u0e02", "1\u20e3"]
    actual = loaded.tokenize(tf.constant([raw])).numpy()[0].tolist()
    assert [token.decode() for token in actual] == expected


def test_tokenize_is_idempotent_on_fdu_mtl():
    folder = os.environ.get("MTL_TF_FDU_MTL_DIR")
    if not folder:
        pytest.skip("set MTL_TF_FDU_MTL_DIR to the folder of the FDU-MTL files")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            lines = file.read().split(b"\n")[:-1]
        _assert_idempotent([line.split(b"\t", 1)[-1] for line in lines])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
