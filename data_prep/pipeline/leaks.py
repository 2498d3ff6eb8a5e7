"""Checks for leaks between splits and tasks, and for conflicting labels.

`duplicates` compares the rows and counts what is found.
"""

from collections.abc import Sequence

from data_prep.pipeline import findings
from data_prep.pipeline import tally


def check_conflicts_in_train(
    texts: tally.TaskTally,
) -> list[findings.Finding]:
    """Finds texts of train that have several labels."""
    count = texts.count("conflict_in_train")
    if not count:
        return []
    rows = texts.count("rows_in_conflict")
    return [
        findings.Finding(
            "conflicts_in_train",
            texts.name,
            count,
            f"{count} {'texts' if count > 1 else 'text'} of train with several "
            f"labels ({rows} of {texts.rows('train')} rows)",
            texts.first("conflict_in_train")[0].ids,
        )
    ]


def check_conflicts_with_train(
    texts: tally.TaskTally,
) -> list[findings.Finding]:
    """Finds test rows whose text has another label in train."""
    count = texts.count("conflict_with_train")
    if not count:
        return []
    return [
        findings.Finding(
            "conflicts_with_train",
            texts.name,
            count,
            f"{count} of {texts.rows('test')} test rows have the text of a "
            "training row with another label",
            texts.first("conflict_with_train")[0].ids,
        )
    ]


def check_shared_texts(
    tasks_texts: Sequence[tally.TaskTally],
) -> list[findings.Finding]:
    """Finds test rows whose text is in train of another task.

    These rows are not marked as `duplicate`, which refers to the task's own
    training rows.
    """
    results = []
    by_index = {texts.index: texts for texts in tasks_texts}
    for texts in tasks_texts:
        count = texts.count("in_other_train")
        if not count:
            continue
        others = [by_index[x] for x in texts.values("in_train_of")]

        def order(other, texts=texts):
            key = ("in_train_of", other.index)
            # Of equal numbers, the task with the first row.
            return -texts.count(*key), texts.first(*key)[0].position

        by_task = {
            other.name: texts.count("in_train_of", other.index)
            for other in sorted(others, key=order)
        }
        counts = [f"{name} {n}" for name, n in by_task.items()]
        results.append(
            findings.Finding(
                "test_in_other_train",
                texts.name,
                count,
                f"{count} of {texts.rows('test')} test rows have the text of a "
                f"training row of another task ({findings.listed(counts)}): "
                "shared layers are trained on them",
                texts.ids(("in_other_train",)),
                by_task,
            )
        )
    return results


def check_unlabeled(
    tasks_texts: Sequence[tally.TaskTally],
) -> list[findings.Finding]:
    """Finds dev and test rows whose text is also an unlabeled text."""
    return [
        finding
        for texts in tasks_texts
        for finding in _check_scored_rows(
            "unlabeled_is_scored",
            texts,
            "are unlabeled texts, too: they are used by the vocabulary and by "
            "--unlabeled (transductive scores)",
        )
    ]


def check_seq2(texts: tally.TaskTally) -> list[findings.Finding]:
    """Finds rows of pairs whose seq2 is in train, with another seq1.

    Rows with a group are left out: they stay in one split, or the files of the
    splits separate them deliberately.
    """
    return _check_scored_rows(
        "seq2_in_train",
        texts,
        "have the seq2 of a training row with another seq1, and no group that "
        "keeps them in one split",
    )


def _check_scored_rows(kind, texts, message) -> list[findings.Finding]:
    """Makes a finding about dev and test rows, if there are any."""
    counts = {x: texts.count(kind, x) for x in tally.SCORED_SPLITS}
    if not any(counts.values()):
        return []
    shares = [
        f"{count} of {texts.rows(split)} {split} rows"
        for split, count in counts.items()
        if count
    ]
    return [
        findings.Finding(
            kind,
            texts.name,
            sum(counts.values()),
            f"{' and '.join(shares)} {message}",
            texts.ids(*((kind, split) for split in tally.SCORED_SPLITS)),
        )
    ]
