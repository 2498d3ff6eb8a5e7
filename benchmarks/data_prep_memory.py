"""Time and memory of the preparation of generated corpora, by their size.

    python -m benchmarks.data_prep_memory --texts 100000 1000000 10000000 \
        --json=data_prep_memory.json --plot=data_prep_memory.png

Each size is a corpus `synthetic`, which a new process prepares, with as many
processes of its own as `--processes`. The memory is that of all of them
together, sampled ten times a second; pages that they share count once for each.
Each measurement is added to `--json` at once, and a call that was interrupted
continues there.
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Mapping, Sequence

from absl import logging
from matplotlib import figure

from benchmarks import own_process
from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.reporting.plots import style
from mtl_tf.runs import run_directory
from mtl_tf.utils import log_levels

# Each of four tasks has `rows` training rows, a quarter as many in dev and in
# test, and half as many unlabeled texts.
_TEXTS_PER_ROW = 8


@log_levels.at(logging.ERROR)
def prepare_generated(texts: int, processes: int, folder: str) -> dict:
    """Prepares a generated corpus, and removes it.

    Args:
      texts: number of its texts, about.
      processes: number of processes at most.
      folder: a folder on a disk with space for the corpus and its intermediate
        files, about 2 kB for each text.

    Returns:
      `texts` of the corpus, and the `seconds`.
    """
    rows = max(4, texts // _TEXTS_PER_ROW)
    source = synthetic.make_source(rows=rows, main_rows=rows)
    with tempfile.TemporaryDirectory(dir=folder) as out_dir:
        start = time.perf_counter()
        corpus = prepare.prepare(
            source, os.path.join(out_dir, "corpus"), processes=processes
        )
        seconds = time.perf_counter() - start
    return {
        "texts": sum(sum(x.values()) for x in corpus.rows.values()),
        "seconds": seconds,
    }


def measure(texts: int, processes: int, folder: str) -> dict:
    """Measures time and memory of a size; see `prepare_generated`."""
    result, peaks = own_process.call_with_peaks(
        prepare_generated, texts, processes, folder
    )
    return {"size": texts, "processes": processes, **result, **peaks}


def read_measurements(path: str) -> list[dict]:
    """Reads the measurements of earlier calls."""
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        return json.load(file)["measurements"]


def table(measurements: Sequence[Mapping]) -> str:
    """Formats measurements, one per line."""
    lines = [
        f"{'texts':>11s} {'processes':>10s} {'seconds':>8s} {'texts/s':>9s} "
        f"{'peak MB':>8s} {'of one process':>15s}"
    ]
    for line in measurements:
        lines.append(
            f"{line['texts']:11,d} {line['processes']:10d} "
            f"{line['seconds']:8,.1f} {line['texts'] / line['seconds']:9,.0f} "
            f"{line['all_mb']:8,.0f} {line['one_mb']:15,.0f}"
        )
    return "\n".join(lines)


def draw(measurements: Sequence[Mapping]) -> figure.Figure:
    """Draws time and peak memory by the number of texts."""
    picture = figure.Figure(figsize=(7.5, 3), layout="constrained")
    time_panel, memory_panel = picture.subplots(1, 2)
    for processes in sorted({x["processes"] for x in measurements}):
        lines = [x for x in measurements if x["processes"] == processes]
        texts = [x["texts"] for x in lines]
        values = {
            time_panel: [x["seconds"] for x in lines],
            memory_panel: [x["all_mb"] / 1024 for x in lines],
        }
        for panel, of_panel in values.items():
            panel.plot(
                texts,
                of_panel,
                {1: "o-", 2: "s--"}.get(processes, "d:"),
                color={1: style.BLUE, 2: style.ORANGE}.get(processes),
                label=f"{processes} process{'es' if processes > 1 else ''}",
            )
            panel.set_xscale("log")
            panel.set_xlabel("texts")
    time_panel.set_yscale("log")
    time_panel.set_ylabel("seconds")
    time_panel.legend()
    memory_panel.set_ylim(bottom=0)
    memory_panel.set_ylabel("peak memory of all, GB")
    return picture


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints and draws.

    Args:
      arguments: command line; by default that of the process.
    """
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    for name, default, help_text in (
        ("texts", [100_000, 1_000_000], "Numbers of texts."),
        ("processes", [os.cpu_count()], "Numbers of processes."),
    ):
        parser.add_argument(
            f"--{name}", type=int, nargs="+", default=default, help=help_text
        )
    parser.add_argument(
        "--folder", help="For the corpora; default: that of temporary files."
    )
    parser.add_argument("--json", help="File for the measurements.")
    parser.add_argument("--plot", help="File for the picture.")
    options = parser.parse_args(arguments)
    measurements = read_measurements(options.json) if options.json else []
    known = {(x["size"], x["processes"]) for x in measurements}
    for texts in options.texts:
        for processes in options.processes:
            if (texts, processes) in known:
                continue
            measurements.append(
                measure(
                    texts, processes, options.folder or tempfile.gettempdir()
                )
            )
            if options.json:
                run_directory.write_json(
                    options.json, {"measurements": measurements}
                )
    measurements.sort(key=lambda x: (x["processes"], x["texts"]))
    print(table(measurements))
    if options.plot:
        draw(measurements).savefig(options.plot, dpi=150)


if __name__ == "__main__":
    main()
