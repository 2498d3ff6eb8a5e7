"""The best models on FDU-MTL."""

import pytest

from reproduction import best_fdu
from tests.reproduction import made_up_records

TABLE = best_fdu.table()


def test_rows_are_models_and_their_ensembles():
    records = {
        "best_fdu/labeled": made_up_records.of_seeds(
            main=0.875, deviation=0.002, ensemble=0.88
        )
    }
    assert TABLE.markdown(records).splitlines()[2:4] == [
        "| labeled texts alone: a model | 12.5 ± 0.2 | 12.5 ± 0.2 "
        "| 12.5 ± 0.2 |",
        "| labeled texts alone: ensemble | 12.0 | 12.0 | 12.0 |",
    ]


def test_student_has_the_other_run_as_its_teacher():
    labeled, student = TABLE.jobs()
    arguments = student.arguments("data", "some/runs")
    assert f"--teachers=some/runs/{labeled.name}" in arguments
    assert "--unlabeled" not in labeled.arguments("data", "runs")
    assert {"--seed=0", "--num_runs=3"} <= set(arguments)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
