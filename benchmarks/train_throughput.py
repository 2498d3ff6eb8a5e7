"""Training throughput of this project, of peers, and the machine's limit.

    python -m benchmarks.train_throughput --data_dir=DATA/fdu_mtl

Every contender trains the same model on the same batches, in its own process.
They take turns: a round has an epoch of each, and a first round to warm up is
not counted. Peers get their batches as tensors in memory before the clock
starts; the time of this project includes reading and padding. A peer with
several variants tries them on a few steps first; the fastest one is measured.
The trial of a variant that is clearly behind ends after two steps.

The limit is the time of the LSTMs' matrix products alone at the best rate of
any float32 product on this machine (`machine`).
"""

import contextlib
import dataclasses
import datetime
import importlib.metadata
import importlib.util
import itertools
import json
import os
import subprocess
import sys
import tempfile

from absl import app
from absl import flags

from benchmarks import contenders as contenders_lib
from benchmarks import corpora
from benchmarks import machine
from benchmarks import problems
from benchmarks import throughput_table
from benchmarks import trials as trials_lib
from benchmarks import worker

MODEL = flags.DEFINE_enum(
    "model", "asp_mtl", list(problems.MODELS), "Model to train."
)
EMBEDDING_DIM = flags.DEFINE_multi_integer(
    "embedding_dim", [50, 200], "Size of a word vector; may be repeated."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "Prepared corpus; if empty, one is generated."
)
CONTENDERS = flags.DEFINE_list(
    "contenders",
    list(contenders_lib.ENTRIES),
    f"Contenders to measure, of {', '.join(contenders_lib.ENTRIES)}.",
)
ROUNDS = flags.DEFINE_integer(
    "rounds", 5, "Number of epochs of each contender."
)
STEPS = flags.DEFINE_integer("steps", 0, "Steps per epoch; 0: all.")
TRIAL_STEPS = flags.DEFINE_integer(
    "trial_steps", 8, "Number of steps to compare the variants of a peer."
)
TRAIN_WORDS = flags.DEFINE_bool(
    "train_word_vectors", True, "Whether training updates the word vectors."
)
JSON = flags.DEFINE_string("json", "", "File for the measurements.")

SETTINGS = (
    MODEL,
    EMBEDDING_DIM,
    DATA_DIR,
    CONTENDERS,
    ROUNDS,
    STEPS,
    TRIAL_STEPS,
    TRAIN_WORDS,
    JSON,
)
PACKAGES = ("mtl_tf", "tensorflow", "keras", "torch", "numpy")


def main(argv: list[str]) -> None:
    """Measures, prints and writes."""
    del argv
    # Inherited by the processes that measure: peers run on the CPU.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    entries = _entries()
    measured = {
        "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
        "settings": {flag.name: flag.value for flag in SETTINGS},
        "versions": _versions(),
        "machine": machine.describe(),
        "rates": [_rates()],
        "measurements": [],
    }
    print(throughput_table.describe_machine(measured))
    with tempfile.TemporaryDirectory() as folder:
        data_dir = DATA_DIR.value
        if not data_dir:
            data_dir = os.path.join(folder, "corpus")
            corpora.generate(data_dir, problems.GENERATED[MODEL.value])
        for embedding_dim in EMBEDDING_DIM.value:
            measurement = _measure(folder, data_dir, embedding_dim, entries)
            # Other work may have slowed down the first measurement.
            measured["rates"].append(_rates())
            measured["measurements"].append(measurement)
            print(throughput_table.describe(measurement, measured["rates"]))
    if JSON.value:
        with open(JSON.value, "w", encoding="utf-8") as file:
            json.dump(measured, file, indent=1)


def _entries():
    """Returns the contenders that can be measured, by name."""
    entries = {}
    for name in CONTENDERS.value:
        if name not in contenders_lib.ENTRIES:
            raise app.UsageError(
                f"--contenders: {name}: not one of "
                f"{', '.join(contenders_lib.ENTRIES)}"
            )
        entry = contenders_lib.ENTRIES[name]
        if entry.needs and not importlib.util.find_spec(entry.needs):
            print(f"{name} is skipped: {entry.needs} is not installed")
        else:
            entries[name] = entry
    return entries


def _versions():
    versions = {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            versions[package] = importlib.metadata.version(package)
    return versions


def _rates():
    """Measures the rates of matrix products, by library and precision."""
    rates = {}
    for library in machine.LIBRARIES:
        if importlib.util.find_spec(library):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.machine", library],
                check=True,
                stdout=subprocess.PIPE,
            )
            rates[library] = json.loads(done.stdout)
    return rates


def _measure(folder, data_dir, embedding_dim, entries):
    """Measures all contenders on a problem."""
    config = problems.make_config(
        MODEL.value,
        embedding_dim=embedding_dim,
        data_dir=data_dir,
        train_word_vectors=TRAIN_WORDS.value,
    )
    training = corpora.Training(config)
    steps = STEPS.value or training.batches.steps_per_epoch
    stream = training.batches.generate(0)
    files = _Files(folder, stream)
    first = files.write(1)
    epochs = [files.write(steps) for _ in range(1 + ROUNDS.value)]
    batches = trials_lib.Batches(
        first,
        files.write(trials_lib.START_STEPS),
        files.write(TRIAL_STEPS.value),
    )
    measured, workers = {}, {}
    with contextlib.ExitStack() as stack:
        for name, entry in entries.items():
            problem = problems.describe(
                MODEL.value, config, training, entry.precision
            )
            trials = trials_lib.measure(name, entry, problem, batches)
            variant = max(trials, key=trials.get)
            workers[name] = worker.Worker(entry.module, name)
            stack.callback(workers[name].close)
            measured[name] = {
                "variant": variant,
                "trials": trials,
                "first_step_seconds": workers[name].build(
                    problem, variant, first
                ),
            }
        _take_turns(epochs, workers, measured)
    return {
        "model": MODEL.value,
        "embedding_dim": embedding_dim,
        "hidden_size": config.hidden_size,
        "steps": steps,
        "flops_of_token": problems.flops_of_token(
            MODEL.value, embedding_dim, config.hidden_size
        ),
        "contenders": measured,
    }


def _take_turns(epochs, workers, measured):
    """Trains each epoch by all workers in turn; adds the measurements."""
    for round_, batches in enumerate(epochs):
        for name in workers:
            epoch = workers[name].epoch(batches)
            values = dataclasses.asdict(epoch)
            if round_:
                measured[name].setdefault("epochs", []).append(values)
            else:
                measured[name]["warm_up"] = values
            print(
                f"round {round_}, {name}: "
                f"{epoch.tokens_per_second:,.0f} tokens/s, "
                f"loss {epoch.loss:.3f}",
                flush=True,
            )


class _Files:
    """Files of successive batches of a stream."""

    def __init__(self, folder, stream):
        self._folder = folder
        self._stream = stream
        self._written = 0

    def write(self, steps):
        """Writes the next batches; returns the path of the file."""
        path = os.path.join(self._folder, f"batches_{self._written}.npz")
        self._written += 1
        corpora.write_batches(path, list(itertools.islice(self._stream, steps)))
        return path


if __name__ == "__main__":
    app.run(main)
