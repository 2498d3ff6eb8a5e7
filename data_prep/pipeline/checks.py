"""Checks of a corpus: what cannot be learned or scored, and leaks."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from data_prep.pipeline import findings
from data_prep.pipeline import leaks
from data_prep.pipeline import source
from data_prep.pipeline import task_texts
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import display_names

_MOST_UNKNOWN = 0.2
_MOST_WITHOUT_BLANKS = 0.1
# Han, kana, Thai, Lao, Burmese and Khmer, which are written without blanks.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_BLANK_BETWEEN = re.compile(rf"[{_UNSPACED}]\s+(?=[{_UNSPACED}])")
# A word of them is shorter than this, on average.
_CHARACTERS_PER_BLANK = 10
_FEWEST_CHARACTERS = 4


def check(
    parts: Sequence[
        tuple[source.TaskRows, Mapping[str, tokens_lib.EncodedTexts]]
    ],
    token_ids: Sequence[Mapping[str, records.TokenIds]],
    min_count: int,
) -> list[findings.Finding]:
    """Checks all that is known of a corpus.

    Args:
      parts: rows of each task, and their tokens by split.
      token_ids: ids of the same tokens in the vocabulary.
      min_count: how often a word of the vocabulary was seen, at least.

    Returns:
      The findings by task, in the order of `findings.KINDS`.
    """
    texts = task_texts.number_texts(parts)
    found = [x for task, _ in parts for x in task.findings]
    found += leaks.check_shared_texts(texts) + leaks.check_unlabeled(texts)
    for x, ids in zip(texts, token_ids, strict=True):
        found += [
            *check_train(x),
            *check_labels(x),
            *leaks.check_conflicts_in_train(x),
            *leaks.check_conflicts_with_train(x),
            *leaks.check_seq2(x),
            *check_blanks(x.task),
            *check_unknown(x, ids, min_count),
        ]
    kinds = list(findings.KINDS)
    return sorted(found, key=lambda x: (x.task, kinds.index(x.kind)))


def check_train(x: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds training rows that are too few, or all of one label."""
    labels = x.task.task.labels
    rows = len(x.labels["train"])
    found = []
    if rows < len(labels):
        found.append(
            findings.Finding(
                "few_train_rows",
                x.name,
                rows,
                f"train has {rows} {'rows' if rows > 1 else 'row'} for "
                f"{len(labels)} labels",
                x.ids("train", np.ones(rows, bool)),
            )
        )
    label = x.labels["train"][0]
    if rows > 1 and (x.labels["train"] == label).all():
        found.append(
            findings.Finding(
                "one_label_in_train",
                x.name,
                rows,
                f"all {rows} training rows have the label "
                f"{display_names.quote(labels[label])}: no other can be "
                "learned",
                x.ids("train", np.ones(rows, bool)),
            )
        )
    return found


def check_labels(x: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds labels that train, dev or test lacks."""
    counts = {
        split: np.bincount(x.labels[split], minlength=len(x.task.task.labels))
        for split in tasks.LABELED_SPLITS
    }
    labels = [display_names.quote(label) for label in x.task.task.labels]
    in_train = counts["train"] > 0
    found = []
    lacking = np.flatnonzero(~in_train)
    if len(lacking):
        shown = findings.listed(
            f"{labels[i]} (dev {counts['dev'][i]}, test {counts['test'][i]})"
            for i in lacking
        )
        found.append(
            findings.Finding(
                "labels_not_in_train",
                x.name,
                len(lacking),
                f"{len(lacking)} of {len(labels)} labels without a training "
                f"row, never learned: {shown}",
                task_texts.first(
                    x.ids(split, ~in_train[x.labels[split]])
                    for split in task_texts.SCORED_SPLITS
                ),
            )
        )
    absent = {
        i: " and ".join(s for s in task_texts.SCORED_SPLITS if not counts[s][i])
        for i in np.flatnonzero(in_train)
    }
    absent = {i: splits for i, splits in absent.items() if splits}
    if absent:
        shown = findings.listed(
            f"{labels[i]} (not in {splits})" for i, splits in absent.items()
        )
        found.append(
            findings.Finding(
                "labels_not_scored",
                x.name,
                len(absent),
                f"{len(absent)} of {len(labels)} labels of train without a row "
                f"in dev or test, whose scores do not cover them: {shown}",
                x.ids("train", np.isin(x.labels["train"], list(absent))),
            )
        )
    return found


def check_blanks(task: source.TaskRows) -> list[findings.Finding]:
    """Finds out whether texts have no blanks between words."""
    rows = [row for split in task.splits.values() for row in split]
    found = [row.id for row in rows if is_unspaced(row.seq2)]
    if len(found) <= _MOST_WITHOUT_BLANKS * len(rows):
        return []
    return [
        findings.Finding(
            "no_blanks",
            task.task.name,
            len(found),
            f"{len(found)} of {len(rows)} texts ({len(found) / len(rows):.0%}) "
            "have no blanks between words: the tokenizer needs them, and takes "
            "what is between two blanks for one word; segment the words first",
            tuple(found[: task_texts.EXAMPLES]),
        )
    ]


def is_unspaced(string: str) -> bool:
    """Returns whether a text is written without blanks between words.

    Half of its letters or more are of such a script, and blanks between them
    are rarer than those between words.
    """
    if string.isascii():
        return False
    characters = len(_UNSPACED_CHARACTER.findall(string))
    if characters < _FEWEST_CHARACTERS:
        return False
    blanks = len(_BLANK_BETWEEN.findall(string))
    letters = sum(map(str.isalpha, string))
    return 2 * characters >= letters and (
        blanks * _CHARACTERS_PER_BLANK < characters
    )


def check_unknown(
    x: task_texts.TaskTexts,
    token_ids: Mapping[str, records.TokenIds],
    min_count: int,
) -> list[findings.Finding]:
    """Finds dev and test splits of which many words are unknown."""
    unknown, shares, examples = 0, [], []
    for split in task_texts.SCORED_SPLITS:
        is_unknown = token_ids[split].ids == vocabulary_lib.UNKNOWN
        words = np.count_nonzero(token_ids[split].ids != vocabulary_lib.EMPTY)
        share = is_unknown.sum() / max(words, 1)
        if share > _MOST_UNKNOWN:
            unknown += int(is_unknown.sum())
            shares.append(f"{share:.0%} of {split}")
            by_row = np.add.reduceat(
                is_unknown, token_ids[split].offsets[:-1:2]
            )
            examples.append(x.ids(split, by_row == by_row.max()))
    if not shares:
        return []
    return [
        findings.Finding(
            "unknown_words",
            x.name,
            unknown,
            f"{' and '.join(shares)} are unknown words: the vocabulary has "
            f"those seen {min_count} times or more in train and unlabeled "
            "texts (--min_count)",
            task_texts.first(examples),
        )
    ]
