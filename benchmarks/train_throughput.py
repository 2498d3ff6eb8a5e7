"""How fast this project trains, beside its peers and the machine's limit.

    python -m benchmarks.train_throughput --data_dir=DATA/fdu_mtl

Every contender trains the same model on the same texts in the same groups, in
a process of its own, and they take turns: an epoch of each is a round, and the
first round, to warm up, is not counted. Peers get their batches as tensors in
memory before the clock starts; this project reads, pads and feeds its own
inside it. A peer that may be written in several ways tries them on a few steps
first, and is measured in the fastest one.

The limit is what the LSTMs' matrix products alone would take at the best rate
of any float32 product on this machine (`machine`).
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
from benchmarks import worker

MODEL = flags.DEFINE_enum(
    "model", "asp_mtl", list(problems.MODELS), "The model that is trained."
)
WORD_WIDTH = flags.DEFINE_multi_integer(
    "embedding_dim", [50, 200], "Length of a word vector; several: all of them."
)
DATA_DIR = flags.DEFINE_string(
    "data_dir", "", "Prepared corpus; if empty, one is generated."
)
CONTENDERS = flags.DEFINE_list(
    "contenders",
    list(contenders_lib.ENTRIES),
    f"What is measured: some of {', '.join(contenders_lib.ENTRIES)}.",
)
ROUNDS = flags.DEFINE_integer(
    "rounds", 5, "Epochs of each contender that are counted."
)
STEPS = flags.DEFINE_integer("steps", 0, "Steps of an epoch; 0: all.")
TRIAL_STEPS = flags.DEFINE_integer(
    "trial_steps", 8, "Steps in which a peer's variants are compared."
)
TRAIN_WORDS = flags.DEFINE_bool(
    "train_word_vectors", True, "Whether word vectors are trained."
)
JSON = flags.DEFINE_string("json", "", "File for all that was measured.")

SETTINGS = (
    MODEL,
    WORD_WIDTH,
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
    # For the processes that measure: peers are written for the CPU.
    os.environ["CUDA_VISIBLE_DEVICES"] = "-1"
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    entries = _entries()
    found = {
        "date": datetime.datetime.now(datetime.UTC).isoformat("T", "seconds"),
        "settings": {flag.name: flag.value for flag in SETTINGS},
        "versions": _versions(),
        "machine": machine.describe(),
        "rates": [_rates()],
        "measurements": [],
    }
    print(throughput_table.describe_machine(found))
    with tempfile.TemporaryDirectory() as folder:
        data_dir = DATA_DIR.value
        if not data_dir:
            data_dir = os.path.join(folder, "corpus")
            corpora.generate(data_dir, problems.GENERATED[MODEL.value])
        for embedding_dim in WORD_WIDTH.value:
            measurement = _measure(folder, data_dir, embedding_dim, entries)
            # Other work on the machine may have slowed it down before.
            found["rates"].append(_rates())
            found["measurements"].append(measurement)
            print(throughput_table.describe(measurement, found["rates"]))
    if JSON.value:
        with open(JSON.value, "w", encoding="utf-8") as file:
            json.dump(found, file, indent=1)


def _entries():
    """The contenders that can be measured, by name."""
    entries = {}
    for name in CONTENDERS.value:
        if name not in contenders_lib.ENTRIES:
            raise app.UsageError(
                f"--contenders: {name}: not one of "
                f"{', '.join(contenders_lib.ENTRIES)}"
            )
        entry = contenders_lib.ENTRIES[name]
        if entry.needs and not importlib.util.find_spec(entry.needs):
            print(f"{name} is left out: {entry.needs} is not installed")
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
    """Rates of matrix products by library and precision."""
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
    """All contenders on one problem."""
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
    trial = files.write(TRIAL_STEPS.value)
    found, workers = {}, {}
    with contextlib.ExitStack() as stack:
        for name, entry in entries.items():
            problem = problems.describe(
                MODEL.value, config, training, entry.precision
            )
            trials = _try(name, entry, problem, first, trial)
            variant = max(trials, key=trials.get)
            workers[name] = worker.Worker(entry.module, name)
            stack.callback(workers[name].close)
            found[name] = {
                "variant": variant,
                "trials": trials,
                "first_step_seconds": workers[name].build(
                    problem, variant, first
                ),
            }
        _take_turns(epochs, workers, found)
    return {
        "model": MODEL.value,
        "embedding_dim": embedding_dim,
        "hidden_size": config.hidden_size,
        "steps": steps,
        "flops_of_token": problems.flops_of_token(
            MODEL.value, embedding_dim, config.hidden_size
        ),
        "contenders": found,
    }


def _take_turns(epochs, workers, found):
    """Trains the epochs, each by all workers, and adds what they took."""
    for round_, batches in enumerate(epochs):
        for name in workers:
            epoch = workers[name].epoch(batches)
            measured = dataclasses.asdict(epoch)
            if round_:
                found[name].setdefault("epochs", []).append(measured)
            else:
                found[name]["warm_up"] = measured
            print(
                f"round {round_}, {name}: "
                f"{epoch.tokens_per_second:,.0f} tokens/s, "
                f"loss {epoch.loss:.3f}",
                flush=True,
            )


class _Files:
    """Files of batches, one after the other from a stream of them."""

    def __init__(self, folder, stream):
        self._folder = folder
        self._stream = stream
        self._written = 0

    def write(self, steps):
        """Writes the next batches; the path."""
        path = os.path.join(self._folder, f"batches_{self._written}.npz")
        self._written += 1
        corpora.write_batches(path, list(itertools.islice(self._stream, steps)))
        return path


def _try(name, entry, problem, first, trial):
    """Tokens a second of each variant of a contender, on a few steps."""
    if len(entry.variants) == 1:
        return {entry.variants[0]: None}
    reached = {}
    for variant in entry.variants:
        # Afresh, so that none of it counts as the memory of the one measured.
        tried = worker.Worker(entry.module, name)
        try:
            tried.build(problem, variant, first)
            tried.epoch(trial)  # to warm up
            reached[variant] = tried.epoch(trial).tokens_per_second
        finally:
            tried.close()
        print(
            f"trial of {name}, {variant}: {reached[variant]:,.0f} tokens/s",
            flush=True,
        )
    return reached


if __name__ == "__main__":
    app.run(main)
