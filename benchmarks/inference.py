"""Speed of prediction by a trained model.

    python -m benchmarks.inference --run_dir=runs/vader_asp_mtl

It measures, on texts of a task's test split with mixed lengths, and each in its
own process:

- the export, on strings: time to load it, texts per second in batches of
  several sizes, and latency of a single text;
- `--mode=predict` on a file: the entire command, and from its first text on;
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
      task: name of the task.
      inputs: names of the inputs of the export's signature.
      rows: for each row, a text for each of the inputs.
      tokens: mean number of tokens per row that the model reads.
    """

    task: str
    inputs: tuple[str, ...]
    rows: list[tuple[str, ...]]
    tokens: float

    def take(self, count: int) -> list[tuple[str, ...]]:
        """Returns a number of rows, with repetition if there are fewer."""
        return [self.rows[index % len(self.rows)] for index in range(count)]


def read_texts(config: config_lib.Config, task_name: str | None) -> Texts:
    """Reads the test texts of a task, in random order.

    Args:
      config: settings of the run.
      task_name: name of the task; None: the first one.

    Raises:
      ValueError: if there is no such task, run, corpus or export.
    """
    run = run_directory.Run.read(config.run_dir)
    corpus = dataclasses.replace(run.corpus, data_dir=config.data_dir)
    names = [task.name for task in run.tasks]
    (task,) = corpus.select([task_name or names[0]])
    index = names.index(task.name)
    split = input_pipeline.read_split(corpus, run.tasks, index, "test", config)
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
        [rows[row] for row in order],
        float(split.lengths.mean()),
    )


def measure_export(
    export_dir: str,
    texts: Texts,
    batches: Sequence[int],
    count: int,
    rounds: int,
) -> dict:
    """Measures the export from strings to NumPy arrays, as a server calls it.

    Args:
      export_dir: directory of the SavedModel.
      texts: texts to classify.
      batches: numbers of texts per call.
      count: number of texts per round.
      rounds: number of rounds, after one that is not counted.

    Returns:
      `load_seconds`; `first_call_seconds`; `texts_per_second` by texts per
      call, median over rounds; `latency_ms`, median and percentiles of calls
      with a single text; `peak_mb`.
    """
    start = time.perf_counter()
    model = tf.saved_model.load(export_dir)
    loaded = time.perf_counter()
    signature = model.signatures[f"serve_{texts.task}"]
    rows = texts.take(count)
    _classify(signature, texts.inputs, rows[:1])
    first_call = time.perf_counter() - loaded
    seconds = {batch: [] for batch in batches}
    latencies = []
    for round_ in range(rounds + 1):
        for batch in batches:
            calls = _time_calls(signature, texts.inputs, rows, batch)
            if round_:
                seconds[batch].append(sum(calls))
                latencies += calls if batch == 1 else []
    measured = {
        "load_seconds": loaded - start,
        "first_call_seconds": first_call,
        "texts_per_second": {
            batch: count / float(np.median(x)) for batch, x in seconds.items()
        },
        "peak_mb": own_process.peak_mb(),
    }
    if latencies:
        milliseconds = 1000 * np.array(latencies)
        measured["latency_ms"] = {
            "calls": len(milliseconds),
            "median": float(np.median(milliseconds)),
            "p90": float(np.percentile(milliseconds, 90)),
            "p99": float(np.percentile(milliseconds, 99)),
        }
    return measured


def _classify(signature, inputs, rows):
    """Calls a signature with rows of texts; returns probabilities."""
    columns = zip(inputs, zip(*rows, strict=True), strict=True)
    outputs = signature(**{name: tf.constant(x) for name, x in columns})
    return outputs["probabilities"].numpy()


def _time_calls(signature, inputs, rows, batch):
    """Returns the seconds of each call with a batch of rows."""
    seconds = []
    for index in range(0, len(rows), batch):
        start = time.perf_counter()
        _classify(signature, inputs, rows[index : index + batch])
        seconds.append(time.perf_counter() - start)
    return seconds


def measure_command(run_dir: str, texts: Texts, count: int) -> dict:
    """Runs `--mode=predict` on a file of texts.

    Returns:
      `texts`; `seconds` of the entire command; `texts_per_second` as it logs
      them: from its first text on, including tracing.

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
        start = time.perf_counter()
        done = subprocess.run(
            [
                sys.executable,
                "-m",
                "mtl_tf.main",
                "--mode=predict",
                f"--run_dir={run_dir}",
                f"--task={texts.task}",
                f"--input={path}",
                f"--output={folder}/predictions.jsonl",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        seconds = time.perf_counter() - start
    if done.returncode:
        raise RuntimeError(f"--mode=predict failed:\n{done.stderr}")
    match = re.search(r"([\d,]+) texts? in ([\d.]+) s", done.stderr)
    predicted = int(match[1].replace(",", ""))
    return {
        "texts": predicted,
        "seconds": seconds,
        "texts_per_second": predicted / float(match[2]),
    }


def measure_predictor(config: config_lib.Config, rounds: int) -> dict:
    """Measures the prediction of the test splits of all tasks, on token ids.

    Returns:
      `tokens_per_second`, without padding, and `texts_per_second`, medians over
      rounds after one that is not counted; `peak_mb`.
    """
    logging.set_verbosity(logging.ERROR)
    devices.configure(config.threads)
    experiment = experiment_lib.Experiment(config)
    experiment.checkpoints.restore(checkpoints.BEST)
    splits = [splits["test"] for splits in experiment.splits]
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        for split in splits:
            experiment.predictor.predict(split)
        seconds.append(time.perf_counter() - start)
    median = float(np.median(seconds[1:]))
    return {
        "tokens_per_second": sum(int(x.lengths.sum()) for x in splits) / median,
        "texts_per_second": sum(map(len, splits)) / median,
        "peak_mb": own_process.peak_mb(),
    }


def table(texts: Texts, measured: dict) -> str:
    """Formats the measurements."""
    served, command = measured["export"], measured["predict"]
    predictor = measured["predictor"]
    lines = [
        f"task {texts.task}: {texts.tokens:.0f} tokens per text",
        "export",
        f"  loaded in {served['load_seconds']:.2f} s, first call "
        f"{served['first_call_seconds']:.2f} s; "
        f"peak {served['peak_mb']:.0f} MB",
    ]
    for batch, rate in served["texts_per_second"].items():
        lines.append(f"  {batch:5d} texts per call {rate:12,.0f} texts/s")
    if "latency_ms" in served:
        latency = served["latency_ms"]
        lines.append(
            f"  one text: median {latency['median']:.2f} ms, 90% within "
            f"{latency['p90']:.2f} ms, 99% within {latency['p99']:.2f} ms "
            f"({latency['calls']} calls)"
        )
    lines += [
        f"--mode=predict, a file of {command['texts']:,} texts",
        f"  {command['texts_per_second']:,.0f} texts/s; entire command "
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
        "--run_dir", required=True, help="Directory of a run with an export."
    )
    parser.add_argument(
        "--data_dir", help="Corpus of the run; by default that of training."
    )
    parser.add_argument(
        "--task", help="Task to predict for; by default the first one."
    )
    parser.add_argument(
        "--batches",
        type=int,
        nargs="+",
        default=[1, 8, 32, 256],
        help="Numbers of texts per call of the export.",
    )
    for name, default, help_text in (
        ("texts", 512, "Texts per round of the export."),
        ("file_texts", 8192, "Texts in the file for --mode=predict."),
        ("rounds", 5, "Number of rounds."),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=help_text
        )
    parser.add_argument("--json", help="File for the measurements.")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
      arguments: command line; by default that of the process.

    Raises:
      ValueError: if the run has no export, or its corpus or task is missing.
    """
    options = _parse(arguments)
    run = run_directory.Run.read(options.run_dir)
    if run.parts:
        raise ValueError(
            f"{options.run_dir} contains several runs: choose one of "
            f"{', '.join(run.parts.values())}"
        )
    config = dataclasses.replace(
        run.config, data_dir=options.data_dir or run.config.data_dir
    )
    texts = read_texts(config, options.task)
    measured = {
        "task": texts.task,
        "tokens": texts.tokens,
        "export": own_process.call(
            measure_export,
            os.path.join(config.run_dir, saved_model.EXPORT_DIR),
            texts,
            options.batches,
            options.texts,
            options.rounds,
        ),
        "predict": measure_command(config.run_dir, texts, options.file_texts),
        "predictor": own_process.call(
            measure_predictor, config, options.rounds
        ),
    }
    print(table(texts, measured))
    if options.json:
        run_directory.write_json(options.json, measured)


if __name__ == "__main__":
    main()
