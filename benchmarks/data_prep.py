"""Speed of the preparation of a corpus, by phase.

    python -m benchmarks.data_prep --rows=5000
    python -m benchmarks.data_prep --corpus=fdu_mtl --raw_dir=data/raw/fdu_mtl

A generated corpus is a task file with TSV files. Each round prepares it in a
new process. The tokenizer is also measured alone, on one core.
"""

import argparse
import contextlib
import dataclasses
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from unittest import mock

import tensorflow as tf
from absl import logging

from benchmarks import generated_corpus
from benchmarks import own_process
from data_prep.corpora import custom
from data_prep.corpora import fdu_mtl
from data_prep.corpora import vader
from data_prep.pipeline import diversity_features
from data_prep.pipeline import prepare
from data_prep.pipeline import source as source_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import records
from mtl_tf.data import tokenizer
from mtl_tf.runs import run_directory
from mtl_tf.utils import devices
from mtl_tf.utils import log_levels

GENERATED = "generated"
_SOURCES = {
    GENERATED: lambda folder: custom.make_source(f"{folder}/tasks.toml"),
    "fdu_mtl": fdu_mtl.make_source,
    "vader": vader.make_source,
}
READING, OTHER = "reading", "other"
# Functions of each phase; none of them calls another. Rows that are generated
# while they are tokenized are not read before.
_PHASES = (
    (READING, source_lib.Source, "shards"),
    ("tokenizing", tokens_lib.Tokenizer, "encode"),
    ("diversity features", diversity_features, "measure"),
    ("writing", records, "write_shard"),
    ("writing", records.TokenIds, "write_part"),
    ("checksums", source_lib, "sha256"),
)
# Texts for the tokenizer alone: in total, and per call.
_TEXTS, _TEXTS_AT_ONCE = 16_384, 512


@dataclasses.dataclass
class _Clock:
    """Seconds by phase."""

    seconds: dict[str, float]

    @contextlib.contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        """Adds the time of a block to a phase."""
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds

    def around(self, phase, function):
        """Wraps a function to add its time to a phase."""

        def call(*arguments, **named):
            with self(phase):
                return function(*arguments, **named)

        return call


@log_levels.at(logging.ERROR)
def measure_preparation(corpus: str, raw_dir: str) -> dict:
    """Prepares a corpus and measures the time of each phase.

    Args:
      corpus: name of the corpus.
      raw_dir: folder of its raw files.

    Returns:
      `rows` and `tokens` of the corpus; total `seconds`; `seconds_by_phase`,
      where `other` is the time outside of all phases; `peak_mb`.
    """
    clock = _Clock({})
    source = _SOURCES[corpus](raw_dir)
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.ExitStack() as stack,
    ):
        for phase, owner, name in _PHASES:
            timed = clock.around(phase, getattr(owner, name))
            stack.enter_context(mock.patch.object(owner, name, timed))
        start = time.perf_counter()
        prepared = prepare.prepare(source, os.path.join(folder, "corpus"))
        seconds = time.perf_counter() - start
        tokens = sum(
            int(records.TokenIds.read(prepared.data_dir, task, x).offsets[-1])
            for task, splits in prepared.rows.items()
            for x in splits
        )
    other = seconds - sum(clock.seconds.values())
    return {
        "rows": sum(sum(x.values()) for x in prepared.rows.values()),
        "tokens": tokens,
        "seconds": seconds,
        "seconds_by_phase": {**clock.seconds, OTHER: other},
        "peak_mb": own_process.peak_mb(),
    }


@log_levels.at(logging.ERROR)
def measure_tokenizer(corpus: str, raw_dir: str, rounds: int) -> dict:
    """Measures the tokenizer on texts of a corpus, on one core.

    Returns:
      `texts_per_second` and `tokens_per_second`, medians over rounds.
    """
    devices.configure(1)
    texts = [
        row.seq2
        for task in _SOURCES[corpus](raw_dir).read()
        for rows in task.splits.values()
        for row in rows
    ]
    # Evenly from the entire corpus.
    texts = texts[:: max(1, len(texts) // _TEXTS)]
    batches = [
        tf.constant(texts[index : index + _TEXTS_AT_ONCE])
        for index in range(0, len(texts), _TEXTS_AT_ONCE)
    ]
    tokenize = tf.function(
        lambda texts: tokenizer.tokenize(texts).flat_values,
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    seconds = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        tokens = sum(len(tokenize(batch)) for batch in batches)
        seconds.append(time.perf_counter() - start)
    # The first round includes tracing.
    median = statistics.median(seconds[1:])
    return {
        "texts_per_second": len(texts) / median,
        "tokens_per_second": tokens / median,
    }


def summarize(rounds: Sequence[dict]) -> dict:
    """Computes medians over rounds of `measure_preparation`."""
    first = rounds[0]

    def median(get):
        return statistics.median(map(get, rounds))

    seconds = median(lambda x: x["seconds"])
    return {
        "rows": first["rows"],
        "tokens": first["tokens"],
        "seconds": seconds,
        "rows_per_second": first["rows"] / seconds,
        "tokens_per_second": first["tokens"] / seconds,
        "seconds_by_phase": {
            phase: median(lambda x, phase=phase: x["seconds_by_phase"][phase])
            for phase in first["seconds_by_phase"]
        },
        "peak_mb": median(lambda x: x["peak_mb"]),
    }


def table(measured: dict) -> str:
    """Formats the measurements."""
    total, alone = measured["preparation"], measured["tokenizer"]
    lines = [
        f"corpus {measured['corpus']}: {total['rows']:,} rows, "
        f"{total['tokens']:,} tokens",
        "",
        f"{'phase':20s} {'seconds':>8s} {'rows/s':>10s} {'tokens/s':>12s}",
    ]
    phases = {**total["seconds_by_phase"], "total": total["seconds"]}
    for phase, seconds in phases.items():
        rates = ""
        if seconds > 0:
            rates = (
                f"{total['rows'] / seconds:10,.0f} "
                f"{total['tokens'] / seconds:12,.0f}"
            )
        lines.append(f"{phase:20s} {seconds:8.2f} {rates}")
    lines += [
        "",
        f"peak memory: {total['peak_mb']:,.0f} MB",
        f"tokenizer alone, on one core: {alone['texts_per_second']:,.0f} "
        f"texts/s, {alone['tokens_per_second']:,.0f} tokens/s",
    ]
    return "\n".join(lines)


def _parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--corpus", choices=_SOURCES, default=GENERATED)
    parser.add_argument(
        "--raw_dir", help="Folder of the raw files of the corpus."
    )
    for name, default, help_text in (
        ("tasks", 16, "Generated: number of tasks."),
        ("rows", 2000, "Generated: training rows per task."),
        ("tokens", 100, "Generated: mean length of a text."),
        ("rounds", 3, "Number of rounds."),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=help_text
        )
    parser.add_argument("--json", help="File for the measurements.")
    options = parser.parse_args(arguments)
    if (options.corpus == GENERATED) == bool(options.raw_dir):
        parser.error(
            "--raw_dir is required by corpora with raw files, and by no other"
        )
    return options


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
      arguments: command line; by default that of the process.
    """
    options = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if options.corpus == GENERATED:
            generated_corpus.write(
                folder,
                tasks=options.tasks,
                rows=options.rows,
                tokens=options.tokens,
            )
        source = (options.corpus, options.raw_dir or folder)
        rounds = [
            own_process.call(measure_preparation, *source)
            for _ in range(options.rounds)
        ]
        measured = {
            "corpus": options.corpus,
            "preparation": summarize(rounds),
            "tokenizer": own_process.call(
                measure_tokenizer, *source, options.rounds
            ),
        }
    print(table(measured))
    if options.json:
        run_directory.write_json(options.json, measured)


if __name__ == "__main__":
    main()
