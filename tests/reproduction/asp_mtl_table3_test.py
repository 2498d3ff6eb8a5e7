"""Table 3 of Liu, Qiu & Huang (ACL 2017)."""

import pytest

from reproduction import asp_mtl_table3
from tests.reproduction import made_up_records

TABLE = asp_mtl_table3.table()
MODELS = ("single_task", "single_channel", "bi_channel")
_BASELINE = ("0.8", "0.75", "0.808")
_SP = (_BASELINE, ("0.7925", "0.8", ""), ("0.835", "0.9", "0.837"))
_ASP = (_BASELINE, ("0.5", "0.5", "0.832"), ("1.0", "1.0", "0.9"))


def _rows(task, scores):
    names = ("test", "test_deduplicated", "published")
    return [
        {"task": task, "model": model, **dict(zip(names, row, strict=True))}
        for model, row in zip(MODELS, scores, strict=True)
    ]


def _table(sp, asp, name="books"):
    # A study ends in the averages of its tasks.
    average = _rows("average", [("0", "0", "0")] * 3)
    records = {
        "asp_mtl_table3/sp_0": made_up_records.of_study(
            _rows(name, sp) + average
        ),
        "asp_mtl_table3/asp_0": made_up_records.of_study(
            _rows("books", asp) + average
        ),
    }
    return records, TABLE.markdown(records).splitlines()


def test_cells_are_errors_in_percent():
    assert _table(_SP, _ASP)[1][2:] == [
        "| books | 20.0 (25.0; 19.2) | 20.8 (20.0; –) | 16.5 (10.0; 16.3) | "
        "50.0 (50.0; 16.8) | 0.0 (0.0; 10.0) |",
        "| average | 20.0 (25.0; 19.2) | 20.8 (20.0; –) | 16.5 (10.0; 16.3) | "
        "50.0 (50.0; 16.8) | 0.0 (0.0; 10.0) |",
    ]


def test_average_is_over_the_tasks_of_both_sources():
    records, only_books = _table(_SP, _ASP)
    films = _rows("MR", [("0.9", "0.9", "0.9"), *[("0.6",) * 3] * 2])
    records["asp_mtl_table3/sp_2"] = made_up_records.of_study(films)
    assert TABLE.markdown(records).splitlines() == only_books
    records["asp_mtl_table3/asp_2"] = made_up_records.of_study(films)
    average = TABLE.markdown(records).splitlines()[-1]
    assert average.startswith("| average | 15.0 (17.5; 14.6) | 30.4 (30.0; –)")


def test_no_task_of_both_sources():
    assert _table(_SP, _ASP, "MR")[1] == ["No task has ended yet."]


def test_other_single_task_runs_are_refused():
    other = (("0.9", "0.9", ""), *[("0.5", "0.5", "")] * 2)
    with pytest.raises(ValueError, match="books: the studies' single-task"):
        _table(_SP, other)


def test_every_task_is_held_out_once():
    held_out = [
        name
        for job in TABLE.jobs(1)
        if "/asp_" in job.name
        for name in job.flags[-1].removeprefix("--held_out=").split(",")
    ]
    assert len(held_out) == len(set(held_out)) == 16
    with pytest.raises(ValueError, match=r"num_seeds=2: .* has one seed"):
        TABLE.jobs(2)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
