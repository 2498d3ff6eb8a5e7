"""Cost of more tasks than a step can hold.

    python -m benchmarks.many_tasks --json=many_tasks.json

ASP-MTL with LSTMs is trained on generated corpora of more and more tasks. The
number of task batches of a step stays the same, so that what grows is due to
the tasks: their texts, weights and checkpoints. Each measurement has a process
of its own and is added to `--json` at once; an interrupted call continues.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence

from benchmarks import generated_corpus
from benchmarks import own_process
from benchmarks import training_cost
from mtl_tf.runs import run_directory

_TASK_BATCHES = 16
_TOKENS = 100
_ROWS = 64
_STEPS = 40
# Columns of the table: title, and text of a measurement.
_COLUMNS = {
    "tasks": lambda x: f"{x['tasks']:,}",
    "preparing, s": lambda x: f"{x['seconds_to_prepare']:.0f}",
    "reading and building, s": lambda x: f"{x['seconds_to_read']:.1f}",
    "µs per token": lambda x: f"{1e6 * x['seconds'] / x['tokens']:.2f}",
    "peak memory of training, GB": lambda x: (
        f"{x['peak_of_training'] / 1024:.1f}"
    ),
    "weights, millions": lambda x: f"{x['weights'] / 1e6:.1f}",
    "checkpoint, MB": lambda x: f"{x['checkpoint']:.0f}",
    "saving, s": lambda x: f"{x['seconds_to_save']:.2f}",
    "restoring, s": lambda x: f"{x['seconds_to_restore']:.2f}",
    "whole run, s": lambda x: f"{x['seconds_of_run']:.0f}",
}


def read_measurements(path: str) -> list[dict]:
    """Reads earlier measurements; none if there is no file."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def table(measurements: Sequence[Mapping]) -> str:
    """Formats measurements as a Markdown table, by number of tasks."""
    rows = sorted(measurements, key=lambda x: x["tasks"])
    lines = [list(_COLUMNS), ["---:"] * len(_COLUMNS)]
    lines += [[text(row) for text in _COLUMNS.values()] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def measure(folder: str, tasks: int) -> dict[str, float]:
    """Trains on a generated corpus.

    Args:
      folder: directory for the corpus.
      tasks: number of tasks, at least 16.

    Returns:
      `tasks`, `seconds_to_prepare`, and what `training_cost.measure` returns.
    """
    task_file = generated_corpus.write(
        os.path.join(folder, "raw"), tasks=tasks, tokens=_TOKENS, rows=_ROWS
    )
    corpus = os.path.join(folder, "corpus")
    start = time.perf_counter()
    own_process.call(training_cost.prepare_corpus, task_file, corpus)
    prepared = time.perf_counter()
    settings = {
        "data_dir": corpus,
        "task_batches": _TASK_BATCHES,
        "max_tokens": 2 * _TOKENS,
        "hidden_size": 100,
        "embedding_dim": 50,
        "batch_size": 16,
        "adversarial_weight": 0.05,
        "orthogonality_weight": 0.01,
        "steps_per_epoch": _STEPS,
        "epochs": 2,
        "patience": 0,
        "progress": False,
        "pictures": False,
    }
    return {
        "tasks": tasks,
        "seconds_to_prepare": prepared - start,
        **own_process.call(training_cost.measure, settings),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures what is missing and prints the table.

    Args:
      arguments: command line; by default that of the process.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--json", required=True, help="File for the measurements."
    )
    parser.add_argument(
        "--tasks",
        type=int,
        nargs="+",
        default=[16, 64, 256, 1024],
        help=f"Numbers of tasks, each at least {_TASK_BATCHES}.",
    )
    options = parser.parse_args(arguments)
    if min(options.tasks) < _TASK_BATCHES:
        parser.error(f"--tasks: each at least {_TASK_BATCHES}")
    measurements = read_measurements(options.json)
    for tasks in options.tasks:
        if any(x["tasks"] == tasks for x in measurements):
            continue
        with tempfile.TemporaryDirectory() as folder:
            measurements.append(measure(folder, tasks))
        run_directory.write_json(options.json, measurements)
    print(table(measurements))


if __name__ == "__main__":
    main()
