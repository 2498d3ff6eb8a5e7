"""A generated corpus of pairs, `synthetic`, whose truth is known.

Tasks with label sets of their own over one hidden polarity. A text (seq2) is
shuffled of

    tone0 ... tone20    words of polarity -1 to 1, the same in all tasks; the
                        polarity of the text is their mean
    word0 ...           filler
    TASK0 ...           words that tell the task

and its label is the task's own cut of the text's polarity. `label_polarities`
says where the labels of a task lie, and so which labels of other tasks each of
them is near to: what label embeddings and a label transfer network are to find
out. seq1 is a topic, which says nothing of the label.

Rows are drawn one after another: a smaller corpus of the same seed is the
beginning of a larger one, and noise changes labels alone.
"""

import bisect
import statistics

import numpy as np

from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks

READER_VERSION = 1
_MOST_ROWS = 1_000_000
# The task that has few rows, as the one that others are to help.
MAIN_TASK = "stances"
# Labels by task, from the lowest polarity on, and the polarities from which on
# the next one begins.
_TASKS = {
    "comments": (("reject", "accept"), (0.1,)),
    "moods": (("sad", "calm", "happy"), (-0.3, 0.3)),
    "reviews": (
        ("terrible", "poor", "fair", "good", "great"),
        (-0.6, -0.2, 0.2, 0.6),
    ),
    MAIN_TASK: (("against", "none", "favor"), (-0.5, 0.4)),
}
# Tone words on each side of the neutral one.
_TONES = 10
# Of tone words about the polarity that the text was drawn for.
_DEVIATION = 0.25
_FILLERS = 100
_TASK_WORDS = 20
_TOPICS = 5


def make_source(
    rows: int = 2000, main_rows: int = 100, noise: float = 0.1, seed: int = 0
) -> source.Source:
    """The corpus of a seed.

    Args:
      rows: training rows of a task. Dev and test have a quarter as many, and
        half as many are unlabeled.
      main_rows: training rows of `MAIN_TASK`, whose other splits are like
        those of all tasks.
      noise: share of the labels of all splits that are drawn at random.
      seed: of all that is drawn.

    Raises:
      ValueError: if there would be no rows, or noise is no share.
    """
    if rows < 4:
        raise ValueError(
            f"rows={rows}: a quarter is dev, at least 4 are needed"
        )
    if main_rows < 1:
        raise ValueError(f"main_rows={main_rows}: at least 1 is needed")
    for name, value in (("rows", rows), ("main_rows", main_rows)):
        if value > _MOST_ROWS:
            raise ValueError(
                f"{name}={value}: at most {_MOST_ROWS} (all are in memory)"
            )
    if not 0 <= noise <= 1:
        raise ValueError(f"noise={noise}: a share from 0 to 1 is expected")
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

    def read():
        return [
            _draw_task(
                name,
                sizes | ({"train": main_rows} if name == MAIN_TASK else {}),
                noise,
                seed,
            )
            for name in _TASKS
        ]

    return source.Source(
        "synthetic", READER_VERSION, {}, settings, "CC0: generated", read
    )


def label_polarities(task: str) -> dict[str, float]:
    """Middle of the polarities that each label of a task stands for."""
    labels, cuts = _TASKS[task]
    edges = (-1, *cuts, 1)
    return {
        label: statistics.mean(edges[number : number + 2])
        for number, label in enumerate(labels)
    }


def _draw_task(name, sizes, noise, seed) -> source.TaskRows:
    labels, cuts = _TASKS[name]
    splits = {}
    for number, (split, size) in enumerate(sizes.items()):
        random = np.random.default_rng(
            [seed, sorted(_TASKS).index(name), number]
        )
        splits[split] = []
        for row in range(size):
            topic, seq2, polarity = _draw_text(random, name)
            label = labels[bisect.bisect_right(cuts, polarity)]
            # Both are drawn for each row, and so rows are the same without.
            other = labels[random.integers(len(labels))]
            if random.random() < noise:
                label = other
            splits[split].append(
                records.Row(
                    f"{name}-{split}-{row}",
                    topic,
                    seq2,
                    "" if split == "unlabeled" else label,
                    group=topic,
                )
            )
    return source.TaskRows(tasks.Task(name, labels, pair=True), splits)


def _draw_text(random, task) -> tuple[str, str, float]:
    """Topic, text, and the text's polarity."""
    topic = f"{task} topic{random.integers(_TOPICS)}"
    tones = random.normal(
        random.uniform(-1, 1), _DEVIATION, size=random.integers(4, 9)
    )
    tones = np.rint(_TONES * tones.clip(-1, 1)).astype(int)
    words = [f"tone{tone + _TONES}" for tone in tones]
    words += [
        f"word{number}"
        for number in random.integers(_FILLERS, size=random.integers(4, 13))
    ]
    words += [f"{task}{n}" for n in random.integers(_TASK_WORDS, size=2)]
    random.shuffle(words)
    return topic, " ".join(words), int(tones.sum()) / (_TONES * len(tones))
