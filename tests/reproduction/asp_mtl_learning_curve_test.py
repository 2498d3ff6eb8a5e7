"""Errors with fewer labels."""

import pytest

from reproduction import asp_mtl_learning_curve
from reproduction import asp_mtl_table2
from tests.reproduction import made_up_records

TABLE = asp_mtl_learning_curve.table()
NAME = "asp_mtl_learning_curve"


def _records():
    def run(error):
        return made_up_records.of_run({"books": error})

    return {
        f"{NAME}/100/fs_mtl/0": run(30),
        f"{NAME}/100/fs_mtl/1": run(34),
        f"{NAME}/300/fs_mtl/0": run(25),
        f"{NAME}/700/fs_mtl/0": run(20),
        # A run of Table 2.
        "asp_mtl_table2_tuned/fs_mtl/0": run(15),
        f"{NAME}/100/asp_mtl/0": run(40),
    }


def test_rows_are_models_and_columns_are_sizes():
    rows = TABLE.markdown(_records()).splitlines()
    assert rows[0] == "| labels of a task | 100 | 300 | 700 | 1400 |"
    assert rows[3] == "| FS-MTL | 32.0 ± 2.8 | 25.0 | 20.0 | 15.0 |"
    assert rows[5] == "| ASP-MTL | 40.0 | – | – | – |"
    assert rows[6] == "| seeds | 1–2 |  |  |  |"


def test_picture_has_the_models_with_all_sizes():
    picture = TABLE.draw(_records())
    (axis,) = picture.axes
    _, names = axis.get_legend_handles_labels()
    assert names == ["FS-MTL"]
    line = axis.get_lines()[0]
    assert line.get_ydata().tolist() == pytest.approx([32, 25, 20, 15])
    assert TABLE.draw({}) is None


def test_runs_with_all_labels_are_those_of_table_2():
    table2 = asp_mtl_table2.table("asp_mtl_table2_tuned", tuned=True)
    jobs = {job.name: job for job in TABLE.jobs(1)}
    assert len(jobs) == 16
    common = [job for job in table2.jobs(1) if job.name in jobs]
    assert len(common) == 4
    assert all(jobs[job.name] == job for job in common)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
