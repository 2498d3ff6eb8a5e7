"""The best models on the pairwise tasks."""

import pytest

from reproduction import best_pairwise
from tests.reproduction import made_up_records

TABLE = best_pairwise.table()


def test_rows_have_the_metrics_of_the_paper_and_of_the_official_scorer():
    records = {
        "best_pairwise/fnc1": made_up_records.of_seeds_of_task(
            "fnc1", {"accuracy": 0.86, "fnc_score": 0.74}
        )
    }
    assert TABLE.markdown(records).splitlines()[2:4] == [
        "| fnc1 | accuracy | 86.0 ± 1.0 | 86.0 ± 1.0 | 87.0 | 72.0 | 72.8 |",
        "| fnc1 | fnc_score | 74.0 ± 1.0 | 74.0 ± 1.0 | 75.0 | 60.0 | – |",
    ]


def test_there_is_a_preset_for_each_job():
    for job in TABLE.jobs():
        name = job.name.replace("/", "_")
        assert job.flags[0] == f"--flagfile=preset:{name}"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
