"""The roles of a table's columns, guessed from their names and values."""

import collections
import dataclasses
import re
from collections.abc import Hashable, Iterable, Sequence

from data_prep.pipeline import splits
from mtl_tf.data import values as values_lib
from mtl_tf.utils import display_names

# Names that are usual for a role, the most specific first.
_TEXT_NAMES = (
    *("text", "sentence", "message", "tweet", "review", "content", "body"),
    *("comment", "utterance", "query", "post", "document"),
)
_LABEL_NAMES = (
    *("label", "labels", "class", "category", "intent", "target", "y"),
    *("sentiment", "stance", "rating", "stars", "score", "gold_label"),
)
# First and second texts of pairs.
_PAIR_NAMES = (
    ("question", "answer"),
    ("premise", "hypothesis"),
    ("headline", "body"),
    ("title", "body"),
    ("sentence1", "sentence2"),
    ("text1", "text2"),
    ("text_a", "text_b"),
    ("seq1", "seq2"),
    ("context", "response"),
    ("topic", "text"),
    ("topic", "tweet"),
    ("target", "text"),
    ("target", "tweet"),
    ("aspect", "text"),
)
_GROUP_NAMES = (
    *("group", "group_id", "document_id", "doc_id", "thread_id", "topic_id"),
    *("conversation_id", "dialogue_id", "article_id", "author_id", "user_id"),
    *("topic", "thread", "conversation", "dialogue", "author", "user"),
)
_ID_NAMES = ("id", "uid", "uuid", "idx", "row_id", "example_id", "guid")
_SPLIT_NAMES = ("split", "subset", "partition", "fold", "set")
# A text has this many words on average, or mostly several that differ.
_MANY_WORDS = 4
_MAX_LABEL_LENGTH = 40
_MAX_LABELS = 500
# A label has at least this many rows on average.
_ROWS_PER_LABEL = 4
_WORD = re.compile(r"\S*[^\W\d_]\S*")
# Scripts without blanks between words: their letters count as words.
_WIDE_LETTER = re.compile("[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff]")


@dataclasses.dataclass(frozen=True)
class Column:
    """The values of a column, as far as its role depends on them.

    Attributes:
      name: its name, or its index in a table without a header.
      num_rows: the number of rows.
      num_values: the number of values that are not missing.
      counts: the number of rows of each value, spelled as a label.
      num_words: the mean number of words of a value.
      has_texts: whether all values are texts, most of them of several words.
      may_be_text: whether all values are texts.
      may_be_label: whether the values could be labels.
      may_be_split: whether all values are names of splits.
    """

    name: Hashable
    num_rows: int
    num_values: int
    counts: collections.Counter[str]
    num_words: float
    has_texts: bool
    may_be_text: bool
    may_be_label: bool
    may_be_split: bool

    @classmethod
    def of(cls, name: Hashable, values: Sequence[object]) -> "Column":
        """Describes the values of a column.

        Args:
          name: its name or index.
          values: the value of each row; None for a missing one.
        """
        present = [x for x in values if not values_lib.is_no_label(x)]
        counts = collections.Counter(_spelling(x) for x in present)
        may_be_text = bool(present) and all(isinstance(x, str) for x in present)
        words = [_count_words(x) for x in present if isinstance(x, str)]
        num_words = sum(words) / max(1, len(words))
        several = sum(n > 1 for n in words)
        has_texts = may_be_text and (
            num_words >= _MANY_WORDS
            or (2 * several >= len(words) and 2 * len(counts) > len(words))
        )
        may_be_split = bool(present) and all(
            splits.split_name(x) for x in present
        )
        return cls(
            name,
            len(values),
            len(present),
            counts,
            num_words,
            has_texts,
            may_be_text,
            not has_texts
            and not may_be_split
            and _may_be_labels(present, counts),
            may_be_split,
        )

    def describe(self) -> str:
        """Describes the column in a few words, for messages."""
        if self.has_texts:
            kind = f"texts of {self.num_words:.0f} words"
        elif self.may_be_split:
            kind = f"splits {', '.join(self.counts)}"
        elif self.may_be_label:
            kind = f"{len(self.counts)} labels"
        elif not self.num_values:
            kind = "no values"
        else:
            kind = display_names.counted(len(self.counts), "different value")
        return f"{self.name!r:.80} ({kind})"


@dataclasses.dataclass(frozen=True)
class Roles:
    """Candidates for each role, the most likely first.

    Attributes:
      texts: columns of texts.
      pair: the columns of a pair of texts, in order, or empty.
      labels: columns of labels.
      group: columns that name the group of a row.
      row_id: columns that name each row.
      split: columns that name the split of each row.
    """

    texts: tuple[Column, ...]
    pair: tuple[Column, ...]
    labels: tuple[Column, ...]
    group: tuple[Column, ...]
    row_id: tuple[Column, ...]
    split: tuple[Column, ...]


def guess(columns: Iterable[Column]) -> Roles:
    """Finds candidates for the roles of columns.

    A column whose name is usual for a role comes before others.

    Args:
      columns: the columns of a table, in order.
    """
    columns = list(columns)
    texts = _by_name([x for x in columns if x.has_texts], _TEXT_NAMES)
    named = [
        x
        for x in columns
        if x.may_be_text and _rank(x.name, _TEXT_NAMES[:1]) == 0
    ]
    texts = texts or named
    pair = _pair(columns, texts)
    labels = _by_name(
        [x for x in columns if x.may_be_label and x not in pair],
        _LABEL_NAMES,
    )
    used = {x.name for x in (*texts[:1], *pair, *labels[:1])}
    others = [x for x in columns if x.name not in used and x.num_values]
    return Roles(
        tuple(texts),
        pair,
        tuple(labels),
        _named(
            [x for x in others if 1 < len(x.counts) < x.num_values],
            _GROUP_NAMES,
        ),
        _named([x for x in others if len(x.counts) == x.num_rows], _ID_NAMES),
        _named([x for x in others if x.may_be_split], _SPLIT_NAMES),
    )


def obvious_text(roles: Roles) -> Column | None:
    """Returns the only column of texts, or the one with a usual name."""
    return _obvious(roles.texts, _TEXT_NAMES)


def obvious_label(roles: Roles) -> Column | None:
    """Returns the only column of labels, or the one with a usual name."""
    return _obvious(roles.labels, _LABEL_NAMES)


def is_split_name(name: Hashable) -> bool:
    """Returns whether the name of a column is usual for splits."""
    return _rank(name, _SPLIT_NAMES) < len(_SPLIT_NAMES)


def _obvious(columns, names) -> Column | None:
    """Returns the first column if no other one is as likely."""
    ranks = [_rank(x.name, names) for x in columns[:2]]
    if len(ranks) == 2 and ranks[0] and ranks[1] < len(names):
        return None
    if len(ranks) == 2 and ranks[0] == len(names):
        return None
    return columns[0] if columns else None


def _spelling(value) -> str:
    """Returns a value as text, whole numbers and truth values as labels."""
    if isinstance(value, str | int | float):
        text = values_lib.to_text("", "", value)
        return values_lib.canonical(text) or text
    return repr(value)


def _count_words(text) -> int:
    words = len(_WORD.findall(text))
    wide = len(_WIDE_LETTER.findall(text))
    return max(words, wide // 2)


def _may_be_labels(present, counts) -> bool:
    """Returns whether values are texts or whole numbers that repeat."""
    if not 2 <= len(counts) <= _MAX_LABELS:
        return False
    if len(present) < 2 * len(counts) and len(counts) > 2:
        return False
    if len(counts) > max(10, len(present) // _ROWS_PER_LABEL):
        return False
    return all(
        len(x) <= _MAX_LABEL_LENGTH
        if isinstance(x, str)
        else isinstance(x, int) or (isinstance(x, float) and x.is_integer())
        for x in present
    ) and not any(_is_fraction(x) for x in counts)


def _is_fraction(text) -> bool:
    """Returns whether a text is a number that is not whole."""
    return re.fullmatch(r"[-+]?\d*\.\d*[1-9]\d*", text) is not None


def _rank(name, names) -> int:
    """Returns the position of a column's name among usual ones."""
    name = str(name).strip().lower().replace(" ", "_")
    return names.index(name) if name in names else len(names)


def _by_name(columns, names) -> list[Column]:
    """Sorts columns whose name is usual before others, which keep their order.

    A column without a header has no name, only an index.
    """
    return sorted(columns, key=lambda x: _rank(x.name, names))


def _named(columns, names) -> tuple[Column, ...]:
    """Returns the columns whose name is usual, sorted."""
    usual = [x for x in columns if _rank(x.name, names) < len(names)]
    return tuple(_by_name(usual, names))


def _pair(columns, texts) -> tuple[Column, ...]:
    """Returns the columns of a pair of texts, or nothing."""
    by_name = {str(x.name).strip().lower(): x for x in columns}
    for first, second in _PAIR_NAMES:
        if first not in by_name or by_name.get(second) not in texts:
            continue
        pair = by_name[first], by_name[second]
        # The first text may be a topic, which could be the label, too.
        is_topic = pair[0].num_words > 0.5 and any(
            x.may_be_label for x in columns if x not in pair
        )
        if pair[0].has_texts or is_topic:
            return pair
    unusual = [
        x for x in texts if _rank(x.name, _TEXT_NAMES) == len(_TEXT_NAMES)
    ]
    if len(texts) == 2 and len(unusual) == 2:
        return tuple(sorted(texts, key=columns.index))
    return ()
