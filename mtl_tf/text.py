"""The tokenizer, in TensorFlow ops, and the vocabulary.

The same ops prepare the corpora and stand in the exported model, so that a
text is cut into the same tokens everywhere:

    tokenize(["“I CAN'T wait…” she said :)"])
    -> " i ca n't wait ... " she said :)

Texts that are already tokenised in the manner of the Penn Treebank (`` `` ''
for quotes, `ca n't`) come out like their raw spelling, and tokens joined by
blanks and cut again are the same tokens. It serves languages that put blanks
between words.
"""

import dataclasses
import functools
import hashlib
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

from mtl_tf import lines as lines_lib
from mtl_tf import tasks

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
VOCABULARY_FILE = tasks.VOCABULARY_FILE

PADDING, UNKNOWN, SEPARATOR, EMPTY = range(4)
# No text is cut into these: `<` is a token of its own, but in `<3`.
SPECIAL_TOKENS = ("<padding>", "<unknown>", "<separator>", "<empty>")

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


@dataclasses.dataclass(frozen=True)
class Vocabulary:
    """The tokens that have an id of their own.

    Attributes:
      tokens: a token's id is its place; `SPECIAL_TOKENS` stand in front.
      path: file that holds them, one a line, or None. With a file the lookup
        table is initialised from it, so that a SavedModel carries it along.

    Raises:
      ValueError: if a token is empty, repeats or holds a blank, or the special
        tokens are not in front.
    """

    tokens: tuple[str, ...]
    path: str | None = None

    def __post_init__(self):
        where = self.path or "vocabulary"
        for place, special in enumerate(SPECIAL_TOKENS):
            found = self.tokens[place] if place < len(self.tokens) else None
            if found != special:
                raise ValueError(
                    f"{where}:{place + 1}: expected {special}, got {found!r}; "
                    f"a vocabulary begins with {' '.join(SPECIAL_TOKENS)}, "
                    "one a line"
                )
        lines = {}
        for line, token in enumerate(self.tokens, start=1):
            if len(token.split()) != 1 or token != token.strip():
                raise ValueError(
                    f"{where}:{line}: {token!r} is not a token: one without "
                    "blanks is expected on each line"
                )
            if token in lines:
                raise ValueError(
                    f"{where}:{line}: {token!r} stands in line {lines[token]} "
                    "already"
                )
            lines[token] = line

    @classmethod
    def read(cls, path: str) -> "Vocabulary":
        """Reads a file of one token a line.

        Raises:
          ValueError: if it is missing, is not UTF-8, or its tokens are not as
            the class wants them; with the file and the line.
        """
        try:
            with open(path, "rb") as file:
                lines = lines_lib.split(file.read())
        except FileNotFoundError:
            raise ValueError(f"there is no vocabulary {path}") from None
        tokens = []
        for number, line in enumerate(lines, start=1):
            try:
                tokens.append(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{path}:{number}: not UTF-8: {error}"
                ) from None
        return cls(tuple(tokens), path)

    def write(self, path: str) -> "Vocabulary":
        """Writes one token a line; returns the vocabulary of that file."""
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{token}\n" for token in self.tokens)
        return dataclasses.replace(self, path=path)

    def __len__(self) -> int:
        return len(self.tokens)

    @functools.cached_property
    def table(self) -> tf.lookup.StaticHashTable:
        """int64 ids by token; an export has to track it."""
        # Lifted out of the graph that happens to ask first: the table belongs
        # to the vocabulary.
        with tf.init_scope():
            if self.path is None:
                initializer = tf.lookup.KeyValueTensorInitializer(
                    tf.constant(self.tokens),
                    tf.range(len(self.tokens), dtype=tf.int64),
                )
            else:
                initializer = _FileInitializer(
                    self.tokens,
                    self.path,
                    key_dtype=tf.string,
                    key_index=tf.lookup.TextFileIndex.WHOLE_LINE,
                    value_dtype=tf.int64,
                    value_index=tf.lookup.TextFileIndex.LINE_NUMBER,
                    vocab_size=len(self.tokens),
                )
            return tf.lookup.StaticHashTable(initializer, UNKNOWN)

    def lookup(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Ids of tokens, `UNKNOWN` for those without one.

        Args:
          tokens: string [texts, tokens of each].

        Returns:
          int32 of the same shape.
        """
        return tf.ragged.map_flat_values(
            lambda flat: tf.cast(self.table.lookup(flat), tf.int32), tokens
        )

    def encode(self, texts: tf.Tensor) -> tf.RaggedTensor:
        """Cuts texts into tokens and encodes them; see `encode_tokens`.

        Args:
          texts: string [texts].

        Returns:
          int32 [texts, tokens of each], at least one each.
        """
        return self.encode_tokens(tokenize(texts))

    def encode_tokens(self, tokens: tf.RaggedTensor) -> tf.RaggedTensor:
        """Encodes texts that have been cut into tokens.

        A text without tokens becomes the single id `EMPTY`: recurrent layers
        want a true last token.

        Args:
          tokens: string [texts, tokens of each].

        Returns:
          int32 [texts, tokens of each], at least one each.
        """
        ids = self.lookup(tokens)
        empty = tf.cast(tf.equal(ids.row_lengths(), 0), tf.int64)
        filler = tf.RaggedTensor.from_row_lengths(
            tf.fill([tf.reduce_sum(empty)], EMPTY), empty
        )
        return tf.concat([ids, filler], axis=1)


class _FileInitializer(tf.lookup.TextFileInitializer):
    """Fills a table that is known by what it holds.

    TensorFlow takes tables of the same path and size for one, whatever the
    files hold, and writes the path into SavedModels. A table without a name is
    no way out: TensorFlow Serving would find it empty.
    """

    def __init__(self, tokens, path, **kwargs):
        content = hashlib.sha256("\n".join(tokens).encode("utf-8"))
        self._content = content.hexdigest()
        super().__init__(path, **kwargs)

    @property
    def _shared_name(self):
        return f"vocabulary_{self._content}"


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


def vocabulary_from_counts(
    tokens: Sequence[str], counts: Sequence[int], min_count: int
) -> Vocabulary:
    """Vocabulary of the tokens seen `min_count` times or more.

    The most frequent comes first, equally frequent ones in the order of their
    code points: the same counts give the same file.
    """
    kept = sorted(
        (-count, token)
        for token, count in zip(tokens, counts, strict=True)
        if count >= min_count and token not in SPECIAL_TOKENS
    )
    return Vocabulary(SPECIAL_TOKENS + tuple(token for _, token in kept))
