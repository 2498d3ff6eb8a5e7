"""Rows of a task and their tokens, without a tokenizer."""

import dataclasses

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import counts
from data_prep.pipeline import duplicates
from data_prep.pipeline import source
from data_prep.pipeline import tally
from data_prep.pipeline import tokens
from data_prep.pipeline import transforms
from mtl_tf.data import records
from mtl_tf.data import tasks


class TextEncoder:
    """An encoder of texts: consecutive ids of words; 0 is an empty text."""

    def __init__(self):
        self._ids = {"": 0}

    @property
    def tokens(self):
        """The words by id."""
        return list(self._ids)

    def encode(self, texts):
        """Encodes texts, alternating seq1 and seq2 of each row."""
        words = [text.split() or [""] for text in texts]
        ids = [
            self._ids.setdefault(x, len(self._ids)) for y in words for x in y
        ]
        offsets = np.cumsum([0, *map(len, words)])
        keys = tokens.text_keys(np.array(ids, int), offsets, self.tokens)
        return tokens.EncodedTexts(np.array(ids, np.int32), offsets, keys)


def make(encoder, name, labels, pair=False, **splits):
    """Makes the rows of a task and a block of tokens for each split.

    Args:
      encoder: the encoder of all tasks that are compared.
      name: name of the task.
      labels: the labels, separated by blanks.
      pair: whether the task has pairs.
      **splits: `label: text` or `label: seq1 | text` of each row; only `text`
        for unlabeled rows. `+` at the end of seq1 gives the row a group.
    """
    rows, split_blocks = {}, []
    task = tasks.Task(name, tuple(labels.split()), pair=pair)
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
        of_split = rows[split]
        encoded = encoder.encode(
            [x for row in of_split for x in (row.seq1, row.seq2)]
        )
        split_blocks.append(
            blocks.TokenBlock(
                blocks.BlockKey(0, len(split_blocks), 0, 0),
                encoder.tokens,
                encoded,
                [row.id for row in of_split],
                np.array(
                    [
                        task.labels.index(row.label) if row.label else -1
                        for row in of_split
                    ],
                    np.int32,
                ),
                np.array([bool(row.group) for row in of_split]),
                np.zeros(len(of_split), bool),
            )
        )
    return source.TaskRows(task, rows, dev_in_train=True), split_blocks


def identify(*encoded_tasks):
    """Compares and counts the rows of tasks from `make`; none is removed.

    Returns:
      The tally of each task.
    """
    infos = [rows.shards().info for rows, _ in encoded_tasks]
    all_blocks = [
        dataclasses.replace(x, key=x.key._replace(task=index))
        for index, (_, split_blocks) in enumerate(encoded_tasks)
        for x in split_blocks
    ]
    found, total = duplicates.compare_texts(
        map(duplicates.text_table, all_blocks), infos
    )
    pairs = []
    for block in all_blocks:
        parts = [(rows, x) for key, rows, x in found if key == block.key]
        marks = transforms.combine_marks(block, parts)
        total.merge(counts.count(block, marks, infos).tally)
        if infos[block.key.task].task.pair:
            pairs.append(duplicates.seq2_table(block, marks))
    if pairs:
        total.merge(duplicates.compare_seq2(pairs, infos))
    return tally.by_task(infos, total)
