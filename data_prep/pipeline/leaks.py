"""Checks for leaks between splits and tasks, and for conflicting labels.

Rows are compared by the tokens of their texts, over all tasks at once. The cost
grows with the number of rows, not with the number of pairs of tasks.
"""

import collections
from collections.abc import Sequence

import numpy as np
from scipy import sparse

from data_prep.pipeline import findings
from data_prep.pipeline import task_texts


def check_conflicts_in_train(
    texts: task_texts.TaskTexts,
) -> list[findings.Finding]:
    """Finds texts of train that have several labels."""
    train = texts.text_ids["train"]
    text_ids, label_counts, _ = _labels_in_train(texts)
    conflicting = text_ids[label_counts > 1]
    if not len(conflicting):
        return []
    rows = np.isin(train, conflicting)
    first = int(np.argmax(rows))
    return [
        findings.Finding(
            "conflicts_in_train",
            texts.name,
            len(conflicting),
            f"{len(conflicting)} {'texts' if len(conflicting) > 1 else 'text'} "
            f"of train with several labels ({int(rows.sum())} of {len(rows)} "
            "rows)",
            (
                texts.task.splits["train"][first].id,
                _id_of_conflict(
                    texts, train[first], texts.labels["train"][first]
                ),
            ),
        )
    ]


def check_conflicts_with_train(
    texts: task_texts.TaskTexts,
) -> list[findings.Finding]:
    """Finds test rows whose text has another label in train."""
    test = texts.text_ids["test"]
    text_ids, label_counts, labeled_texts = _labels_in_train(texts)
    index = np.minimum(np.searchsorted(text_ids, test), len(text_ids) - 1)
    num_labels = np.where(text_ids[index] == test, label_counts[index], 0)
    # Train has other labels than the row's own, which may be one of them.
    has_own_label = np.isin(_labeled_texts(texts, "test"), labeled_texts)
    rows = num_labels > has_own_label
    if not rows.any():
        return []
    first = int(np.argmax(rows))
    return [
        findings.Finding(
            "conflicts_with_train",
            texts.name,
            int(rows.sum()),
            f"{int(rows.sum())} of {len(rows)} test rows have the text of a "
            "training row with another label",
            (
                texts.task.splits["test"][first].id,
                _id_of_conflict(
                    texts, test[first], texts.labels["test"][first]
                ),
            ),
        )
    ]


def _labeled_texts(texts, split):
    """Returns an id for the text and label of each row, int64 [rows]."""
    num_labels = len(texts.task.task.labels)
    return texts.text_ids[split] * num_labels + texts.labels[split]


def _labels_in_train(texts):
    """Returns text ids of train, their numbers of labels, and labeled texts."""
    labeled_texts = np.unique(_labeled_texts(texts, "train"))
    text_ids, counts = np.unique(
        labeled_texts // len(texts.task.task.labels), return_counts=True
    )
    return text_ids, counts, labeled_texts


def _id_of_conflict(texts, text_id, label) -> str:
    """Returns the id of the first training row with another label."""
    rows = texts.text_ids["train"] == text_id
    rows &= texts.labels["train"] != label
    return texts.ids("train", rows)[0]


def check_shared_texts(
    tasks_texts: Sequence[task_texts.TaskTexts],
) -> list[findings.Finding]:
    """Finds test rows whose text is in train of another task.

    These rows are not marked as `duplicate`, which refers to the task's own
    training rows.
    """
    in_train = _texts_in_train(tasks_texts)
    results = []
    for task_index, texts in enumerate(tasks_texts):
        # The tasks that have the text of a test row in train: [rows, tasks].
        row, task = in_train[texts.text_ids["test"]].tocoo().coords
        row, task = row[task != task_index], task[task != task_index]
        rows = np.zeros(len(texts.text_ids["test"]), bool)
        rows[row] = True
        if rows.any():
            by_task = collections.Counter(tasks_texts[i].name for i in task)
            counts = [f"{name} {n}" for name, n in by_task.most_common()]
            results.append(
                findings.Finding(
                    "test_in_other_train",
                    texts.name,
                    int(rows.sum()),
                    f"{int(rows.sum())} of {len(rows)} test rows have the text "
                    "of a training row of another task "
                    f"({findings.listed(counts)}): shared layers are trained "
                    "on them",
                    texts.ids("test", rows),
                    dict(by_task.most_common()),
                )
            )
    return results


def _texts_in_train(tasks_texts):
    """Returns which tasks have a text in train, sparse [text ids, tasks]."""
    text_ids = [np.unique(texts.text_ids["train"]) for texts in tasks_texts]
    sizes = list(map(len, text_ids))
    max_id = max(
        int(ids.max())
        for texts in tasks_texts
        for ids in texts.text_ids.values()
    )
    return sparse.csr_array(
        (
            np.ones(sum(sizes), np.int64),
            (
                np.concatenate(text_ids),
                np.repeat(np.arange(len(tasks_texts)), sizes),
            ),
        ),
        shape=(1 + max_id, len(tasks_texts)),
    )


def check_unlabeled(
    tasks_texts: Sequence[task_texts.TaskTexts],
) -> list[findings.Finding]:
    """Finds dev and test rows whose text is also an unlabeled text."""
    text_ids = [
        texts.text_ids["unlabeled"]
        for texts in tasks_texts
        if "unlabeled" in texts.text_ids
    ]
    if not text_ids:
        return []
    unlabeled = np.unique(np.concatenate(text_ids))
    results = []
    for texts in tasks_texts:
        rows = {
            split: np.isin(texts.text_ids[split], unlabeled)
            for split in task_texts.SCORED_SPLITS
        }
        if any(map(np.any, rows.values())):
            results.append(
                _scored_rows_finding(
                    "unlabeled_is_scored",
                    texts,
                    rows,
                    "are unlabeled texts, too: they are used by the vocabulary "
                    "and by --unlabeled (transductive scores)",
                )
            )
    return results


def check_seq2(texts: task_texts.TaskTexts) -> list[findings.Finding]:
    """Finds rows of pairs whose seq2 is in train, with another seq1.

    Rows with a group are left out: they stay in one split, or the files of the
    splits separate them deliberately.
    """
    if not texts.seq2_ids:
        return []
    rows = {
        split: np.isin(texts.seq2_ids[split], texts.seq2_ids["train"])
        & ~np.isin(texts.text_ids[split], texts.text_ids["train"])
        & np.array([not row.group for row in texts.task.splits[split]])
        for split in task_texts.SCORED_SPLITS
    }
    if not any(map(np.any, rows.values())):
        return []
    return [
        _scored_rows_finding(
            "seq2_in_train",
            texts,
            rows,
            "have the seq2 of a training row with another seq1, and no group "
            "that keeps them in one split",
        )
    ]


def _scored_rows_finding(kind, texts, rows, message) -> findings.Finding:
    """Makes a finding about dev and test rows, given as masks."""
    shares = [
        f"{int(mask.sum())} of {len(mask)} {split} rows"
        for split, mask in rows.items()
        if mask.any()
    ]
    return findings.Finding(
        kind,
        texts.name,
        int(sum(mask.sum() for mask in rows.values())),
        f"{' and '.join(shares)} {message}",
        task_texts.first(
            texts.ids(split, mask) for split, mask in rows.items()
        ),
    )
