"""Table 6 of Augenstein, Ruder & Søgaard (NAACL 2018)."""

import pytest

from reproduction import lel_ltn_table5
from reproduction import lel_ltn_table6
from tests.reproduction import made_up_records

TABLE = lel_ltn_table6.table()


def test_shares_are_of_the_correct_predictions():
    # Of four texts that are classified correctly, the network alone has one
    # and the main model alone two.
    main, network = [1, 1, 1, 0, 0], [1, 0, 0, 1, 0]
    records = {
        "lel_ltn_table6/target/mtl_lel_ltn/0": made_up_records.of_outputs(
            "target", main, network
        ),
        "lel_ltn_table5/target/mtl_lel_ltn_semi/0": made_up_records.of_outputs(
            "target", main, main
        ),
        "lel_ltn_table5/target/mtl_lel_ltn_semi/1": made_up_records.of_outputs(
            "target", [1, 0], [1, 1]
        ),
    }
    _, _, row = TABLE.markdown(records).splitlines()
    assert row == "| target | 25.0 | 50.0 | 25.0 ± 35.4 | 0.0 ± 0.0 | 1–2 |"


def test_runs_with_pseudo_labels_are_those_of_table_5():
    table5 = {job.name: job for job in lel_ltn_table5.table().jobs(1)}
    jobs = TABLE.jobs(1)
    assert len(jobs) == 16
    common = [job for job in jobs if job.name in table5]
    assert len(common) == 8
    assert all(table5[job.name] == job for job in common)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
