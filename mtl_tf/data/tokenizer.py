"""The tokenizer, in TensorFlow operations.

The same operations prepare the corpora and are part of the exported model, so
that a text always has the same tokens:

    tokenize(["“I CAN'T wait…” she said :)"])
    -> " i ca n't wait ... " she said :)

Text that is already tokenized as in the Penn Treebank (`` `` '' for quotes,
`ca n't`) has the same tokens as raw text, and tokenizing tokens joined by
blanks does not change them. The tokenizer is for languages that separate words
by blanks.
"""

from collections.abc import Mapping

import tensorflow as tf

try:
    import tensorflow_text
except (ImportError, tf.errors.NotFoundError) as error:
    # tensorflow-text 2.21.0 with tensorflow 2.21.0 fails here with an undefined
    # symbol (github.com/tensorflow/text/issues/1541).
    raise ImportError(
        f"cannot import tensorflow_text: {error}\n"
        f"Install the release for TensorFlow {tf.__version__}: "
        'pip install "tensorflow-text>=2.21.1,<2.22"'
    ) from error

# Identifies the tokenizer in prepared corpora and runs: increase it with each
# change of the tokens of any text.
TOKENIZER_VERSION = 2


# NFKC_Casefold removes characters that Unicode lets programs ignore
# (Default_Ignorable_Code_Point): soft hyphens, word joiners, byte order marks,
# directional marks, zero width (non-)joiners. They do not separate words (UAX
# #29, rule WB4), and words are equal with and without them (UAX #31): Persian
# is typed both with and without non-joiners. Ignorable characters that must
# survive normalization are replaced by private use characters, which have been
# removed from the text: joiners within emoji, and the tag characters of flags,
# which move from plane 14 to plane 15 and back.
_JOINER = "\ue000"
_MARK = "\ue001"
_TAGS = r"\x{E0020}-\x{E007F}"
_PRIVATE_TAGS = r"\x{F0020}-\x{F007F}"

# Scripts without blanks between words (class SA of UAX #14, Chinese and
# Japanese).
_WITHOUT_BLANKS = "".join(
    rf"\p{{{script}}}"
    for script in (
        *("Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue"),
        *("Tai_Tham", "Tai_Viet", "Ahom", "Han", "Hiragana", "Katakana"),
    )
)

# Blocks of Unicode's Extended_Pictographic, which RE2 does not support, without
# characters that NFKC decomposes and without digits.
_EMOJI = (
    r"\x{A9}\x{AE}\x{2190}-\x{21FF}\x{231A}-\x{2328}\x{23CF}-\x{23FF}"
    r"\x{25AA}-\x{2775}\x{2794}-\x{27BF}\x{2934}\x{2935}\x{2B05}-\x{2B55}"
    r"\x{3030}\x{303D}\x{1F000}-\x{1F0FF}\x{1F170}-\x{1F18F}"
    r"\x{1F191}-\x{1F1E5}\x{1F300}-\x{1FAFF}\x{1FC00}-\x{1FFFD}"
)

# An emoji with an optional skin tone, keycap, or tags of a flag.
_PICTURE = rf"[{_EMOJI}][\x{{20E3}}\x{{1F3FB}}-\x{{1F3FF}}{_TAGS}]*"

_JOINED = (rf"({_PICTURE})\x{{200D}}([{_EMOJI}])", rf"\1{_JOINER}\2")

# Applied in this order. RE2 supports neither lookaround nor backreferences, and
# is several times as fast without groups.
_REWRITES_BEFORE_NORMALIZATION = (
    # Blanks and line ends, control characters (with NUL), private and surrogate
    # code points, and the annotation characters of ruby text.
    (r"[\pZ\p{Cc}\p{Co}\p{Cs}\x{FFF9}-\x{FFFB}]+", " "),
    # NFKC would replace it by a blank and a combining accent.
    ("\u00b4", "'"),
    # The zero width space separates words of these scripts. In words of other
    # scripts, web pages use it for line breaks: NFKC_Casefold removes it.
    (
        rf"([{_WITHOUT_BLANKS}])\x{{200B}}|\x{{200B}}([{_WITHOUT_BLANKS}])",
        r"\1 \2",
    ),
    # Presentation selectors do not change an emoji. Tags only matter in flags.
    (
        r"(\x{1F3F4}[\x{E0020}-\x{E007E}]+\x{E007F})"
        rf"|[\x{{FE0E}}\x{{FE0F}}{_TAGS}]",
        r"\1",
    ),
    # Twice: matches do not overlap, but the emoji of a chain do.
    _JOINED,
    _JOINED,
    # \C is a byte: the last two of the four bytes of a tag are kept.
    (f"[{_TAGS}]", rf"{_MARK}\0"),
    (rf"{_MARK}\C\C(\C\C)", b"\xf3\xb0\\1"),
)

_REWRITES = (
    (f"[{_PRIVATE_TAGS}]", rf"{_MARK}\0"),
    (rf"{_MARK}\C\C(\C\C)", b"\xf3\xa0\\1"),
    (_JOINER, "\u200d"),
    # A keycap does not belong to the word before it.
    (r"[0-9#*]\x{20E3}", r" \0 "),
    # One form of each quote. ' differs from " because words contain it.
    ("[\u2018\u2019\u201a\u201b\u2032\u02bc`]", "'"),
    ("''|[\u201c\u201d\u201e\u201f\u00ab\u00bb]", '"'),
    # Dashes and ellipses: -- and ... in the Treebank, also `. . .` in reviews.
    (r"[\x{2013}-\x{2015}]", "--"),
    (r"- *-[ -]*", " -- "),
    (r"\. *\.[ .]*", " ... "),
    # Longer runs are shortened to three.
    (r"(?:! *){4,}", " ! ! ! "),
    (r"(?:\? *){4,}", " ? ? ? "),
    (r"(?:n't)+\b", r" \0"),
    (r"'(?:s|m|d|ll|re|ve)\b", r" \0"),
    # Contractions that the Treebank splits.
    (r"\bcannot\b", "can not"),
    (r"\bgonna\b", "gon na"),
    (r"\bgotta\b", "got ta"),
    (r"\bwanna\b", "wan na"),
)

# The remaining format characters are visible, such as Arabic number signs.
_IN_WORD = r"\pL\pM\pN\p{Cf}_"

_TOKEN = "|".join(
    (
        r"(?:https?://|www\.)[^ \"'<>()]*[\pL\pN_/]",
        rf"[@#]\pL[{_IN_WORD}]*",
        # Emoticons of tweets and reviews, such as :) ;-( :'( =d <3
        r"[:;=]'?-?(?:[()\[\]|/\\*]|[dop]\b)|<3\b",
        r"n't\b|'(?:s|m|d|ll|re|ve)\b",
        r"\.\.\.|--",
        # Numbers such as 3.50, 10,000 and 2.5mm.
        rf"\pN+(?:[.,:]\pN+)+[{_IN_WORD}]*",
        # Words, also o'neill and, as in \b, with underscores. Hyphens separate:
        # compounds are out of vocabulary far more often than their components.
        rf"[{_IN_WORD}]+(?:'[{_IN_WORD}]+)*",
        # Emoji sequences of UTS #51: joined emoji, flags, keycaps.
        rf"{_PICTURE}(?:\x{{200D}}{_PICTURE})*",
        r"[\x{1F1E6}-\x{1F1FF}]{2}|[#*]\x{20E3}",
        r"[^ ]",
    )
)


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Tokenizes texts.

    Args:
      texts: string [texts]; bytes that are not UTF-8 become U+FFFD.

    Returns:
      string [texts, (tokens)]; no tokens for an empty or blank text.
    """
    texts = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", errors="replace"
    )
    for pattern, rewrite in _REWRITES_BEFORE_NORMALIZATION:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    # NFKC and case folding in one operation.
    texts = tensorflow_text.case_fold_utf8(texts)
    for pattern, rewrite in _REWRITES:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    texts = tf.strings.regex_replace(texts, _TOKEN, r" \0 ")
    return tf.strings.split(texts)


def check_version(declaration: Mapping, where: str) -> None:
    """Checks that a corpus was tokenized by this version of the tokenizer.

    Args:
      declaration: the contents of its `corpus.json`.
      where: the corpus, for the message.

    Raises:
      ValueError: if it was tokenized by another version: a model would get
        other tokens than those it was trained on.
    """
    version = declaration.get("tokenizer_version")
    if version != TOKENIZER_VERSION:
        raise ValueError(
            f"{where}: expected texts tokenized by version {TOKENIZER_VERSION} "
            f"of the tokenizer, got version {version}: prepare the corpus "
            "again, and train again"
        )
