"""Training corpora: prepared ones, and generated ones.

A generated corpus has the tasks, the numbers of rows and labels, and the
distribution of text lengths of a real one. They are in text_lengths.json, the
output of `describe` for each corpus:

    python -c 'import json
    from benchmarks import corpora
    print(json.dumps(corpora.describe(DATA_DIR)))'
"""

import itertools
import json
import os
import pathlib
from collections.abc import Iterator

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import training_batches
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import checksums

LENGTHS_FILE = pathlib.Path(__file__).parent / "text_lengths.json"
QUANTILES = (0, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100)
# Zipf's law: the n-th most frequent word has a probability ~ 1 / n.
VOCABULARY_SIZE = 30_000
# Maximum rows per task, more than an epoch of `epoch_length=smallest_task` has.
MAX_ROWS = 10_000

Batch = dict[str, np.ndarray]


def describe(data_dir: str) -> dict:
    """Describes the rows, labels and text lengths of the training files.

    Args:
      data_dir: a prepared corpus.

    Returns:
      By task: `rows`, `labels`, and the `QUANTILES` of the lengths in tokens of
      `seq1` and `seq2`.
    """
    corpus = tasks_lib.Corpus.read(data_dir)
    described = {}
    for task in corpus.tasks:
        tokens = records.TokenIds.read(data_dir, task.name, "train")
        lengths = np.diff(tokens.offsets).reshape(-1, 2)
        percentiles = np.percentile(lengths, QUANTILES, axis=0).astype(int)
        seq1, seq2 = percentiles.T.tolist()
        described[task.name] = {
            "rows": len(tokens),
            "labels": len(task.labels),
            "seq1": seq1,
            "seq2": seq2,
        }
    return described


def generate(data_dir: str, like: str, seed: int = 0) -> None:
    """Writes the training files of a corpus.

    Args:
      data_dir: output directory.
      like: name of a corpus in text_lengths.json.
      seed: random seed.
    """
    described = json.loads(LENGTHS_FILE.read_text(encoding="utf-8"))[like]
    random = np.random.default_rng(seed)
    declared = {}
    for name, task in described.items():
        labels = [f"label_{index}" for index in range(task["labels"])]
        rows = min(task["rows"], MAX_ROWS)
        _generate_task(data_dir, name, task, labels, rows, random)
        declared[name] = {
            "labels": labels,
            "metric": "accuracy",
            "pair": max(task["seq1"]) > 1,
            "splits": {"train": rows},
        }
    declaration = {
        "corpus": f"generated_like_{like}",
        "tasks": declared,
        "vocabulary": {"size": VOCABULARY_SIZE},
    }
    path = os.path.join(data_dir, tasks_lib.CORPUS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(checksums.sign(declaration), file)


def _generate_task(data_dir, name, task, labels, rows, random):
    lengths = np.stack(
        [
            _draw_lengths(task[sequence], rows, random)
            for sequence in ("seq1", "seq2")
        ],
        axis=1,
    )
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    # The first ids are padding and other special tokens.
    words = np.arange(vocabulary_lib.EMPTY + 1, VOCABULARY_SIZE)
    shares = 1 / np.arange(1, len(words) + 1)
    ids = random.choice(words, offsets[-1], p=shares / shares.sum())
    records.TokenIds(ids, offsets).write(data_dir, name, "train")
    drawn = random.choice(labels, rows)
    records.write_rows(
        data_dir,
        name,
        "train",
        [
            # Training reads token ids instead of texts.
            records.Row(f"{name}-train-{row}", "", "", label)
            for row, label in enumerate(drawn)
        ],
        np.zeros((rows, 5), np.float32),
    )


def _draw_lengths(percentiles, rows, random):
    """Draws lengths that interpolate percentiles, int64 [rows], at least 1."""
    points = random.uniform(0, 100, rows)
    lengths = np.interp(points, QUANTILES, percentiles)
    return np.maximum(1, np.round(lengths)).astype(np.int64)


class Training:
    """Training batches of a corpus, and the arguments of a model for it.

    Args:
      config: settings, with `data_dir`.

    Attributes:
      task_names: names of the tasks.
      num_classes: number of labels of each task.
      vocabulary_size: number of word vectors.
      batches: the batches.
    """

    def __init__(self, config: config_lib.Config):
        corpus = tasks_lib.Corpus.read(config.data_dir)
        tasks = corpus.select(config.tasks)
        self.task_names = [task.name for task in tasks]
        self.num_classes = [len(task.labels) for task in tasks]
        self.vocabulary_size = corpus.declaration["vocabulary"]["size"]
        self.batches = training_batches.TrainingBatches(
            [
                input_pipeline.read_split(corpus, tasks, task, "train", config)
                for task in range(len(tasks))
            ],
            [],
            config,
        )

    def epochs(self) -> Iterator[list[Batch]]:
        """Yields the batches of each epoch, from the first epoch on."""
        stream = self.batches.generate(0)
        while True:
            yield list(itertools.islice(stream, self.batches.steps_per_epoch))


def write_batches(path: str, batches: list[Batch]) -> None:
    """Writes batches for `groups.read`, which needs no TensorFlow."""
    np.savez(
        path,
        **{
            f"{step}/{name}": array
            for step, batch in enumerate(batches)
            for name, array in batch.items()
        },
    )
