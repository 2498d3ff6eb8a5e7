"""How fast a corpus is prepared, and what of it takes how long.

    python -m benchmarks.data_prep --rows=5000
    python -m benchmarks.data_prep --corpus=fdu_mtl --raw_dir=data/raw/fdu_mtl

A generated corpus comes as tasks of one's own do, in TSV. Each round prepares
it in a process of its own. The tokenizer is also measured alone, on one core.
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

GENERATED = "generated"
_SOURCES = {
    GENERATED: lambda folder: custom.make_source(f"{folder}/tasks.toml"),
    "fdu_mtl": fdu_mtl.make_source,
    "vader": vader.make_source,
}
READING, REST = "reading", "the rest"
# Where a phase spends its time: none of them calls another.
_PHASES = (
    ("tokenizing", tokens_lib.Tokenizer, "encode"),
    ("diversity features", diversity_features, "compute"),
    ("writing", records, "write_rows"),
    ("writing", records.TokenIds, "write"),
    ("checksums", source_lib, "sha256"),
)
# Texts that the tokenizer alone is given: in all, and at once.
_TEXTS, _TEXTS_AT_ONCE = 16_384, 512


@dataclasses.dataclass
class _Clock:
    """Seconds by phase."""

    seconds: dict[str, float]

    @contextlib.contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            passed = time.perf_counter() - began
            self.seconds[phase] = self.seconds.get(phase, 0.0) + passed

    def around(self, phase, function):
        """A function, with a clock."""

        def call(*arguments, **named):
            with self(phase):
                return function(*arguments, **named)

        return call


def measure_preparation(corpus: str, raw_dir: str) -> dict:
    """Prepares a corpus, with a clock at each phase.

    Args:
      corpus: its name.
      raw_dir: folder of its raw files.

    Returns:
      `rows` and `tokens` that were written; `seconds` of the whole;
      `seconds_by_phase`, of which `the rest` is what no phase has; `peak_mb`.
    """
    logging.set_verbosity(logging.ERROR)
    clock = _Clock({})
    source = _SOURCES[corpus](raw_dir)
    source = dataclasses.replace(
        source, read=clock.around(READING, source.read)
    )
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as on:
        for phase, owner, name in _PHASES:
            timed = clock.around(phase, getattr(owner, name))
            on.enter_context(mock.patch.object(owner, name, timed))
        began = time.perf_counter()
        prepared = prepare.prepare(source, os.path.join(folder, "corpus"))
        seconds = time.perf_counter() - began
        tokens = sum(
            int(records.TokenIds.read(prepared.data_dir, task, x).offsets[-1])
            for task, splits in prepared.rows.items()
            for x in splits
        )
    rest = seconds - sum(clock.seconds.values())
    return {
        "rows": sum(sum(x.values()) for x in prepared.rows.values()),
        "tokens": tokens,
        "seconds": seconds,
        "seconds_by_phase": {**clock.seconds, REST: rest},
        "peak_mb": own_process.peak_mb(),
    }


def measure_tokenizer(corpus: str, raw_dir: str, rounds: int) -> dict:
    """Cuts texts of a corpus into tokens, on one core.

    Returns:
      `texts_per_second` and `tokens_per_second`, medians over rounds.
    """
    logging.set_verbosity(logging.ERROR)
    devices.configure(1)
    texts = [
        row.seq2
        for task in _SOURCES[corpus](raw_dir).read()
        for rows in task.splits.values()
        for row in rows
    ]
    # From all over the corpus.
    texts = texts[:: max(1, len(texts) // _TEXTS)]
    batches = [
        tf.constant(texts[begin : begin + _TEXTS_AT_ONCE])
        for begin in range(0, len(texts), _TEXTS_AT_ONCE)
    ]
    tokenize = tf.function(
        lambda texts: tokenizer.tokenize(texts).flat_values,
        input_signature=[tf.TensorSpec([None], tf.string)],
    )
    seconds = []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        tokens = sum(len(tokenize(batch)) for batch in batches)
        seconds.append(time.perf_counter() - began)
    # The first one traced.
    median = statistics.median(seconds[1:])
    return {
        "texts_per_second": len(texts) / median,
        "tokens_per_second": tokens / median,
    }


def summarize(rounds: Sequence[dict]) -> dict:
    """Medians over rounds of `measure_preparation`."""
    first = rounds[0]

    def median(of):
        return statistics.median(map(of, rounds))

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


def table(found: dict) -> str:
    """The figures for people."""
    whole, alone = found["preparation"], found["tokenizer"]
    lines = [
        f"corpus {found['corpus']}: {whole['rows']:,} rows, "
        f"{whole['tokens']:,} tokens",
        "",
        f"{'phase':20s} {'seconds':>8s} {'rows/s':>10s} {'tokens/s':>12s}",
    ]
    phases = {**whole["seconds_by_phase"], "in all": whole["seconds"]}
    for phase, seconds in phases.items():
        rates = ""
        if seconds > 0:
            rates = (
                f"{whole['rows'] / seconds:10,.0f} "
                f"{whole['tokens'] / seconds:12,.0f}"
            )
        lines.append(f"{phase:20s} {seconds:8.2f} {rates}")
    lines += [
        "",
        f"peak of memory: {whole['peak_mb']:,.0f} MB",
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
        "--raw_dir", help="Folder of the raw files, of one not generated."
    )
    for name, default, help_text in (
        ("tasks", 16, "Generated: number of tasks."),
        ("rows", 2000, "Generated: training rows of each."),
        ("tokens", 100, "Generated: mean length of a text."),
        ("rounds", 3, "Rounds that are counted."),
    ):
        parser.add_argument(
            f"--{name}", type=int, default=default, help=help_text
        )
    parser.add_argument("--json", help="File for the figures, if any.")
    asked = parser.parse_args(arguments)
    if (asked.corpus == GENERATED) == bool(asked.raw_dir):
        parser.error("--raw_dir is for a --corpus that has raw files")
    return asked


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures and prints.

    Args:
      arguments: of the command line; those of this process if not given.
    """
    asked = _parse(arguments)
    with tempfile.TemporaryDirectory() as folder:
        if asked.corpus == GENERATED:
            generated_corpus.write(
                folder, tasks=asked.tasks, rows=asked.rows, tokens=asked.tokens
            )
        of = (asked.corpus, asked.raw_dir or folder)
        rounds = [
            own_process.call(measure_preparation, *of)
            for _ in range(asked.rounds)
        ]
        found = {
            "corpus": asked.corpus,
            "preparation": summarize(rounds),
            "tokenizer": own_process.call(measure_tokenizer, *of, asked.rounds),
        }
    print(table(found))
    if asked.json:
        run_directory.write_json(asked.json, found)


if __name__ == "__main__":
    main()
