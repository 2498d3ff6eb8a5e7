import json
import os

import pytest

from benchmarks import own_process
from benchmarks import scaling
from benchmarks import training_cost

BASE = scaling.Size(tasks=2, tokens=10, rows=5)
VALUES = {"tasks": [4, 2], "tokens": [10], "rows": [5, 20, 5]}


def _measured(size, round_, microseconds, peak):
    return {
        "size": {"tasks": size[0], "tokens": size[1], "rows": size[2]},
        "round": round_,
        "tokens": 1000,
        "seconds": microseconds / 1000,
        "peak_of_training": peak,
        "peak": peak + 100,
    }


# Two rounds of the base, of more tasks and of more rows.
MEASUREMENTS = [
    _measured((2, 10, 5), 0, 10.0, 600),
    _measured((2, 10, 5), 1, 14.0, 602),
    _measured((4, 10, 5), 0, 18.0, 700),
    _measured((4, 10, 5), 1, 18.0, 700),
    _measured((2, 10, 20), 0, 12.0, 604),
    _measured((2, 10, 20), 1, 13.0, 604),
]


def test_sizes_grow_along_one_axis_at_a_time():
    assert scaling.sizes_by_axis(BASE, VALUES) == {
        "tasks": [BASE, scaling.Size(4, 10, 5)],
        "tokens": [BASE],
        "rows": [BASE, scaling.Size(2, 10, 20)],
    }


def test_summary_covers_all_rounds_of_a_size():
    sizes = scaling.sizes_by_axis(BASE, VALUES)["tasks"]
    first, second = scaling.summarize(MEASUREMENTS, sizes)
    assert first == {
        "median": pytest.approx(12),
        "least": pytest.approx(10),
        "most": pytest.approx(14),
        "peak": 701,
        "peak_of_training": 601,
    }
    assert second["median"] == pytest.approx(18)


def test_table_compares_times_with_the_limit():
    by_axis = scaling.sizes_by_axis(BASE, VALUES)

    def table(axis):
        lines = scaling.summarize(MEASUREMENTS, by_axis[axis])
        return scaling.table(axis, by_axis[axis], lines)

    # 18 / 12.
    assert "most / least 1.50, limit 1.3: exceeded" in table("tasks")
    assert "bytes" not in table("tasks")
    # 12.5 / 12; 3 MB more for 2 tasks of 15 more rows.
    assert "most / least 1.04, limit 1.3: kept" in table("rows")
    assert f"{3 * 2**20 / 30:+.0f} bytes per training row" in table("rows")


def test_plot_has_a_panel_per_axis_with_medians():
    picture = scaling.draw(scaling.sizes_by_axis(BASE, VALUES), MEASUREMENTS)
    panels = [x for x in picture.axes if x.get_xlabel()]
    assert [x.get_xlabel() for x in panels] == list(scaling.AXES.values())
    curve = panels[0].lines[0]
    assert curve.get_xdata().tolist() == [2, 4]
    assert curve.get_ydata().tolist() == pytest.approx([1, 1.5])
    memory = next(x for x in picture.axes if not x.get_xlabel()).lines[0]
    assert memory.get_ydata().tolist() == pytest.approx(
        [601 / 1024, 700 / 1024]
    )


@pytest.fixture
def calls(monkeypatch):
    """What would be measured, instead of it."""
    actual = []

    def call(function, *arguments):
        if function is training_cost.prepare_corpus:
            with open(arguments[1], "w", encoding="utf-8"):
                return None
        (settings,) = arguments
        actual.append(settings)
        return {
            "tokens": 1000,
            "seconds": 1.0,
            "peak": 2.0,
            "peak_of_training": 1.0,
        }

    monkeypatch.setattr(own_process, "call", call)
    return actual


def _run(path, *more):
    sizes = "--base 2 10 5 --tasks 4 2 --tokens 10 --rows 5 20 5"
    settings = "--epoch_tokens=100 --least_steps=3 --batch_size=2"
    scaling.main([f"--json={path}", *sizes.split(), *settings.split(), *more])


def test_interrupted_measurements_are_continued(tmp_path, calls, capsys):
    path, plot = tmp_path / "results.json", tmp_path / "results.png"
    _run(path, "--rounds=1")
    # The base is of every axis; 2 tasks * 2 texts * 10 tokens a step.
    assert [x["steps_per_epoch"] for x in calls] == [3, 3, 3]
    more = ["--rounds=2", "--tokens", "10", "40"]
    _run(path, *more, f"--plot={plot}")
    # One more size in the first round; all of them downwards in the second.
    assert [x["seed"] for x in calls[3:]] == [0, 1, 1, 1, 1]
    assert [os.path.basename(x["data_dir"]) for x in calls[4:]] == [
        "2-10-20",
        "2-40-5",
        "4-10-5",
        "2-10-5",
    ]
    with open(path, encoding="utf-8") as file:
        assert len(json.load(file)["measurements"]) == 8
    assert plot.read_bytes().startswith(b"\x89PNG")
    calls.clear()
    _run(path, *more)
    assert not calls
    assert capsys.readouterr().out.count("limit 1.3: kept") == 9


def test_file_of_other_settings_is_refused(tmp_path, calls):
    path = tmp_path / "results.json"
    _run(path, "--rounds=1")
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"results\.json.*'hidden_size': 100"):
        _run(path, "--rounds=2", "--hidden_size=7")
    assert path.read_bytes() == before


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
