"""A generated corpus whose truth is known.

Every text holds words that tell its task, words that tell its label, and
filler. So it is known what shared features should hold (the label) and what
they should not (the task).
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks

# Task by task, labels from bad to good. Words of like polarity are the same in
# all tasks: "bad3" is bad everywhere.
LABELS = {
    "books": ("bad", "good"),
    "films": ("poor", "fair", "great"),
    "games": ("no", "yes"),
}
WORDS = 12


def write_corpus(
    out_dir: str,
    *,
    rows: dict[str, int] | None = None,
    task_names: tuple[str, ...] = tuple(LABELS),
    pairs: tuple[str, ...] = (),
    metrics: Mapping[str, str] = MappingProxyType({}),
    noise: float = 0.0,
    seed: int = 0,
) -> str:
    """Prepares the corpus; returns its directory.

    Args:
      out_dir: where to.
      rows: rows of each split of each task.
      task_names: some of `LABELS`.
      pairs: those of them whose texts are read against others, which say
        nothing of the label.
      metrics: metrics of tasks, where they are not accuracy.
      noise: share of labels that are drawn at random.
      seed: seed.
    """
    rows = rows or {"train": 64, "dev": 32, "test": 32, "unlabeled": 32}
    random = np.random.default_rng(seed)
    seed_file = f"{out_dir}.seed"
    with open(seed_file, "w", encoding="utf-8") as file:
        file.write(
            f"{rows} {task_names} {pairs} {noise} {seed} {dict(metrics)}"
        )
    made = source.Source(
        corpus="generated",
        version=1,
        files={os.path.basename(seed_file): seed_file},
        settings={},
        license="CC0",
        read=lambda: [
            source.TaskRows(
                tasks.Task(
                    name,
                    LABELS[name],
                    metrics.get(name, "accuracy"),
                    name in pairs,
                ),
                {
                    split: [
                        _row(random, name, split, number, noise, name in pairs)
                        for number in range(count)
                    ]
                    for split, count in rows.items()
                    if count
                },
            )
            for name in task_names
        ],
    )
    # A word of one text alone is unknown: what is learnt is not single texts.
    prepare.prepare(made, out_dir, 2)
    return out_dir


def _row(random, task, split, number, noise, pair):
    labels = LABELS[task]
    label = random.integers(len(labels))
    # From -1 for the first label to 1 for the last; between them, the middle.
    polarity = 2 * label / (len(labels) - 1) - 1
    sign = {-1: "bad", 0: "so", 1: "good"}[int(polarity)]
    words = [f"{task}{random.integers(WORDS)}" for _ in range(3)]
    words += [f"{sign}{random.integers(WORDS)}" for _ in range(3)]
    words += [
        f"filler{random.integers(WORDS)}" for _ in range(random.integers(1, 12))
    ]
    random.shuffle(words)
    # A word of its own keeps texts apart, which prepare would else drop.
    words.append(f"unique{task}{split}{number}")
    if random.random() < noise:
        label = random.integers(len(labels))
    about = ""
    if pair:
        words_about = random.integers(WORDS, size=random.integers(1, 6))
        about = " ".join(f"about{number}" for number in words_about)
    return records.Row(
        id=f"{task}-{split}-{number}",
        seq1=about,
        seq2=" ".join(words),
        label="" if split == "unlabeled" else labels[label],
        group=f"topic {number % 4}",
    )
