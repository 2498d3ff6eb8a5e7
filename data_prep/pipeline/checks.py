"""Checks of a corpus for unlearnable or unscored labels, leaks, and others."""

import re
from collections.abc import Sequence

from data_prep.pipeline import findings
from data_prep.pipeline import leaks
from data_prep.pipeline import tally
from mtl_tf.data import tasks
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
    tallies: Sequence[tally.TaskTally],
    from_readers: Sequence[findings.Finding],
    min_count: int,
) -> list[findings.Finding]:
    """Runs all checks of a corpus.

    Args:
      tallies: what was counted in the rows of each task.
      from_readers: findings about the raw files.
      min_count: minimum frequency of the words of the vocabulary.

    Returns:
      The findings of the readers and the checks, sorted by task and kind.
    """
    results = list(from_readers)
    results += leaks.check_shared_texts(tallies)
    results += leaks.check_unlabeled(tallies)
    for texts in tallies:
        results += [
            *check_train(texts),
            *check_labels(texts),
            *leaks.check_conflicts_in_train(texts),
            *leaks.check_conflicts_with_train(texts),
            *leaks.check_seq2(texts),
            *check_blanks(texts),
            *check_unknown(texts, min_count),
        ]
    kinds = list(findings.KINDS)
    return sorted(results, key=lambda x: (x.task, kinds.index(x.kind)))


def check_train(texts: tally.TaskTally) -> list[findings.Finding]:
    """Finds too few training rows, or training rows with a single label."""
    labels, rows = texts.task.labels, texts.rows("train")
    ids = texts.ids(("rows", "train"))
    results = []
    if rows < len(labels):
        results.append(
            findings.Finding(
                "few_train_rows",
                texts.name,
                rows,
                f"train has {rows} {'rows' if rows > 1 else 'row'} for "
                f"{len(labels)} labels",
                ids,
            )
        )
    counts = texts.label_counts("train")
    if rows > 1 and max(counts) == rows:
        results.append(
            findings.Finding(
                "one_label_in_train",
                texts.name,
                rows,
                f"all {rows} training rows have the label "
                f"{display_names.quote(labels[counts.index(rows)])}: no other "
                "can be learned",
                ids,
            )
        )
    return results


def check_labels(texts: tally.TaskTally) -> list[findings.Finding]:
    """Finds labels without rows in train, dev or test."""
    counts = {x: texts.label_counts(x) for x in tasks.LABELED_SPLITS}
    labels = [display_names.quote(label) for label in texts.task.labels]
    indices = range(len(labels))
    missing = [i for i in indices if not counts["train"][i]]
    results = []
    if missing:
        shown = findings.listed(
            f"{labels[i]} (dev {counts['dev'][i]}, test {counts['test'][i]})"
            for i in missing
        )
        examples = [
            row_id
            for split in tally.SCORED_SPLITS
            for row_id in texts.ids_of_labels(split, missing)
        ]
        results.append(
            findings.Finding(
                "labels_not_in_train",
                texts.name,
                len(missing),
                f"{len(missing)} of {len(labels)} labels without a training "
                f"row, never learned: {shown}",
                tuple(examples[: tally.EXAMPLES]),
            )
        )
    unscored = {
        i: " and ".join(s for s in tally.SCORED_SPLITS if not counts[s][i])
        for i in indices
        if counts["train"][i]
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
                texts.ids_of_labels("train", unscored),
            )
        )
    return results


def check_blanks(texts: tally.TaskTally) -> list[findings.Finding]:
    """Finds texts without blanks between words."""
    rows = sum(map(texts.rows, texts.splits))
    count = sum(texts.count("unspaced", split) for split in texts.splits)
    if count <= _MAX_UNSPACED_SHARE * rows:
        return []
    return [
        findings.Finding(
            "no_blanks",
            texts.name,
            count,
            f"{count} of {rows} texts ({count / rows:.0%}) "
            "have no blanks between words: the tokenizer separates words at "
            "blanks; segment the texts into words first",
            texts.ids(*(("unspaced", split) for split in texts.splits)),
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
    texts: tally.TaskTally, min_count: int
) -> list[findings.Finding]:
    """Finds dev and test splits with many unknown words."""
    unknown, shares, rows = 0, [], []
    for split in tally.SCORED_SPLITS:
        count = texts.count("unknown_words", split)
        share = count / max(texts.count("words", split), 1)
        if share > _MAX_UNKNOWN_SHARE:
            unknown += count
            shares.append(f"{share:.0%} of {split}")
            # The rows with most of them.
            key = ("rows_by_unknown_words", split)
            rows.append((*key, texts.values(*key)[-1]))
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
            texts.ids(*rows),
        )
    ]
