"""How fast a trained model answers, by each way there is to ask it.

    python -m benchmarks.inference --run_dir=runs/vader_asp_mtl

Measured on texts of a task's test split, of mixed lengths, in a process each:

- the export, strings in: time to load it, texts per second in batches of
  several sizes, and how long one text takes;
- `--mode=predict` on a file: the command as a whole, and from its first text;
- the predictor of `--mode=evaluate`, on token ids.
"""

import argparse
import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from benchmarks import own_process
from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.runs import checkpoints
from mtl_tf.runs import run_directory
from mtl_tf.serving import saved_model
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import devices


@dataclasses.dataclass(frozen=True)
class Texts:
    """Texts of a task.

    Attributes:
      task: its name.
      inputs: names of what the export's signature reads.
      rows: a text for each of the inputs, by row.
      tokens: mean number of tokens that the model reads of a row.
    """

    task: str
    inputs: tuple[str, ...]
    rows: list[tuple[str, ...]]
    tokens: float

    def take(self, count: int) -> list[tuple[str, ...]]:
        """As many rows; they come again, if there are fewer."""
        return [self.rows[place % len(self.rows)] for place in range(count)]


def read_texts(config: config_lib.Config, task_name: str | None) -> Texts:
    """The test texts of a task, in random order.

    Args:
      config: settings of the run.
      task_name: name of the task; the first if not given.

    Raises:
      ValueError: if there is no such task, run, corpus or export.
    """
    run = run_directory.Run.read(config.run_dir)
    corpus = dataclasses.replace(run.corpus, data_dir=config.data_dir)
    names = [task.name for task in run.tasks]
    (task,) = corpus.select([task_name or names[0]])
    number = names.index(task.name)
    split = input_pipeline.read_split(corpus, run.tasks, number, "test", config)
    path = os.path.join(
        config.run_dir, saved_model.EXPORT_DIR, saved_model.LABELS_FILE
    )
    if not os.path.exists(path):
        raise ValueError(f"{config.run_dir} has no export: {path} is missing")
    with open(path, encoding="utf-8") as file:
        signature = json.load(file)["signatures"][f"serve_{task.name}"]
    inputs = tuple(signature["inputs"])
    rows = [
        (row.seq1, row.seq2)[-len(inputs) :]
        for row in records.read_rows(config.data_dir, task.name, "test")
    ]
    order = np.random.default_rng(0).permutation(len(rows))
    return Texts(
        task.name,
        inputs,
        [rows[place] for place in order],
        float(split.lengths.mean()),
    )


def measure_export(
    export_dir: str,
    texts: Texts,
    batches: Sequence[int],
    count: int,
    rounds: int,
) -> dict:
    """Asks the export, as whoever serves it would: strings in, numbers out.

    Args:
      export_dir: the SavedModel.
      texts: what to ask.
      batches: texts of a call.
      count: texts of a round.
      rounds: rounds, after one that is not counted.

    Returns:
      `load_seconds`; `first_call_seconds`; `texts_per_second` by texts of a
      call, median over rounds; `latency_ms`: median and percentiles of the
      calls with one text; `peak_mb`.
    """
    began = time.perf_counter()
    model = tf.saved_model.load(export_dir)
    loaded = time.perf_counter()
    signature = model.signatures[f"serve_{texts.task}"]
    rows = texts.take(count)

    def ask(rows):
        columns = zip(texts.inputs, zip(*rows, strict=True), strict=True)
        answers = signature(**{k: tf.constant(column) for k, column in columns})
        return answers["probabilities"].numpy()

    ask(rows[:1])
    first = time.perf_counter() - loaded
    seconds = {batch: [] for batch in batches}
    of_one = []
    for round_ in range(rounds + 1):
        for batch in batches:
            calls = []
            for begin in range(0, count, batch):
                asked = time.perf_counter()
                ask(rows[begin : begin + batch])
                calls.append(time.perf_counter() - asked)
            if round_:
                seconds[batch].append(sum(calls))
                of_one += calls if batch == 1 else []
    found = {
        "load_seconds": loaded - began,
        "first_call_seconds": first,
        "texts_per_second": {
            batch: count / float(np.median(x)) for batch, x in seconds.items()
        },
        "peak_mb": own_process.peak_mb(),
    }
    if of_one:
        of_one = 1000 * np.array(of_one)
        found["latency_ms"] = {
            "calls": len(of_one),
            "median": float(np.median(of_one)),
            "p90": float(np.percentile(of_one, 90)),
            "p99": float(np.percentile(of_one, 99)),
        }
    return found


def measure_command(run_dir: str, texts: Texts, count: int) -> dict:
    """Runs `--mode=predict` on a file of texts.

    Returns:
      `texts`; `seconds` of the whole command; `texts_per_second` as it says
      itself: from its first text on, which is tracing too.

    Raises:
      RuntimeError: if the command fails.
    """
    names = ("seq1", "seq2") if len(texts.inputs) == 2 else ("text",)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "texts.jsonl")
        with open(path, "w", encoding="utf-8") as file:
            for row in texts.take(count):
                line = json.dumps(dict(zip(names, row, strict=True)))
                file.write(line + "\n")
        began = time.perf_counter()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mtl_tf.main",
                "--mode=predict",
                f"--run_dir={run_dir}",
                f"--task={texts.task}",
                f"--input={path}",
                f"--output={folder}/answers.jsonl",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - began
    if done.returncode:
        raise RuntimeError(f"--mode=predict has failed:\n{done.stderr}")
    said = re.search(r"(\d+) texts in ([\d.]+) s", done.stderr)
    return {
        "texts": int(said[1]),
        "seconds": seconds,
        "texts_per_second": int(said[1]) / float(said[2]),
    }


def measure_predictor(config: config_lib.Config, rounds: int) -> dict:
    """Predicts the test splits of all tasks, from token ids.

    Returns:
      `tokens_per_second` and `texts_per_second`, medians over rounds after one
      that is not counted; padding does not count as tokens.
    """
    logging.set_verbosity(logging.ERROR)
    devices.configure(config.threads)
    experiment = experiment_lib.Experiment(config)
    experiment.checkpoints.restore(checkpoints.BEST)
    splits = [splits["test"] for splits in experiment.splits]
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        for split in splits:
            experiment.predictor.predict(split)
        seconds.append(time.perf_counter() - began)
    median = float(np.median(seconds[1:]))
    return {
        "tokens_per_second": sum(int(x.lengths.sum()) for x in splits) / median,
        "texts_per_second": sum(map(len, splits)) / median,
        "peak_mb": own_process.peak_mb(),
    }


def table(texts: Texts, found: dict) -> str:
    """The figures for people."""
    served, command = found["export"], found["predict"]
    predictor = found["predictor"]
    lines = [
        f"task {texts.task}: {texts.tokens:.0f} tokens a text",
        "export",
        f"  loaded in {served['load_seconds']:.2f} s, first answer after "
        f"{served['first_call_seconds']:.2f} s more; "
        f"peak {served['peak_mb']:.0f} MB",
    ]
    for batch, rate in served["texts_per_second"].items():
        lines.append(f"  {batch:5d} texts a call {rate:12,.0f} texts/s")
    if "latency_ms" in served:
        latency = served["latency_ms"]
        lines.append(
            f"  one text: median {latency['median']:.2f} ms, 90% within "
            f"{latency['p90']:.2f} ms, 99% within {latency['p99']:.2f} ms "
            f"({latency['calls']} calls)"
        )
    lines += [
        f"--mode=predict, a file of {command['texts']:,} texts",
        f"  {command['texts_per_second']:,.0f} texts/s; the whole command "
        f"{command['seconds']:.1f} s",
        "predictor of --mode=evaluate, token ids of all tasks",
        f"  {predictor['tokens_per_second']:,.0f} tokens/s, "
        f"{predictor['texts_per_second']:,.0f} texts/s; "
        f"peak {predictor['peak_mb']:.0f} MB",
    ]
    return "\n".join(lines)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--run_dir", required=True, help="Run that has ended, with an export."
    )
    parser.add_argument(
        "--data_dir", help="Its corpus; if not given, where it was at training."
    )
    parser.add_argument(
        "--task", help="Task whose texts are asked; the first if not given."
    )
    parser.add_argument(
        "--batches",
        type=int,
        nargs="+",
        default=[1, 8, 32, 256],
        help="Texts of a call to the export.",
    )
    for name, default, help_text in (
        ("texts", 512, "Texts that the export is asked in a round."),
        ("file_texts", 8192, "Texts of the file for --mode=predict."),
        ("rounds", 5, "Rounds that are counted."),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=help_text
        )
    parser.add_argument("--json", help="File for the figures, if any.")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
      arguments: of the command line; those of this process if not given.

    Raises:
      ValueError: if the run is not one that has an export, or its corpus or
        the task is not there.
    """
    asked = _parse(arguments)
    run = run_directory.Run.read(asked.run_dir)
    if run.parts:
        raise ValueError(
            f"{asked.run_dir} holds several runs: give one of "
            f"{', '.join(run.parts.values())}"
        )
    config = dataclasses.replace(
        run.config, data_dir=asked.data_dir or run.config.data_dir
    )
    texts = read_texts(config, asked.task)
    found = {
        "task": texts.task,
        "tokens": texts.tokens,
        "export": own_process.call(
            measure_export,
            os.path.join(config.run_dir, saved_model.EXPORT_DIR),
            texts,
            asked.batches,
            asked.texts,
            asked.rounds,
        ),
        "predict": measure_command(config.run_dir, texts, asked.file_texts),
        "predictor": own_process.call(measure_predictor, config, asked.rounds),
    }
    print(table(texts, found))
    if asked.json:
        run_directory.write_json(asked.json, found)


if __name__ == "__main__":
    main()
