"""One setting of ASP-MTL changed at a time."""

import pytest

from reproduction import asp_mtl_settings
from reproduction import asp_mtl_table2
from tests.reproduction import made_up_records

TABLE = asp_mtl_settings.table()


def _run(error, best_epoch):
    record = made_up_records.of_run({"books": error}, deduplicated=error + 2)
    record.results["best_epoch"] = best_epoch
    return record


def test_rows_are_settings():
    records = {
        "asp_mtl_table2/asp_mtl/0": _run(14, 8),
        "asp_mtl_table2/asp_mtl/1": _run(16, 10),
        "asp_mtl_settings/2/0": _run(40, 3),
    }
    assert TABLE.markdown(records).splitlines()[2:] == [
        "| as chosen | 16.0 ± 1.4 | 15.0 ± 1.4 | 17.0 ± 1.4 | 9.0 ± 1.4 | 2 |",
        "| AdaGrad, from 0.1 as in Keras | 41.0 | 40.0 | 42.0 | 3.0 | 1 |",
    ]


def test_chosen_settings_are_those_of_table_2():
    jobs = TABLE.jobs(1)
    table2 = asp_mtl_table2.table("asp_mtl_table2").jobs(1)
    assert jobs[0] in table2
    assert not set(jobs[1:]) & set(table2)
    assert len({job.flags for job in jobs}) == len(jobs)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
