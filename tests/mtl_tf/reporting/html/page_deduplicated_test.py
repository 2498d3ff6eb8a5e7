import pytest

from mtl_tf.reporting.html import page
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from tests.helpers import page_reader
from tests.helpers import run_artifacts

_RUNS = {
    "adversarial": {"adversarial_weight": 0.05},
    "single": {"sharing": "single_task"},
    "seeds": {"num_runs": 2},
}


@pytest.fixture
def without_drawing(monkeypatch):
    """Skips drawing, which takes most of the time."""
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")


def write_run(folder, name):
    """Writes a run; returns its directory and results."""
    data_dir = run_artifacts.write_corpus(str(folder / "corpus"))
    run_dir = run_artifacts.write_run(
        str(folder / "run"), data_dir, **_RUNS[name]
    )
    return run_dir, run_directory.read_results(run_dir)


@pytest.mark.parametrize("name", ["adversarial", "seeds", "single"])
def test_a_task_whose_test_texts_are_all_duplicates_has_a_dash(
    tmp_path, without_drawing, name
):
    run_dir, results = write_run(tmp_path, name)
    for output in results["tasks"]["stance"].values():
        output["test_deduplicated"] = None
    results["average"] |= results_lib.averages(results["tasks"])
    results_lib.write(run_dir, results)
    parsed = page_reader.ParsedPage(page.write(run_dir))
    table = parsed.table("task", "metric", "test texts")
    reviews = results["tasks"]["reviews"]["main"]["test_deduplicated"]
    shown = {task: cells[-1] for task, cells in table.items()}
    assert shown == {
        "reviews": f"{100 * reviews['macro_f1']:.1f}",
        "stance": "–",
        "average accuracy": f"{100 * reviews['accuracy']:.1f}1 of 2 tasks",
    }
    assert "No de-duplicated score of stance: all test texts" in parsed.text


def test_a_task_without_duplicates_has_its_test_score(
    tmp_path, without_drawing
):
    run_dir, results = write_run(tmp_path, "adversarial")
    for output in results["tasks"]["stance"].values():
        del output["test_deduplicated"]
    results["average"] = results_lib.averages(results["tasks"])
    results_lib.write(run_dir, results)
    parsed = page_reader.ParsedPage(page.write(run_dir))
    stance = parsed.table("task", "metric", "test texts")["stance"]
    accuracy = results["tasks"]["stance"]["main"]["test"]["accuracy"]
    assert stance[-1] == f"{100 * accuracy:.1f}"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
