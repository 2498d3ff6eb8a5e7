"""Pages with a task whose metric is an error, and one in percent."""

import dataclasses

import pytest

from mtl_tf.reporting.html import page
from mtl_tf.runs import run_directory
from tests.helpers import page_reader
from tests.helpers import run_artifacts

TASKS = (
    dataclasses.replace(run_artifacts.TASKS[0], metric="macro_mae_by_topic"),
    run_artifacts.TASKS[1],
)


@pytest.fixture(scope="module", autouse=True)
def without_drawing():
    """Skips drawing, which takes most of the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(page.charts.inline_svg, "embed", lambda *_: "")
        yield


@pytest.fixture(scope="module")
def run_dirs(tmp_path_factory):
    """A run of one seed, and one of two."""
    root = tmp_path_factory.mktemp("root")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"), tasks=TASKS)
    return [
        run_artifacts.write_run(
            str(root / name),
            data_dir,
            tasks=TASKS,
            seed=seed,
            num_runs=num_runs,
        )
        for name, seed, num_runs in (("one", 0, 1), ("two", 3, 2))
    ]


@pytest.fixture(scope="module")
def errors(run_dirs):
    """The test error of each run."""
    results = [run_directory.read_results(path)["tasks"] for path in run_dirs]
    return [
        tasks["reviews"]["main"]["test"]["macro_mae_by_topic"]
        for tasks in results
    ]


@pytest.fixture(scope="module")
def parsed(run_dirs):
    return page_reader.ParsedPage(
        page.write(run_dirs[1], baseline_run=run_dirs[0])
    )


def test_errors_are_not_in_percent(parsed, errors):
    first, second = errors
    line = parsed.table("task", "metric")["reviews"]
    metric, _, _, baseline, mine, _, difference, _ = line
    assert metric == "macro_mae_by_topic"
    assert baseline == f"{first:.3f}"
    assert mine.startswith(f"{second:.3f} ± 0.")
    assert difference == f"{second - first:+.3f}".replace("-", "−")
    assert parsed.table("task", "seed 3")["reviews"][2] == mine
    tests = parsed.table("task", "difference", "95 % interval")
    assert tests["reviews"][0] == difference
    # The scores of the other task are.
    line = parsed.table("task", "metric")["stance"]
    assert line[0] == "accuracy"
    assert float(line[3]) > 1


def test_the_lower_error_is_bold(parsed, errors):
    assert errors[0] != errors[1]
    source = parsed.source.replace("\n", "")
    assert f'<td class="best">{min(errors):.3f}' in source
    assert f'<td class="best">{max(errors):.3f}' not in source


def test_the_page_defines_its_metrics(parsed):
    for text in (
        "in percent, macro_mae_by_topic in label positions",
        "macro_mae_by_topic: mean over topics of macro_mae.",
        "average test accuracy, in percent",
    ):
        assert text in parsed.text


def test_errors_in_a_comparison(run_dirs, errors, tmp_path):
    path = page.compare(run_dirs, str(tmp_path / "comparison.html"))
    parsed = page_reader.ParsedPage(path)
    line = parsed.table("task", "metric", "test texts")["reviews"]
    assert line[0] == "macro_mae_by_topic"
    for cell, error in zip(line[3:], errors, strict=True):
        assert cell.startswith(f"{error:.3f}")
    assert "macro_mae_by_topic: mean over topics" in parsed.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
