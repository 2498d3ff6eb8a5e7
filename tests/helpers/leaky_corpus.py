"""A raw corpus with duplicates, leaks, pairs and unlabeled texts."""

import random

from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks

_SIZES = {"train": 120, "dev": 40, "test": 60}
_WORDS = ["Good", "bad", "film,", "n't", "ÉTÉ", "3.50", ":)", "the", "a", "it"]
_WORDS += [f"w{n}" for n in range(30)]


def read():
    """Makes the rows of three tasks."""
    texts = _Texts(random.Random(0))
    return [
        # Not in the order of their names.
        texts.make_task("pairs", ("no", "yes"), True, {"unlabeled": 50}),
        texts.make_task("films", ("bad", "fair", "good"), False, {}),
        texts.make_task(
            "again", ("bad", "good"), False, {"unlabeled": 30}, True
        ),
    ]


def make_source(read=read, stream=None):
    """Makes the source; `stream` replaces its reader."""
    return source.Source("leaky", 1, {}, {}, "CC0", read, stream=stream)


def stream(folder):
    """Returns the rows as shards, as a reader of large files does."""
    del folder
    return [rows.shards() for rows in read()]


class _Texts:
    """Random texts, of which some are repeated in all tasks."""

    def __init__(self, generator):
        self._random = generator
        self._known = ["", "  "]

    def make_task(self, name, labels, pair, more, dev_in_train=False):
        """Makes the rows of a task."""
        splits = {
            split: [
                records.Row(
                    f"{name}-{split}-{index}",
                    self._draw(3) if pair else "",
                    self._draw(12),
                    self._draw_label(labels) if split != "unlabeled" else "",
                    self._random.choice(["", "g1", "g2"]) if pair else "",
                )
                for index in range(size)
            ]
            for split, size in (_SIZES | more).items()
        }
        task = tasks.Task(name, labels, pair=pair)
        return source.TaskRows(
            task,
            splits,
            {"blank line": 2},
            {"rows": {"file": 3}},
            dev_in_train,
        )

    def _draw_label(self, labels):
        return self._random.choice(labels)

    def _draw(self, most):
        if self._random.random() < 0.4:
            text = self._random.choice(self._known)
            # The same tokens, written in another way.
            return self._random.choice([text, text.upper(), f" {text}\t"])
        words = self._random.choices(_WORDS, k=self._random.randint(1, most))
        words.append(f"rare{self._random.randrange(300)}")
        self._known.append(" ".join(words))
        return self._known[-1]
