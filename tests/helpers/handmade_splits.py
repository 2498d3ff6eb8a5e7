"""Records and token ids of splits that are written by hand."""

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib

LABELS = ("no", "yes")


def write_split(
    data_dir, pairs, labels, *, task="books", split="train", groups=()
):
    """Writes a split; the second row is a duplicate.

    Args:
      data_dir: directory of the corpus.
      pairs: token ids of seq1 and seq2 of each row.
      labels: the label of each row.
      task: name of the task.
      split: name of the split.
      groups: the group of each row; all are empty if left out.
    """
    rows = [
        records.Row(
            id=f"{task}-{index}",
            seq1="",
            seq2="",
            label=label,
            group=groups[index] if groups else "",
            duplicate=index == 1,
        )
        for index, label in enumerate(labels)
    ]
    diversity = np.arange(5) + 10 * np.arange(len(rows))[:, np.newaxis]
    records.write_rows(str(data_dir), task, split, rows, diversity)
    texts = [ids for pair in pairs for ids in pair]
    offsets = np.cumsum([0, *map(len, texts)])
    records.TokenIds(np.concatenate(texts), offsets).write(
        str(data_dir), task, split
    )


def read_split(data_dir, *, split="train", **settings):
    """Reads a split of task `books`, the second of two."""
    corpus = tasks_lib.Corpus(str(data_dir), "by_hand", (), {}, {})
    tasks = [tasks_lib.Task("airs", LABELS), tasks_lib.Task("books", LABELS)]
    config = config_lib.Config(**settings)
    return input_pipeline.read_split(corpus, tasks, 1, split, config)
