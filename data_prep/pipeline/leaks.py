"""Checks of texts that are where they should not be, or labeled twice.

They compare rows by the tokens of their texts, over all tasks at once. The work
grows with the rows, not with the pairs of tasks.
"""

import collections
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from data_prep.pipeline import findings
from data_prep.pipeline import task_texts


def check_conflicts_in_train(
    x: task_texts.TaskTexts,
) -> list[findings.Finding]:
    """Finds texts of train that have several labels."""
    train = x.pairs["train"]
    texts, label_counts, _ = _labels_in_train(x)
    several = texts[label_counts > 1]
    if not len(several):
        return []
    rows = np.isin(train, several)
    first = int(np.argmax(rows))
    return [
        findings.Finding(
            "conflicts_in_train",
            x.name,
            len(several),
            f"{len(several)} {'texts' if len(several) > 1 else 'text'} of "
            f"train with several labels ({int(rows.sum())} of {len(rows)} "
            "rows)",
            (
                x.task.splits["train"][first].id,
                _id_of_other(x, train[first], x.labels["train"][first]),
            ),
        )
    ]


def check_conflicts_with_train(
    x: task_texts.TaskTexts,
) -> list[findings.Finding]:
    """Finds test rows whose text has another label in train."""
    test = x.pairs["test"]
    texts, label_counts, labeled = _labels_in_train(x)
    place = np.minimum(np.searchsorted(texts, test), len(texts) - 1)
    in_train = np.where(texts[place] == test, label_counts[place], 0)
    # The labels in train are more than the row's own, if that is among them.
    is_same = np.isin(_labeled(x, "test"), labeled)
    rows = in_train > is_same
    if not rows.any():
        return []
    first = int(np.argmax(rows))
    return [
        findings.Finding(
            "conflicts_with_train",
            x.name,
            int(rows.sum()),
            f"{int(rows.sum())} of {len(rows)} test rows have the text of a "
            "training row with another label",
            (
                x.task.splits["test"][first].id,
                _id_of_other(x, test[first], x.labels["test"][first]),
            ),
        )
    ]


def _labeled(x, split):
    """Returns a number for text and label of each row."""
    return x.pairs[split] * len(x.task.task.labels) + x.labels[split]


def _labels_in_train(x):
    """Returns the texts of train, how many labels each has, and with which."""
    labeled = np.unique(_labeled(x, "train"))
    texts, counts = np.unique(
        labeled // len(x.task.task.labels), return_counts=True
    )
    return texts, counts, labeled


def _id_of_other(x, number, label) -> str:
    """Returns the first training row of a text with another label."""
    rows = (x.pairs["train"] == number) & (x.labels["train"] != label)
    return x.ids("train", rows)[0]


def check_shared_texts(
    texts: Sequence[task_texts.TaskTexts],
) -> list[findings.Finding]:
    """Finds test rows whose text is in train of another task.

    A row that another task also has in train is no `duplicate`: that mark is
    for the task's own training rows.
    """
    trained = [np.unique(x.pairs["train"]) for x in texts]
    in_train = sparse.csr_array(
        (
            np.ones(sum(map(len, trained)), np.int64),
            (
                np.concatenate(trained),
                np.repeat(np.arange(len(texts)), list(map(len, trained))),
            ),
        ),
        shape=(
            1 + max(int(x.max()) for y in texts for x in y.pairs.values()),
            len(texts),
        ),
    )
    found = []
    for place, x in enumerate(texts):
        # Which tasks have the text of a row in train: [rows, tasks].
        others = in_train[x.pairs["test"]].tocoo()
        row, task = others.coords
        row, task = row[task != place], task[task != place]
        rows = np.zeros(len(x.pairs["test"]), bool)
        rows[row] = True
        if rows.any():
            by_task = collections.Counter(texts[i].name for i in task)
            counts = [f"{name} {n}" for name, n in by_task.most_common()]
            found.append(
                findings.Finding(
                    "test_in_other_train",
                    x.name,
                    int(rows.sum()),
                    f"{int(rows.sum())} of {len(rows)} test rows have the text "
                    "of a training row of another task "
                    f"({findings.listed(counts)}): what tasks share is trained "
                    "on them",
                    x.ids("test", rows),
                    dict(by_task.most_common()),
                )
            )
    return found


def check_unlabeled(
    texts: Sequence[task_texts.TaskTexts],
) -> list[findings.Finding]:
    """Finds dev and test rows whose text also is an unlabeled text."""
    unlabeled = [x.pairs["unlabeled"] for x in texts if "unlabeled" in x.pairs]
    if not unlabeled:
        return []
    unlabeled = np.unique(np.concatenate(unlabeled))
    found = []
    for x in texts:
        rows = {
            s: np.isin(x.pairs[s], unlabeled) for s in task_texts.SCORED_SPLITS
        }
        if any(map(np.any, rows.values())):
            found.append(
                _of_scored(
                    "unlabeled_is_scored",
                    x,
                    rows,
                    "are unlabeled texts, too: the vocabulary has read them, "
                    "and --unlabeled does (transductive scores)",
                )
            )
    return found


def check_seq2(x: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds rows of pairs whose seq2 is in train, with another seq1.

    Rows of a group stay in one split, or were meant to be in several.
    """
    if not x.seq2:
        return []
    rows = {
        split: np.isin(x.seq2[split], x.seq2["train"])
        & ~np.isin(x.pairs[split], x.pairs["train"])
        & np.array([not row.group for row in x.task.splits[split]])
        for split in task_texts.SCORED_SPLITS
    }
    if not any(map(np.any, rows.values())):
        return []
    return [
        _of_scored(
            "seq2_in_train",
            x,
            rows,
            "have the seq2 of a training row with another seq1, and no group "
            "that keeps them in one split",
        )
    ]


def _of_scored(kind, x, rows, message) -> findings.Finding:
    """Returns a finding on dev and test rows, given by masks."""
    shares = [
        f"{int(mask.sum())} of {len(mask)} {split} rows"
        for split, mask in rows.items()
        if mask.any()
    ]
    return findings.Finding(
        kind,
        x.name,
        int(sum(mask.sum() for mask in rows.values())),
        f"{' and '.join(shares)} {message}",
        task_texts.first(x.ids(split, mask) for split, mask in rows.items()),
    )
