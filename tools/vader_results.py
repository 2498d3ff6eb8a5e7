"""Writes the results of the default corpus into the documentation.

    python -m tools.vader_results SINGLE_TASK ASP_MTL LEL_LTN

takes the run directories of `SEEDS` seeds each.
"""

import json
import pathlib
import sys

from tools import marked_pages

PAGE = marked_pages.ROOT / "docs" / "results" / "vader.md"
MARKS = ("<!-- vader -->", "<!-- end of vader -->")
SEEDS = 5
MODELS = ("single-task", "ASP-MTL", "LEL + LTN")
HEAD = f"""\
| task | test texts | majority | {" | ".join(MODELS)} |
|---|---:|---:|---:|---:|---:|"""


def make_table(runs: list[dict]) -> str:
    """Formats the test accuracy of three runs, from their `results.json`."""
    for results in runs:
        if results.get("num_runs") != SEEDS:
            raise ValueError(f"{SEEDS} seeds are expected in each run")
    first = runs[0]["tasks"]
    lines = [HEAD]
    for name in (*first, None):
        rows = f"{first[name]['main']['test']['n']:.0f} " if name else ""
        majority = _of(runs[0], name)["majority"]["test"]["accuracy"]
        cells = [f"{100 * majority:.1f}", *(_cell(x, name) for x in runs)]
        lines.append(f"| {name or 'average'} | {rows}| {' | '.join(cells)} |")
    return "\n".join(lines)


def _of(results, name):
    """Returns the scores of a task, or the average, by output."""
    return results["tasks"][name] if name else results["average"]


def _cell(results, name):
    mean, deviation = (
        100 * _of(source, name)["main"]["test"]["accuracy"]
        for source in (results, results["deviation"])
    )
    return f"{mean:.1f} ± {deviation:.1f}"


def write(run_dirs: list[str]) -> None:
    """Writes the table of three runs into its page."""
    runs = [
        json.loads((pathlib.Path(x) / "results.json").read_text("utf-8"))
        for x in run_dirs
    ]
    marked_pages.replace(PAGE, *MARKS, make_table(runs))


if __name__ == "__main__":
    write(sys.argv[1:])
