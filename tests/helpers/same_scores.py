"""Comparison of a run with one of the same numbers."""

import pytest

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory


def check(run_dir: object, other_dir: object, num_epochs: int) -> None:
    """Compares the history and the results of two runs to 1e-5.

    Args:
      run_dir: path of a run.
      other_dir: path of a run with the expected numbers.
      num_epochs: number of epochs of both.
    """
    history, other_history = (
        history_lib.read_history(str(x)) for x in (run_dir, other_dir)
    )
    assert len(history) == len(other_history) == num_epochs
    for line, other in zip(history, other_history, strict=True):
        assert line["step"] == other["step"]
        assert line["terms"] == pytest.approx(
            other["terms"], rel=1e-5, abs=1e-5
        )
        for task, scores in other["dev"]["tasks"].items():
            assert line["dev"]["tasks"][task] == pytest.approx(
                scores, rel=1e-5, abs=1e-5
            )
    results, other_results = (
        run_directory.read_results(str(x)) for x in (run_dir, other_dir)
    )
    for name in ("best_epoch", "steps"):
        assert results[name] == other_results[name]
    for task in other_results["tasks"]:
        for split in ("dev", "test"):
            scores, others = (
                x["tasks"][task]["main"][split]
                for x in (results, other_results)
            )
            assert scores == pytest.approx(others, rel=1e-5, abs=1e-5)
