"""Time and memory of training by number of tasks, text length and corpus size.

    python -m benchmarks.scaling --json=scaling.json --plot=scaling.png

ASP-MTL with LSTMs is trained on generated corpora with more tasks, longer texts
or more rows, each in its own process. It measures the time per token, without
padding, and the peak memory. Rounds over all sizes alternate in direction, so
that a machine that becomes slower does not look like growth.

Each measurement is added to `--json` at once. A call that was interrupted
continues there, and one with more rounds or sizes measures the missing ones.
"""

import argparse
import dataclasses
import json
import os
import statistics
import tempfile
from collections.abc import Mapping, Sequence

from matplotlib import figure

from benchmarks import generated_corpus
from benchmarks import own_process
from benchmarks import training_cost
from mtl_tf.reporting.plots import style
from mtl_tf.runs import run_directory

# Default and help of the settings that all measurements of a file share.
_SETTINGS = {
    "epoch_tokens": (1_600_000, "Tokens of the measured epoch."),
    "least_steps": (16, "Minimum number of its steps."),
    "hidden_size": (100, "Size of an LSTM's hidden state."),
    "embedding_dim": (50, "Size of a word vector."),
    "batch_size": (16, "Texts per task in a step."),
}
# Maximum ratio of the times per token along an axis.
BAR = 1.3


@dataclasses.dataclass(frozen=True)
class Size:
    """Size of a corpus.

    Attributes:
      tasks: number of tasks.
      tokens: mean length of a text.
      rows: training rows of a task.
    """

    tasks: int
    tokens: int
    rows: int


AXES = {
    "tasks": "tasks",
    "tokens": "tokens per text",
    "rows": "training rows per task",
}


def sizes_by_axis(
    base: Size, values: Mapping[str, Sequence[int]]
) -> dict[str, list[Size]]:
    """Returns the sizes along each axis, sorted."""
    return {
        axis: [
            dataclasses.replace(base, **{axis: value})
            for value in sorted(set(values[axis]))
        ]
        for axis in AXES
    }


def read_measurements(path: str, settings: Mapping) -> list[dict]:
    """Reads earlier measurements with the same settings.

    Raises:
      ValueError: if the file has other settings.
    """
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as file:
        saved = json.load(file)
    if saved["settings"] != settings:
        raise ValueError(
            f"{path} contains measurements with the settings "
            f"{saved['settings']}, not {dict(settings)}: choose another --json"
        )
    return saved["measurements"]


def summarize(
    measurements: Sequence[Mapping], sizes: Sequence[Size]
) -> list[dict[str, float]]:
    """Summarizes the rounds of each size.

    Returns:
      For each size, `median`, `least` and `most` microseconds per token, and
      the medians of `peak` and `peak_of_training` in MB.
    """
    lines = []
    for size in sizes:
        rounds = [
            line
            for line in measurements
            if line["size"] == dataclasses.asdict(size)
        ]
        times = [1e6 * x["seconds"] / x["tokens"] for x in rounds]
        lines.append(
            {
                "median": statistics.median(times),
                "least": min(times),
                "most": max(times),
                **{
                    name: statistics.median(x[name] for x in rounds)
                    for name in ("peak", "peak_of_training")
                },
            }
        )
    return lines


def table(axis: str, sizes: Sequence[Size], lines: Sequence[Mapping]) -> str:
    """Formats the output of `summarize`, and compares it with the limit."""
    rows = [
        f"{AXES[axis]:>24s}   us/token (least-most)   relative   "
        "peak of training   of the run, MB"
    ]
    for size, line in zip(sizes, lines, strict=True):
        rows.append(
            f"{getattr(size, axis):24d}   {line['median']:8.2f} "
            f"({line['least']:.2f}-{line['most']:.2f})   "
            f"{line['median'] / lines[0]['median']:8.2f}   "
            f"{line['peak_of_training']:16.0f}   {line['peak']:14.0f}"
        )
    times = [line["median"] for line in lines]
    spread = max(times) / min(times)
    rows.append(
        f"time per token: most / least {spread:.2f}, limit {BAR}: "
        f"{'kept' if spread <= BAR else 'exceeded'}"
    )
    first, last = sizes[0], sizes[-1]
    if axis == "rows" and len(sizes) > 1:
        more = last.tasks * (last.rows - first.rows)
        for name in ("peak_of_training", "peak"):
            grown = (lines[-1][name] - lines[0][name]) * 2**20
            rows.append(f"{name}: {grown / more:+.0f} bytes per training row")
    return "\n".join(rows)


def draw(
    by_axis: Mapping[str, Sequence[Size]],
    measurements: Sequence[Mapping],
) -> figure.Figure:
    """Draws relative time and memory, with a panel for each axis."""
    picture = figure.Figure(figsize=(11, 3.4), layout="constrained")
    panels = picture.subplots(1, len(AXES), sharey=True)
    memories = []
    for panel, (axis, sizes) in zip(panels, by_axis.items(), strict=True):
        lines = summarize(measurements, sizes)
        values = [getattr(size, axis) for size in sizes]
        first = lines[0]["median"]
        panel.plot(
            values,
            [line["median"] / first for line in lines],
            "o-",
            color=style.BLUE,
        )
        panel.fill_between(
            values,
            [line["least"] / first for line in lines],
            [line["most"] / first for line in lines],
            color=style.BLUE,
            alpha=0.2,
            linewidth=0,
        )
        panel.axhline(BAR, color=style.GRAY, linestyle=":")
        panel.set_xscale("log", base=2)
        panel.set_xticks(values, [f"{value:,}" for value in values])
        panel.minorticks_off()
        panel.set_xlabel(AXES[axis])
        memory = panel.twinx()
        memory.plot(
            values,
            [line["peak_of_training"] / 1024 for line in lines],
            "s--",
            color=style.ORANGE,
        )
        memories.append(memory)
    # All panels share the scales.
    panels[0].set_ylim(0, max(2, panels[0].get_ylim()[1]))
    panels[0].set_ylabel("time per token, first = 1", color=style.BLUE)
    most = max(memory.get_ylim()[1] for memory in memories)
    for memory in memories:
        memory.set_ylim(0, most)
        memory.tick_params("y", labelright=memory is memories[-1])
    memories[-1].set_ylabel("peak memory, GB", color=style.ORANGE)
    return picture


def _measure(sizes, options, settings, measurements):
    """Adds the missing measurements, round by round."""
    with tempfile.TemporaryDirectory() as folder:
        for round_ in range(options.rounds):
            for size in sizes if round_ % 2 == 0 else reversed(sizes):
                key = {"size": dataclasses.asdict(size), "round": round_}
                if any(line.items() >= key.items() for line in measurements):
                    continue
                measured = _measure_one(folder, size, round_, settings)
                measurements.append({**key, **measured})
                run_directory.write_json(
                    options.json,
                    {"settings": settings, "measurements": measurements},
                )
                print(json.dumps(measurements[-1]), flush=True)


def _measure_one(folder, size, seed, settings):
    corpus = os.path.join(folder, f"{size.tasks}-{size.tokens}-{size.rows}")
    if not os.path.exists(corpus):
        task_file = generated_corpus.write(
            os.path.join(folder, "raw"), **dataclasses.asdict(size)
        )
        own_process.call(training_cost.prepare_corpus, task_file, corpus)
    tokens_per_step = size.tasks * settings["batch_size"] * size.tokens
    return own_process.call(
        training_cost.measure,
        {
            "data_dir": corpus,
            "seed": seed,
            # No text is truncated.
            "max_tokens": 2 * size.tokens,
            "hidden_size": settings["hidden_size"],
            "embedding_dim": settings["embedding_dim"],
            "batch_size": settings["batch_size"],
            "adversarial_weight": 0.05,
            "orthogonality_weight": 0.01,
            "steps_per_epoch": max(
                settings["least_steps"],
                settings["epoch_tokens"] // tokens_per_step,
            ),
            "epochs": 2,
            "patience": 0,
            "progress": False,
        },
    )


def _parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--json", required=True, help="File for the measurements."
    )
    parser.add_argument("--plot", help="PNG file for a plot.")
    parser.add_argument(
        "--rounds", type=int, default=3, help="Number of rounds over all sizes."
    )
    values = {
        "tasks": [4, 16, 64],
        "tokens": [50, 100, 200, 400, 800, 1600],
        "rows": [100 * 2**power for power in range(7)],
    }
    for axis, name in AXES.items():
        parser.add_argument(
            f"--{axis}",
            type=int,
            nargs="+",
            default=values[axis],
            help=f"Sizes to measure, {name}.",
        )
    parser.add_argument(
        "--base",
        type=int,
        nargs=3,
        default=[16, 100, 400],
        help="Tasks, tokens and rows while another one varies.",
    )
    settings = parser.add_argument_group(
        "settings shared by all measurements of a file"
    )
    for name, (default, text) in _SETTINGS.items():
        settings.add_argument(f"--{name}", type=int, default=default, help=text)
    options = parser.parse_args(arguments)
    return options, {name: getattr(options, name) for name in _SETTINGS}


def main(arguments: Sequence[str] | None = None) -> None:
    """Measures, prints and draws.

    Args:
      arguments: command line; by default that of the process.
    """
    options, settings = _parse(arguments)
    by_axis = sizes_by_axis(Size(*options.base), vars(options))
    measurements = read_measurements(options.json, settings)
    # Every axis contains the base, which is measured once.
    sizes = list(dict.fromkeys(s for sizes in by_axis.values() for s in sizes))
    _measure(sizes, options, settings, measurements)
    for axis, sizes in by_axis.items():
        lines = summarize(measurements, sizes)
        print(f"\n{table(axis, sizes, lines)}")
    if options.plot:
        draw(by_axis, measurements).savefig(options.plot, dpi=150)


if __name__ == "__main__":
    main()
