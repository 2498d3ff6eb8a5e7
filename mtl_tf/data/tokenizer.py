"""The tokenizer, in TensorFlow operations.

The same operations prepare the corpora and are part of the exported model, so
that a text is cut into the same tokens everywhere:

    tokenize(["“I CAN'T wait…” she said :)"])
    -> " i ca n't wait ... " she said :)

Texts that are already tokenized in the manner of the Penn Treebank (`` `` ''
for quotes, `ca n't`) come out like their raw spelling, and tokens joined by
blanks and cut again are the same tokens. It serves languages that put blanks
between words.
"""

from collections.abc import Mapping

import tensorflow as tf

try:
    import tensorflow_text
except (ImportError, tf.errors.NotFoundError) as error:
    # tensorflow-text 2.21.0 fails here beside tensorflow 2.21.0 with an
    # undefined symbol (github.com/tensorflow/text/issues/1541).
    raise ImportError(
        "tensorflow_text does not import: "
        f"{error}\nInstall the release that fits TensorFlow {tf.__version__}: "
        'pip install "tensorflow-text>=2.21.1,<2.22"'
    ) from error


# Part of what a prepared corpus and a run are identified by: has to grow with
# each change of the tokens that some text is cut into.
TOKENIZER_VERSION = 2


# NFKC_Casefold leaves out what Unicode lets programs ignore
# (Default_Ignorable_Code_Point): soft hyphens, word joiners, byte order marks,
# marks of direction, zero width (non-)joiners. They cut no word (UAX #29, rule
# WB4), and a word is the same with and without them (UAX #31 compares so):
# Persian is typed both with and without its non-joiners. What has to be kept
# through normalization is spelled with private use characters, which no text
# has at that point: joiners within emoji, and the tag characters of flags,
# which go from plane 14 to plane 15 and back.
_JOINER = "\ue000"


_MARK = "\ue001"


_TAGS = r"\x{E0020}-\x{E007F}"


_PRIVATE_TAGS = r"\x{F0020}-\x{F007F}"


# Scripts that put no blanks between words (class SA of UAX #14, Chinese and
# Japanese).
_WITHOUT_BLANKS = "".join(
    rf"\p{{{script}}}"
    for script in (
        *("Thai", "Lao", "Khmer", "Myanmar", "Tai_Le", "New_Tai_Lue"),
        *("Tai_Tham", "Tai_Viet", "Ahom", "Han", "Hiragana", "Katakana"),
    )
)


# Blocks that hold Unicode's Extended_Pictographic, which RE2 does not know,
# without what NFKC takes apart and without digits.
_EMOJI = (
    r"\x{A9}\x{AE}\x{2190}-\x{21FF}\x{231A}-\x{2328}\x{23CF}-\x{23FF}"
    r"\x{25AA}-\x{2775}\x{2794}-\x{27BF}\x{2934}\x{2935}\x{2B05}-\x{2B55}"
    r"\x{3030}\x{303D}\x{1F000}-\x{1F0FF}\x{1F170}-\x{1F18F}"
    r"\x{1F191}-\x{1F1E5}\x{1F300}-\x{1FAFF}\x{1FC00}-\x{1FFFD}"
)


# With a skin tone, a keycap, or the tags of a flag.
_PICTURE = rf"[{_EMOJI}][\x{{20E3}}\x{{1F3FB}}-\x{{1F3FF}}{_TAGS}]*"


_JOINED = (rf"({_PICTURE})\x{{200D}}([{_EMOJI}])", rf"\1{_JOINER}\2")


# Applied in this order. RE2 knows neither lookaround nor backreferences, and
# matches without groups are found several times as fast.
_REWRITES_BEFORE_NORMALIZATION = (
    # Unicode's blanks and line ends, control characters (NUL among them),
    # private and surrogate code points, and what sets ruby text apart.
    (r"[\pZ\p{Cc}\p{Co}\p{Cs}\x{FFF9}-\x{FFFB}]+", " "),
    # NFKC would turn it into a blank and a combining accent.
    ("\u00b4", "'"),
    # The zero width space parts words where nothing else does. Within words of
    # other scripts, web pages have it for line breaks: it is left out.
    (
        rf"([{_WITHOUT_BLANKS}])\x{{200B}}|\x{{200B}}([{_WITHOUT_BLANKS}])",
        r"\1 \2",
    ),
    # An emoji is the same in each presentation. Tags count in flags alone.
    (
        r"(\x{1F3F4}[\x{E0020}-\x{E007E}]+\x{E007F})"
        rf"|[\x{{FE0E}}\x{{FE0F}}{_TAGS}]",
        r"\1",
    ),
    # Twice: matches do not overlap, the pictures of a chain do.
    _JOINED,
    _JOINED,
    # \C is a byte: the last two of a tag's four stay.
    (f"[{_TAGS}]", rf"{_MARK}\0"),
    (rf"{_MARK}\C\C(\C\C)", b"\xf3\xb0\\1"),
)


_REWRITES = (
    (f"[{_PRIVATE_TAGS}]", rf"{_MARK}\0"),
    (rf"{_MARK}\C\C(\C\C)", b"\xf3\xa0\\1"),
    (_JOINER, "\u200d"),
    # A keycap is no part of the word before it.
    (r"[0-9#*]\x{20E3}", r" \0 "),
    # One form of each quote. ' stays apart from " for it is in words.
    ("[\u2018\u2019\u201a\u201b\u2032\u02bc`]", "'"),
    ("''|[\u201c\u201d\u201e\u201f\u00ab\u00bb]", '"'),
    # Dashes and ellipses, which the Treebank's manner spells -- and ..., the
    # review corpora also `. . .`.
    (r"[\x{2013}-\x{2015}]", "--"),
    (r"- *-[ -]*", " -- "),
    (r"\. *\.[ .]*", " ... "),
    # More than three of them say no more than three do.
    (r"(?:! *){4,}", " ! ! ! "),
    (r"(?:\? *){4,}", " ? ? ? "),
    (r"(?:n't)+\b", r" \0"),
    (r"'(?:s|m|d|ll|re|ve)\b", r" \0"),
    # The Treebank's manner cuts these words.
    (r"\bcannot\b", "can not"),
    (r"\bgonna\b", "gon na"),
    (r"\bgotta\b", "got ta"),
    (r"\bwanna\b", "wan na"),
)


# Format characters that are left are printed, such as Arabic number signs.
_IN_WORD = r"\pL\pM\pN\p{Cf}_"


_TOKEN = "|".join(
    (
        r"(?:https?://|www\.)[^ \"'<>()]*[\pL\pN_/]",
        rf"[@#]\pL[{_IN_WORD}]*",
        # Emoticons as tweets and reviews have them, such as :) ;-( :'( =d <3
        r"[:;=]'?-?(?:[()\[\]|/\\*]|[dop]\b)|<3\b",
        r"n't\b|'(?:s|m|d|ll|re|ve)\b",
        r"\.\.\.|--",
        # Numbers such as 3.50, 10,000 and 2.5mm.
        rf"\pN+(?:[.,:]\pN+)+[{_IN_WORD}]*",
        # Words, also o'neill and, as \b has it, with underscores. Hyphens
        # cut: the parts of a compound are known far more often than the whole.
        rf"[{_IN_WORD}]+(?:'[{_IN_WORD}]+)*",
        # Emoji as UTS #51 has them: pictures that are joined, flags, keycaps.
        rf"{_PICTURE}(?:\x{{200D}}{_PICTURE})*",
        r"[\x{1F1E6}-\x{1F1FF}]{2}|[#*]\x{20E3}",
        r"[^ ]",
    )
)


def tokenize(texts: tf.Tensor) -> tf.RaggedTensor:
    """Cuts texts into tokens.

    Any bytes are accepted: what is not UTF-8 becomes U+FFFD.

    Args:
      texts: string [texts].

    Returns:
      string [texts, tokens of each]; no tokens for an empty or blank text.
    """
    texts = tf.strings.unicode_transcode(
        texts, "UTF-8", "UTF-8", errors="replace"
    )
    for pattern, rewrite in _REWRITES_BEFORE_NORMALIZATION:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    # NFKC and case folding in one; tf.strings.lower ends a text at a NUL.
    texts = tensorflow_text.case_fold_utf8(texts)
    for pattern, rewrite in _REWRITES:
        texts = tf.strings.regex_replace(texts, pattern, rewrite)
    texts = tf.strings.regex_replace(texts, _TOKEN, r" \0 ")
    return tf.strings.split(texts)


def check_version(declaration: Mapping, where: str) -> None:
    """Checks that a corpus was cut into tokens by this tokenizer.

    Args:
      declaration: what its `corpus.json` holds.
      where: what the corpus is of, for the message.

    Raises:
      ValueError: if it was another version: a model would be asked about other
        tokens than it was trained on.
    """
    found = declaration.get("tokenizer_version")
    if found != TOKENIZER_VERSION:
        raise ValueError(
            f"{where}: the texts were cut into tokens by version {found} of "
            f"the tokenizer, expected version {TOKENIZER_VERSION}: prepare the "
            "corpus again, and train again"
        )
