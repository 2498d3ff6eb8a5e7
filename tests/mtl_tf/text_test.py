import os
import random

import pytest
import tensorflow as tf

from mtl_tf import text


def _tokens(*texts):
    tokens = text.tokenize(tf.constant(texts, tf.string)).to_list()
    return [[token.decode() for token in row] for row in tokens]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ("", ""),
        (" \t\u00a0\u200b\x00 ", ""),
        ("A Good film.", "a good film ."),
        # Quotes and contractions, raw and in the manner of the Treebank.
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
        # Not cut: numbers, names, tags, links, emoticons.
        ("$3.50, 10,000 (2.5mm)", "$ 3.50 , 10,000 ( 2.5mm )"),
        ("@some_one #fun #1", "@some_one #fun # 1"),
        ("see http://a.b/c?d=1.", "see http://a.b/c?d=1 ."),
        ("ok :) :'( ;-D <3", "ok :) :'( ;-d <3"),
        # Compatibility forms, case folding, one form of composition.
        ("ﬁne STRASSE Straße ＡＢ", "fine strasse strasse ab"),
        ("cafe\u0301", "caf\u00e9"),
        # Control characters and odd blanks part words.
        ("a\x00b\x85c\u00a0d\u3000e\nf", "a b c d e f"),
        ("<unknown> <padding>", "< unknown > < padding >"),
    ],
)
def test_tokenize(raw, expected):
    assert _tokens(raw) == [expected.split()]


def test_tokenize_replaces_what_is_not_utf8():
    tokens = text.tokenize(tf.constant([b"a caf\xe9 x"])).to_list()
    assert tokens == [[b"a", b"caf", "\ufffd".encode(), b"x"]]


def test_tokenize_no_texts():
    assert text.tokenize(tf.zeros([0], tf.string)).to_list() == []


def _assert_idempotent(texts):
    once = text.tokenize(tf.constant(texts, tf.string))
    joined = tf.strings.reduce_join(once, axis=1, separator=" ")
    twice = text.tokenize(joined)
    assert once.to_list() == twice.to_list()
    return once


def test_tokens_joined_and_cut_again_are_the_same():
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
    # Nobody can spell a special token.
    assert not {x.encode() for x in text.SPECIAL_TOKENS} & set(tokens)


def test_idempotent_on_fdu_mtl():
    folder = os.environ.get("MTL_TF_FDU_MTL_DIR")
    if not folder:
        pytest.skip("MTL_TF_FDU_MTL_DIR names no folder of the FDU-MTL files")
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            lines = file.read().split(b"\n")[:-1]
        _assert_idempotent([line.split(b"\t", 1)[-1] for line in lines])


_SPECIAL = "<padding>\n<unknown>\n<separator>\n<empty>\n"


def _write(path, content):
    path.write_bytes(
        content if isinstance(content, bytes) else content.encode()
    )
    return str(path)


def test_vocabulary_round_trip(tmp_path):
    path = str(tmp_path / "folder" / "vocabulary.txt")
    written = text.Vocabulary((*text.SPECIAL_TOKENS, "the", "é")).write(path)
    read = text.Vocabulary.read(path)
    assert read == written
    assert read.tokens[4:] == ("the", "é")
    assert len(read) == 6


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", r":1: expected <padding>, got None"),
        ("the\n", r":1: expected <padding>, got 'the'"),
        ("<padding>\n<unknown>\n<empty>\n", r":3: expected <separator>"),
        (_SPECIAL + "a\nb\na\n", r":7: 'a' stands in line 5 already"),
        (_SPECIAL + "a\n\nb\n", r":6: '' is not a token"),
        (_SPECIAL + "a b\n", r":5: 'a b' is not a token"),
        (_SPECIAL + "a\r\n", r":5: 'a\\r' is not a token"),
        (_SPECIAL.encode() + b"\xe9\n", r":5: not UTF-8"),
    ],
)
def test_vocabulary_errors_name_file_and_line(tmp_path, content, message):
    path = _write(tmp_path / "v.txt", content)
    with pytest.raises(ValueError, match="v.txt" + message):
        text.Vocabulary.read(path)


def test_vocabulary_missing(tmp_path):
    with pytest.raises(ValueError, match="there is no vocabulary"):
        text.Vocabulary.read(str(tmp_path / "v.txt"))


@pytest.mark.parametrize("in_file", [False, True])
def test_encode(tmp_path, in_file):
    vocabulary = text.Vocabulary((*text.SPECIAL_TOKENS, "good", "film", "#"))
    if in_file:
        vocabulary = vocabulary.write(str(tmp_path / "v.txt"))
    ids = vocabulary.encode(tf.constant(["Good FILM!", "", "# good", " "]))
    assert ids.dtype == tf.int32
    # good = 4, film = 5, # = 6, ! unknown = 1, no token at all = 3.
    assert ids.to_list() == [[4, 5, 1], [3], [6, 4], [3]]


def test_encode_first_asked_in_a_graph(tmp_path):
    vocabulary = text.Vocabulary((*text.SPECIAL_TOKENS, "good")).write(
        str(tmp_path / "v.txt")
    )
    dataset = tf.data.Dataset.from_tensors(tf.constant(["good", "bad"]))
    ids = next(iter(dataset.map(vocabulary.encode)))
    assert ids.to_list() == [[4], [1]]
    # The table is not that graph's own.
    assert vocabulary.encode(tf.constant(["good"])).to_list() == [[4]]


def test_a_file_that_was_replaced_is_another_vocabulary(tmp_path):
    path = str(tmp_path / "v.txt")
    one = text.Vocabulary((*text.SPECIAL_TOKENS, "good", "bad")).write(path)
    assert one.encode(tf.constant(["good"])).to_list() == [[4]]
    other = text.Vocabulary((*text.SPECIAL_TOKENS, "bad", "good")).write(path)
    assert other.encode(tf.constant(["good"])).to_list() == [[5]]
    assert one.encode(tf.constant(["good"])).to_list() == [[4]]


def test_vocabulary_travels_with_a_saved_model(tmp_path):
    vocabulary = text.Vocabulary((*text.SPECIAL_TOKENS, "good")).write(
        str(tmp_path / "v.txt")
    )
    module = tf.Module()
    module.table = vocabulary.table
    module.encode = tf.function(
        lambda texts: vocabulary.encode(texts).to_tensor(),
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    tf.saved_model.save(module, str(tmp_path / "saved"))
    os.remove(vocabulary.path)
    os.rename(tmp_path / "saved", tmp_path / "moved")
    loaded = tf.saved_model.load(str(tmp_path / "moved"))
    ids = loaded.encode(tf.constant(["a good", ""])).numpy()
    assert ids.tolist() == [[1, 4], [3, 0]]


def test_vocabulary_from_counts():
    vocabulary = text.vocabulary_from_counts(
        ["<empty>", "b", "rare", "a", "common"], [9, 2, 1, 2, 5], min_count=2
    )
    # The most frequent first, equals by code point, once-seen words left out.
    assert vocabulary.tokens == (*text.SPECIAL_TOKENS, "common", "a", "b")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
