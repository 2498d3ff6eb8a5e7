"""A generated corpus with known labels.

Each text has words that identify its task, words that identify its label, and
filler: shared features should encode the label, and not the task.
"""

import os
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks

# Labels by task, from bad to good. Words of equal polarity are the same in all
# tasks: "bad3" is bad everywhere.
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
      out_dir: directory of the corpus.
      rows: number of rows of each split, the same for all tasks.
      task_names: names of tasks in `LABELS`.
      pairs: names of tasks with pairs, whose seq1 does not depend on the label.
      metrics: metrics of tasks other than accuracy.
      noise: fraction of random labels.
      seed: the seed.
    """
    rows = rows or {"train": 64, "dev": 32, "test": 32, "unlabeled": 32}
    random = np.random.default_rng(seed)
    seed_file = f"{out_dir}.seed"
    with open(seed_file, "w", encoding="utf-8") as file:
        file.write(
            f"{rows} {task_names} {pairs} {noise} {seed} {dict(metrics)}"
        )
    raw = source.Source(
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
                        _make_row(
                            random, name, split, index, noise, name in pairs
                        )
                        for index in range(count)
                    ]
                    for split, count in rows.items()
                    if count
                },
            )
            for name in task_names
        ],
    )
    # Words of a single text are unknown, so that texts cannot be memorized.
    prepare.prepare(raw, out_dir, 2)
    return out_dir


def make_corpus(tmp_path_factory, rows: dict[str, int]) -> tasks.Corpus:
    """Prepares the corpus in a temporary folder, and reads its declaration."""
    out_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    return tasks.Corpus.read(write_corpus(out_dir, rows=rows))


def _make_row(random, task, split, index, noise, pair):
    labels = LABELS[task]
    label = random.integers(len(labels))
    # From -1 for the first label to 1 for the last.
    polarity = 2 * label / (len(labels) - 1) - 1
    sign = {-1: "bad", 0: "so", 1: "good"}[int(polarity)]
    words = [f"{task}{random.integers(WORDS)}" for _ in range(3)]
    words += [f"{sign}{random.integers(WORDS)}" for _ in range(3)]
    words += [
        f"filler{random.integers(WORDS)}" for _ in range(random.integers(1, 12))
    ]
    random.shuffle(words)
    # A unique word: otherwise, prepare would remove duplicates.
    words.append(f"unique{task}{split}{index}")
    if random.random() < noise:
        label = random.integers(len(labels))
    seq1 = ""
    if pair:
        seq1_words = random.integers(WORDS, size=random.integers(1, 6))
        seq1 = " ".join(f"about{n}" for n in seq1_words)
    return records.Row(
        id=f"{task}-{split}-{index}",
        seq1=seq1,
        seq2=" ".join(words),
        label="" if split == "unlabeled" else labels[label],
        group=f"topic {index % 4}",
    )
