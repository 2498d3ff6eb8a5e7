"""The results of transfer in the documentation."""

import pytest

from tools import transfer_results


def _rows(*scores):
    models = ("single_task", "single_channel", "bi_channel")
    return [
        {
            "task": "books",
            "model": model,
            "test": test,
            "test_deduplicated": deduplicated,
            "published": published,
        }
        for model, (test, deduplicated, published) in zip(
            models, scores, strict=True
        )
    ]


_BASELINE = ("0.8", "0.75", "0.808")
_SP = _rows(_BASELINE, ("0.7925", "0.8", ""), ("0.835", "0.9", "0.837"))
_ASP = _rows(_BASELINE, ("0.5", "0.5", "0.832"), ("1.0", "1.0", "0.9"))


def test_cells_are_errors_in_percent():
    assert transfer_results.make_table(_SP, _ASP).splitlines()[2:] == [
        "| books | 20.0 (25.0; 19.2) | 20.8 (20.0; –) | 16.5 (10.0; 16.3) | "
        "50.0 (50.0; 16.8) | 0.0 (0.0; 10.0) |",
        "| average | 20.0 (25.0; 19.2) | 20.8 (20.0; –) | 16.5 (10.0; 16.3) | "
        "50.0 (50.0; 16.8) | 0.0 (0.0; 10.0) |",
    ]


def test_average_is_over_the_tasks_of_both_studies():
    films = _rows(("0.9", "0.9", "0.9"), *[("0.6", "0.6", "0.6")] * 2)
    films = [{**row, "task": "films"} for row in films]
    both = transfer_results.make_table(_SP + films, _ASP + films).splitlines()
    assert both[-1].startswith("| average | 15.0 (17.5; 14.6) | 30.4 (30.0; –)")
    only = transfer_results.make_table(_SP + films, _ASP)
    assert only == transfer_results.make_table(_SP, _ASP)


def test_other_single_task_runs_are_refused():
    other = _rows(("0.9", "0.9", ""), *[("0.5", "0.5", "")] * 2)
    with pytest.raises(ValueError, match="books: the studies' single-task"):
        transfer_results.make_table(_SP, other)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
