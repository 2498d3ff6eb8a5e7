"""Table 4 of Augenstein et al. (NAACL 2018)."""

import dataclasses

import pytest

from reproduction import lel_ltn_table4
from tests.reproduction import made_up_records

TABLE = lel_ltn_table4.table()
_SEARCH, _PAPER = (
    f"lel_ltn_table4/{kind}_target" for kind in ("search", "paper")
)


def _row(auxiliary, dev, test, chosen):
    return {
        "auxiliary": auxiliary,
        "metric": "macro_f1",
        "dev": dev,
        "test": test,
        "chosen": chosen,
    }


def _records(chosen):
    search = made_up_records.of_study(
        [
            _row("", "0.5", "0.4", "False"),
            _row("topic5", "0.6", "0.45", "True"),
            _row("stance", "0.55", "0.9", "False"),
            _row(f"topic5+{chosen}", "0.7", "0.46", "True"),
        ]
    )
    scores = {"macro_f1": 0.61}, {"macro_f1": 0.62}
    main = dict(zip(("dev", "test"), scores, strict=True))
    paper = dataclasses.replace(
        search, rows=[], results={"tasks": {"target": {"main": main}}}
    )
    return {_SEARCH: search, _PAPER: paper}


def test_rows_are_the_path_of_the_search_and_the_set_of_the_paper():
    assert TABLE.markdown(_records("absa_laptops")).splitlines() == [
        "| main task | auxiliary tasks | metric | dev | test |  |",
        "|---|---|---|---:|---:|---|",
        "| target | none | macro_f1 | 50.0 | 40.0 |  |",
        "| target | topic5 | macro_f1 | 60.0 | 45.0 |  |",
        "| target | absa_laptops, topic5 | macro_f1 | 70.0 | 46.0 | chosen |",
        "| target | fnc1, multinli, topic5 | macro_f1 | 61.0 | 62.0 | "
        "the paper's |",
    ]


def test_a_search_that_finds_the_set_of_the_paper():
    # Also in another order, and with no run of the set by itself.
    lines = TABLE.markdown(_records("multinli+fnc1")).splitlines()
    assert len(lines) == 5
    assert lines[-1].endswith("| 70.0 | 46.0 | chosen, the paper's |")


def test_a_set_of_the_paper_without_its_search_is_left_out():
    records = _records("stance")
    del records[_SEARCH]
    assert TABLE.markdown(records) == "No search has ended yet."


def test_a_search_and_the_set_of_the_paper_for_each_main_task():
    jobs = TABLE.jobs(1)
    assert len(jobs) == 16
    for search, paper in zip(jobs[::2], jobs[1::2], strict=True):
        main_task = search.name.removeprefix("lel_ltn_table4/search_")
        assert f"--main_task={main_task}" in search.flags
        assert f"--flagfile=preset:auxiliary/{main_task}" in paper.flags
        # Otherwise their scores do not compare.
        shared = set(search.flags) & set(paper.flags)
        assert {
            "--seed=0",
            "--flagfile=preset:mtl",
            "--max_tokens=60",
        } == shared


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
