"""Rows of a task and their tokens, without a tokenizer."""

import numpy as np

from data_prep.pipeline import source
from data_prep.pipeline import task_texts
from data_prep.pipeline import tokens
from mtl_tf.data import records
from mtl_tf.data import tasks


class TextEncoder:
    """An encoder of texts: consecutive ids of words; 0 is an empty text."""

    def __init__(self):
        self._ids = {"": 0}

    def encode(self, texts):
        """Encodes texts, alternating seq1 and seq2 of each row."""
        words = [text.split() or [""] for text in texts]
        ids = [
            self._ids.setdefault(x, len(self._ids)) for y in words for x in y
        ]
        offsets = np.cumsum([0, *map(len, words)])
        return tokens.EncodedTexts(np.array(ids, np.int32), offsets)


def make(encoder, name, labels, pair=False, **splits):
    """Makes the rows of a task and their encoded texts by split.

    Args:
      encoder: the encoder of all tasks that are compared.
      name: name of the task.
      labels: the labels, separated by blanks.
      pair: whether the task has pairs.
      **splits: `label: text` or `label: seq1 | text` of each row; only `text`
        for unlabeled rows. `+` at the end of seq1 gives the row a group.
    """
    rows, encoded = {}, {}
    for split, lines in splits.items():
        rows[split] = []
        for index, line in enumerate(lines):
            label, _, texts = line.rpartition(": ")
            seq1, _, seq2 = texts.rpartition(" | ")
            rows[split].append(
                records.Row(
                    f"{name}-{split}-{index}",
                    seq1.removesuffix("+"),
                    seq2,
                    label,
                    "g" if seq1.endswith("+") else "",
                )
            )
        encoded[split] = encoder.encode(
            [x for row in rows[split] for x in (row.seq1, row.seq2)]
        )
    task = tasks.Task(name, tuple(labels.split()), pair=pair)
    return source.TaskRows(task, rows), encoded


def identify(*encoded_tasks):
    """Assigns ids to the texts of tasks from `make`."""
    return task_texts.identify_texts(encoded_tasks)
