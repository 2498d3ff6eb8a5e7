"""The table of the default corpus is one table, on whichever page it stands.

    python -m tests.vader_results_test --write SINGLE_TASK ASP_MTL LEL_LTN

writes it, from run directories of several seeds.
"""

import json
import pathlib
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "docs" / "results" / "vader.md"
PAGES = (SOURCE, ROOT / "README.md")
BEGIN, END = "<!-- vader -->", "<!-- end of vader -->"
SEEDS = 3
HEADINGS = ("single-task", "ASP-MTL", "LEL + LTN")
_HEAD = f"""\
| task | test | majority | {" | ".join(HEADINGS)} |
|---|---:|---:|---:|---:|---:|"""


def make_table(found: list[dict]) -> str:
    """Makes the table of what `results.json` of the three runs hold."""
    for results in found:
        if results.get("num_runs") != SEEDS:
            raise ValueError(f"{SEEDS} seeds are expected in each run")
    first = found[0]["tasks"]
    lines = [_HEAD]
    for name in (*first, None):
        rows = f"{first[name]['main']['test']['n']:.0f} " if name else ""
        majority = _of(found[0], name)["majority"]["test"]["accuracy"]
        cells = [f"{100 * majority:.1f}", *(_cell(x, name) for x in found)]
        lines.append(f"| {name or 'average'} | {rows}| {' | '.join(cells)} |")
    return "\n".join(lines)


def _of(results, name):
    """Scores by output: of a task, or the average."""
    return results["tasks"][name] if name else results["average"]


def _cell(results, name):
    mean, deviation = (
        100 * _of(source, name)["main"]["test"]["accuracy"]
        for source in (results, results["deviation"])
    )
    return f"{mean:.1f} ± {deviation:.1f}"


def table_of(page: pathlib.Path) -> str:
    """The table that stands on a page."""
    text = page.read_text("utf-8")
    return text.partition(BEGIN)[2].partition(END)[0].strip()


def write(run_dirs: list[str]) -> None:
    """Puts the table of three runs on all pages."""
    found = [
        json.loads((pathlib.Path(x) / "results.json").read_text("utf-8"))
        for x in run_dirs
    ]
    table = make_table(found)
    for page in PAGES:
        before, _, rest = page.read_text("utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        page.write_text(f"{before}{BEGIN}\n\n{table}\n\n{END}{after}", "utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_page_has_the_same_table(page):
    table = table_of(page)
    assert table == table_of(SOURCE)
    head, *lines = table.splitlines()
    assert all(heading in head for heading in HEADINGS)
    assert len(lines) >= 2
    assert {line.count("|") for line in lines} == {head.count("|")}


def _results(accuracy, deviation):
    def by_output(value, rest):
        return {"main": {"test": {"accuracy": value, **rest}}}

    rows = {"n": 200.0}
    majority = {"majority": {"test": {"accuracy": 0.25}}}
    return {
        "num_runs": 3,
        "tasks": {"books": by_output(accuracy, rows) | majority},
        "average": by_output(accuracy + 0.1, {}) | majority,
        "deviation": {
            "tasks": {"books": by_output(deviation, {"n": 0.0})},
            "average": by_output(deviation / 2, {}),
        },
    }


def test_a_table_of_results():
    found = [_results(0.5, 0.02), _results(0.625, 0.01), _results(0.75, 0.006)]
    assert make_table(found).splitlines()[2:] == [
        "| books | 200 | 25.0 | 50.0 ± 2.0 | 62.5 ± 1.0 | 75.0 ± 0.6 |",
        "| average | | 25.0 | 60.0 ± 1.0 | 72.5 ± 0.5 | 85.0 ± 0.3 |",
    ]
    with pytest.raises(ValueError, match="3 seeds are expected"):
        make_table([{**found[0], "num_runs": 5}, *found[1:]])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--write"]:
        write(sys.argv[2:])
    else:
        raise SystemExit(pytest.main([__file__]))
