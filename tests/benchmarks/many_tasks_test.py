import json

import pytest

from benchmarks import many_tasks
from benchmarks import own_process
from benchmarks import training_cost

_COST = {
    "tokens": 1_000_000,
    "seconds": 4.0,
    "seconds_to_read": 2.25,
    "seconds_of_run": 30.4,
    "peak_of_training": 1536.0,
    "weights": 1_250_000,
    "checkpoint": 14.4,
    "seconds_to_save": 0.172,
    "seconds_to_restore": 0.091,
}


@pytest.fixture
def calls(monkeypatch):
    """Settings of what would be measured, instead of it."""
    actual = []

    def call(function, *arguments):
        if function is training_cost.measure:
            actual.append(arguments[0])
        return _COST

    monkeypatch.setattr(own_process, "call", call)
    return actual


def test_step_is_the_same_for_every_number_of_tasks(tmp_path, calls):
    many_tasks.main([f"--json={tmp_path / 'a.json'}", "--tasks", "16", "20"])
    assert len(calls) == 2
    for settings in calls:
        assert settings["task_batches"] == settings["batch_size"] == 16


def test_measurements_are_continued(tmp_path, calls, capsys):
    path = tmp_path / "many_tasks.json"
    many_tasks.main([f"--json={path}", "--tasks", "20"])
    many_tasks.main([f"--json={path}", "--tasks", "16", "20"])
    assert len(calls) == 2
    measured = json.loads(path.read_text(encoding="utf-8"))
    assert [x["tasks"] for x in measured] == [20, 16]
    lines = capsys.readouterr().out.splitlines()[-2:]
    assert [line.split(" | ")[0] for line in lines] == ["| 16", "| 20"]


def test_table_has_the_units_of_its_columns():
    line = many_tasks.table(
        [{"tasks": 1024, "seconds_to_prepare": 9.6, **_COST}]
    ).splitlines()[-1]
    assert line == (
        "| 1,024 | 10 | 2.2 | 4.00 | 1.5 | 1.2 | 14 | 0.17 | 0.09 | 30 |"
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
