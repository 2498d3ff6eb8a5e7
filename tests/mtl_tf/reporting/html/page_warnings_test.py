import pytest

from mtl_tf.reporting.html import page
from mtl_tf.runs import results
from mtl_tf.runs import run_directory
from tests.helpers import run_artifacts

SCRIPT = run_artifacts.SCRIPT


def test_warnings_of_training_come_before_the_scores(tmp_path, monkeypatch):
    # Drawing takes most of the time.
    monkeypatch.setattr(page.charts.inline_svg, "embed", lambda *_: "")
    data_dir = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    run_dir = tmp_path / "run"
    run_artifacts.write_run(str(run_dir), data_dir)
    results_with_warning = run_directory.read_results(str(run_dir))
    results_with_warning["warnings"] = [f"all rows are {SCRIPT!r}"]
    results.write(str(run_dir), results_with_warning)
    page.write(str(run_dir))
    text = (run_dir / "report.html").read_text("utf-8")
    warning = text.index("<strong>Warning.</strong> all rows are")
    assert warning < text.index('<h2 id="scores">')
    assert SCRIPT not in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
