"""Settings of the eight pairwise tasks, changed one at a time."""

import pytest

from reproduction import lel_ltn_settings
from reproduction import lel_ltn_table5
from tests.reproduction import made_up_records

TABLE = lel_ltn_settings.table()


def _run(accuracy):
    return made_up_records.of_main_task("absa_laptops", accuracy)


def test_columns_are_settings():
    records = {
        "lel_ltn_table5/absa_laptops/mtl/0": _run(0.7),
        "lel_ltn_table5/absa_laptops/mtl/1": _run(0.8),
        "lel_ltn_settings/absa_laptops/2/0": _run(0.6),
    }
    test, dev = TABLE.markdown(records).split("\n\nDev:\n\n")
    head, _, row = test.removeprefix("Test:\n\n").splitlines()
    assert head.startswith("| task | metric | MTL | patience 10 | balanced |")
    assert row.startswith("| absa_laptops | accuracy | 75.0 ± 7.1 | – | 60.0 |")
    # Dev is ten points better.
    assert "85.0 ± 7.1" in dev


def test_runs_without_a_change_are_those_of_table_5():
    table5 = {job.name: job for job in lel_ltn_table5.table().jobs(1)}
    jobs = TABLE.jobs(1)
    common = [job for job in jobs if job.name in table5]
    assert len(common) == 8
    assert all(table5[job.name] == job for job in common)
    assert len({(job.corpus, job.flags) for job in jobs}) == len(jobs) == 72


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
