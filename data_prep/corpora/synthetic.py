"""A generated corpus of pairs, `synthetic`, with known labels.

The tasks have different label sets for the same latent polarity. A text (seq2)
is a random permutation of

    tone0 ... tone20    words of polarity -1 to 1, the same in all tasks; the
                        polarity of the text is their mean
    word0 ...           filler
    TASK0 ...           words that identify the task

and its label is the interval of the text's polarity, among those of the task.
`label_polarities` gives the polarity of each label, and so which labels of
other tasks it is close to: what label embeddings and a label transfer network
should learn. seq1 is a topic that does not depend on the label.

Rows are drawn one after another: a corpus starts with the rows of a smaller one
with the same seed, and noise only changes labels. They are drawn when they are
needed, and never all in memory.
"""

import bisect
import functools
import statistics
from collections.abc import Iterator

import numpy as np

from data_prep.pipeline import blocks
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks

READER_VERSION = 1
_MAX_ROWS = 100_000_000
# The task with few rows, which the others should help.
MAIN_TASK = "stances"
# Labels by task, in the order of polarity, and the thresholds between them.
_TASKS = {
    "comments": (("reject", "accept"), (0.1,)),
    "moods": (("sad", "calm", "happy"), (-0.3, 0.3)),
    "reviews": (
        ("terrible", "poor", "fair", "good", "great"),
        (-0.6, -0.2, 0.2, 0.6),
    ),
    MAIN_TASK: (("against", "none", "favor"), (-0.5, 0.4)),
}
# Number of tone words on each side of the neutral one.
_TONES = 10
# Standard deviation of the tones of a text.
_DEVIATION = 0.25
_FILLERS = 100
_TASK_WORDS = 20
_TOPICS = 5


def make_source(
    rows: int = 2000, main_rows: int = 100, noise: float = 0.1, seed: int = 0
) -> source.Source:
    """Makes the source of a generated corpus.

    Args:
      rows: number of training rows of each task. Dev and test have a quarter
        as many rows, the unlabeled split half as many.
      main_rows: number of training rows of `MAIN_TASK`, whose other splits
        have the sizes of those of the other tasks.
      noise: fraction of the labels of all splits that are random.
      seed: the seed.

    Raises:
      ValueError: if a number of rows or the noise is out of range.
    """
    if rows < 4:
        raise ValueError(
            f"rows={rows}: expected at least 4, since dev has a quarter of them"
        )
    if main_rows < 1:
        raise ValueError(f"main_rows={main_rows}: expected at least 1")
    for name, value in (("rows", rows), ("main_rows", main_rows)):
        if value > _MAX_ROWS:
            raise ValueError(f"{name}={value}: expected at most {_MAX_ROWS}")
    if not 0 <= noise <= 1:
        raise ValueError(f"noise={noise}: expected a fraction from 0 to 1")
    sizes = {
        "train": rows,
        "dev": rows // 4,
        "test": rows // 4,
        "unlabeled": rows // 2,
    }
    settings = {
        "rows": rows,
        "main_rows": main_rows,
        "noise": noise,
        "seed": seed,
    }

    def stream(folder):
        del folder
        return [
            _task_shards(
                name,
                sizes | ({"train": main_rows} if name == MAIN_TASK else {}),
                noise,
                seed,
            )
            for name in _TASKS
        ]

    return source.Source.of_stream(
        "synthetic", READER_VERSION, {}, settings, "CC0: generated", stream
    )


def label_polarities(task: str) -> dict[str, float]:
    """Returns the mean polarity of each label of a task.

    Args:
      task: name of a task.
    """
    labels, cuts = _TASKS[task]
    edges = (-1, *cuts, 1)
    return {
        label: statistics.mean(edges[index : index + 2])
        for index, label in enumerate(labels)
    }


def _task_shards(name, sizes, noise, seed) -> blocks.TaskShards:
    """Returns the splits of a task, each drawn when it is read."""
    splits = {
        split: [functools.partial(_draw_rows, name, split, size, noise, seed)]
        for split, size in sizes.items()
    }
    task = tasks.Task(name, _TASKS[name][0], pair=True)
    return blocks.TaskShards(task, splits, sum(sizes.values()))


def _draw_rows(name, split, size, noise, seed) -> Iterator[records.Row]:
    labels, cuts = _TASKS[name]
    random = np.random.default_rng(
        [seed, sorted(_TASKS).index(name), tasks.SPLITS.index(split)]
    )
    for row in range(size):
        topic, seq2, polarity = _draw_text(random, name)
        label = labels[bisect.bisect_right(cuts, polarity)]
        # Both are always drawn, so that noise does not change other rows.
        other = labels[random.integers(len(labels))]
        if random.random() < noise:
            label = other
        yield records.Row(
            f"{name}-{split}-{row}",
            topic,
            seq2,
            "" if split == "unlabeled" else label,
            group=topic,
        )


def _draw_text(random, task) -> tuple[str, str, float]:
    """Draws a topic, a text, and the text's polarity."""
    topic = f"{task} topic{random.integers(_TOPICS)}"
    tones = random.normal(
        random.uniform(-1, 1), _DEVIATION, size=random.integers(4, 9)
    )
    tones = np.rint(_TONES * tones.clip(-1, 1)).astype(int)
    words = [f"tone{tone + _TONES}" for tone in tones]
    words += [
        f"word{n}"
        for n in random.integers(_FILLERS, size=random.integers(4, 13))
    ]
    words += [f"{task}{n}" for n in random.integers(_TASK_WORDS, size=2)]
    random.shuffle(words)
    return topic, " ".join(words), int(tones.sum()) / (_TONES * len(tones))
