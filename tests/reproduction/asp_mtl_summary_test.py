"""The summary of Table 2 for the front page."""

import pytest

from reproduction import asp_mtl_summary
from reproduction import asp_mtl_table2
from tests.reproduction import made_up_records


def test_columns_are_the_paper_and_both_variants():
    records = {
        "asp_mtl_table2/asp_mtl/0": made_up_records.of_run({"books": 10.0}),
        "asp_mtl_table2/asp_mtl/1": made_up_records.of_run({"books": 12.0}),
        "asp_mtl_table2_tuned/bilstm/0": made_up_records.of_run({"MR": 9.0}),
    }
    rows = asp_mtl_summary.table().markdown(records).splitlines()
    assert rows[0] == (
        "| model | paper | the paper's architecture | tuned settings |"
    )
    assert rows[2] == "| BiLSTM | 17.4 | – | 9.0 (1) |"
    assert rows[-1] == "| ASP-MTL | 13.9 | 11.0 ± 1.4 (2) | – |"


def test_jobs_are_those_of_table_2():
    names = {job.name for job in asp_mtl_summary.table().jobs(1)}
    for tuned in (False, True):
        name = "asp_mtl_table2" + "_tuned" * tuned
        table2 = asp_mtl_table2.table(name, tuned=tuned)
        assert {job.name for job in table2.jobs(1)} < names


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
