"""Checks of a corpus for unlearnable or unscored labels, leaks, and others."""

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

_MAX_UNKNOWN_SHARE = 0.2
_MAX_UNSPACED_SHARE = 0.1
# Han, kana, Thai, Lao, Burmese and Khmer, which are written without blanks.
_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_UNSPACED_CHARACTER = re.compile(f"[{_UNSPACED}]")
_BLANK_BETWEEN = re.compile(rf"[{_UNSPACED}]\s+(?=[{_UNSPACED}])")
# Words of these scripts are shorter, on average.
_CHARACTERS_PER_BLANK = 10
_MIN_CHARACTERS = 4


def check(
    encoded_tasks: Sequence[
        tuple[source.TaskRows, Mapping[str, tokens_lib.EncodedTexts]]
    ],
    token_ids: Sequence[Mapping[str, records.TokenIds]],
    min_count: int,
) -> list[findings.Finding]:
    """Runs all checks of a corpus.

    Args:
      encoded_tasks: the rows of each task, and their encoded texts by split.
      token_ids: the same texts in the ids of the vocabulary.
      min_count: minimum frequency of the words of the vocabulary.

    Returns:
      The findings of the readers and the checks, sorted by task and kind.
    """
    tasks_texts = task_texts.identify_texts(encoded_tasks)
    results = [x for task, _ in encoded_tasks for x in task.findings]
    results += leaks.check_shared_texts(tasks_texts)
    results += leaks.check_unlabeled(tasks_texts)
    for texts, ids in zip(tasks_texts, token_ids, strict=True):
        results += [
            *check_train(texts),
            *check_labels(texts),
            *leaks.check_conflicts_in_train(texts),
            *leaks.check_conflicts_with_train(texts),
            *leaks.check_seq2(texts),
            *check_blanks(texts.task),
            *check_unknown(texts, ids, min_count),
        ]
    kinds = list(findings.KINDS)
    return sorted(results, key=lambda x: (x.task, kinds.index(x.kind)))


def check_train(texts: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds too few training rows, or training rows with a single label."""
    labels = texts.task.task.labels
    rows = len(texts.labels["train"])
    results = []
    if rows < len(labels):
        results.append(
            findings.Finding(
                "few_train_rows",
                texts.name,
                rows,
                f"train has {rows} {'rows' if rows > 1 else 'row'} for "
                f"{len(labels)} labels",
                texts.ids("train", np.ones(rows, bool)),
            )
        )
    label = texts.labels["train"][0]
    if rows > 1 and (texts.labels["train"] == label).all():
        results.append(
            findings.Finding(
                "one_label_in_train",
                texts.name,
                rows,
                f"all {rows} training rows have the label "
                f"{display_names.quote(labels[label])}: no other can be "
                "learned",
                texts.ids("train", np.ones(rows, bool)),
            )
        )
    return results


def check_labels(texts: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds labels without rows in train, dev or test."""
    counts = {
        split: np.bincount(
            texts.labels[split], minlength=len(texts.task.task.labels)
        )
        for split in tasks.LABELED_SPLITS
    }
    labels = [display_names.quote(label) for label in texts.task.task.labels]
    in_train = counts["train"] > 0
    results = []
    missing = np.flatnonzero(~in_train)
    if len(missing):
        shown = findings.listed(
            f"{labels[i]} (dev {counts['dev'][i]}, test {counts['test'][i]})"
            for i in missing
        )
        results.append(
            findings.Finding(
                "labels_not_in_train",
                texts.name,
                len(missing),
                f"{len(missing)} of {len(labels)} labels without a training "
                f"row, never learned: {shown}",
                task_texts.first(
                    texts.ids(split, ~in_train[texts.labels[split]])
                    for split in task_texts.SCORED_SPLITS
                ),
            )
        )
    unscored = {
        i: " and ".join(s for s in task_texts.SCORED_SPLITS if not counts[s][i])
        for i in np.flatnonzero(in_train)
    }
    unscored = {i: splits for i, splits in unscored.items() if splits}
    if unscored:
        shown = findings.listed(
            f"{labels[i]} (not in {splits})" for i, splits in unscored.items()
        )
        results.append(
            findings.Finding(
                "labels_not_scored",
                texts.name,
                len(unscored),
                f"{len(unscored)} of {len(labels)} labels of train without a "
                f"row in dev or test, whose scores do not cover them: {shown}",
                texts.ids(
                    "train", np.isin(texts.labels["train"], list(unscored))
                ),
            )
        )
    return results


def check_blanks(task: source.TaskRows) -> list[findings.Finding]:
    """Finds texts without blanks between words."""
    rows = [row for split in task.splits.values() for row in split]
    ids = [row.id for row in rows if is_unspaced(row.seq2)]
    if len(ids) <= _MAX_UNSPACED_SHARE * len(rows):
        return []
    return [
        findings.Finding(
            "no_blanks",
            task.task.name,
            len(ids),
            f"{len(ids)} of {len(rows)} texts ({len(ids) / len(rows):.0%}) "
            "have no blanks between words: the tokenizer separates words at "
            "blanks; segment the texts into words first",
            tuple(ids[: task_texts.EXAMPLES]),
        )
    ]


def is_unspaced(string: str) -> bool:
    """Returns whether a text is written without blanks between words.

    This is so if at least half of its letters are of such a script, with fewer
    blanks between them than there would be between words.
    """
    if string.isascii():
        return False
    characters = len(_UNSPACED_CHARACTER.findall(string))
    if characters < _MIN_CHARACTERS:
        return False
    blanks = len(_BLANK_BETWEEN.findall(string))
    letters = sum(map(str.isalpha, string))
    return 2 * characters >= letters and (
        blanks * _CHARACTERS_PER_BLANK < characters
    )


def check_unknown(
    texts: task_texts.TaskTexts,
    token_ids: Mapping[str, records.TokenIds],
    min_count: int,
) -> list[findings.Finding]:
    """Finds dev and test splits with many unknown words."""
    unknown, shares, examples = 0, [], []
    for split in task_texts.SCORED_SPLITS:
        is_unknown = token_ids[split].ids == vocabulary_lib.UNKNOWN
        num_words = np.count_nonzero(
            token_ids[split].ids != vocabulary_lib.EMPTY
        )
        share = is_unknown.sum() / max(num_words, 1)
        if share > _MAX_UNKNOWN_SHARE:
            unknown += int(is_unknown.sum())
            shares.append(f"{share:.0%} of {split}")
            by_row = np.add.reduceat(
                is_unknown, token_ids[split].offsets[:-1:2]
            )
            examples.append(texts.ids(split, by_row == by_row.max()))
    if not shares:
        return []
    return [
        findings.Finding(
            "unknown_words",
            texts.name,
            unknown,
            f"{' and '.join(shares)} are unknown words: words of the "
            f"vocabulary occur at least {min_count} "
            f"{'times' if min_count > 1 else 'time'} in train and unlabeled "
            "texts (--min_count)",
            task_texts.first(examples),
        )
    ]
