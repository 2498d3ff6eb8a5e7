"""The search of a sweep, without training; `real_sweep_test` trains."""

import csv
import pathlib

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.studies import result
from mtl_tf.studies import sweep as sweep_lib
from mtl_tf.utils import flagfiles
from tests.helpers import fake_sweep

_RATES = [0.001, 0.02, 0.01, 0.05, 0.005, 0.03]
_GRID = {
    "settings": {"learning_rate": _RATES},
    "sweep": {"method": "grid"},
}
_RANDOM = {
    "settings": {
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "hidden_size": {"low": 8, "high": 64},
    },
    "sweep": {"trials": 9, "seed": 3},
}
_HALVING = {**_RANDOM, "successive_halving": {"min_epochs": 2}}
_TPE = {**_RANDOM, "sweep": {"method": "tpe", "trials": 14}}


@pytest.fixture
def run(tmp_path, monkeypatch):
    def run(space, name="sweep", **options):
        options.setdefault("epochs", 18)
        return fake_sweep.run(tmp_path / name, space, monkeypatch, **options)

    return run


def without_times(rows):
    return [{k: x for k, x in row.items() if k != "seconds"} for row in rows]


def test_dev_chooses_and_test_does_not(run, tmp_path):
    rows = run(_GRID)
    assert [row["learning_rate"] for row in rows] == [
        *(0.01, 0.005, 0.001, 0.02, 0.03, 0.05)
    ]
    # The mean of accuracy of `a` and macro F1 of `b`.
    assert rows[0]["dev"] == pytest.approx((18 / 19 + 9 / 19) / 2)
    assert rows[0]["dev_a"] == pytest.approx(18 / 19)
    assert rows[0]["dev_b"] == pytest.approx(9 / 19)
    assert rows[0]["test"] == min(row["test"] for row in rows)
    flags = flagfiles.expand(
        [f"--flagfile={tmp_path}/sweep/best.flags"],
        [*config_lib.Config().to_dict()],
    )
    assert flags == ["--learning_rate=0.01", "--epochs=18"]


def test_main_task_chooses(run):
    rows = run(_GRID, main_task="b")
    assert rows[0]["dev"] == rows[0]["dev_b"] == pytest.approx(9 / 19)
    assert rows[0]["test"] == 0.25


def test_table_on_disk(run, tmp_path):
    rows = run(_GRID)
    with open(tmp_path / "sweep" / "trials.csv", encoding="utf-8") as file:
        read = list(csv.DictReader(file))
    assert [row["trial"] for row in read] == [str(x["trial"]) for x in rows]
    assert [float(row["dev"]) for row in read] == [x["dev"] for x in rows]
    assert [row["status"] for row in read] == ["complete"] * 6


def test_survivors_of_successive_halving(run):
    trainer = fake_sweep.Trainer()
    rows = run(_HALVING, trainer=trainer)
    epochs = [row["epochs"] for row in rows]
    assert epochs == [18, 6, 6, *[2] * 6]
    assert [row["status"] for row in rows] == ["complete", *["stopped"] * 8]
    # 9 trials of 2 epochs, the best 3 to 6 epochs, and the best one to 18.
    assert [epochs for _, epochs in trainer.trained] == [*[2] * 9, 6, 6, 6, 18]
    errors = [abs(row["learning_rate"] - 0.01) for row in rows]
    assert errors == sorted(errors)


@pytest.mark.parametrize("space", [_GRID, _RANDOM, _HALVING, _TPE])
def test_interrupted_anywhere_and_resumed(run, space):
    if space is _TPE:
        pytest.importorskip("optuna")
    unbroken = fake_sweep.Trainer()
    expected = without_times(run(space, "unbroken", trainer=unbroken))
    for killed_at in range(0, len(unbroken.trained), 2):
        first = fake_sweep.Trainer(killed_at)
        name = f"killed_{killed_at}"
        with pytest.raises(KeyboardInterrupt) as interrupt:
            run(space, name, trainer=first)
        (note,) = interrupt.value.__notes__
        assert "the same command continues" in note
        second = fake_sweep.Trainer()
        rows = run(space, name, trainer=second, processes=3)
        assert without_times(rows) == expected
        assert len(first.trained) + len(second.trained) == len(unbroken.trained)


def test_finished_sweep_trains_nothing(run):
    expected = run(_HALVING)
    trainer = fake_sweep.Trainer(killed_at=0)
    assert run(_HALVING, trainer=trainer) == expected


def test_more_trials_continue_a_sweep(run):
    before = run(_RANDOM)
    trainer = fake_sweep.Trainer()
    more = {**_RANDOM, "sweep": {"trials": 12, "seed": 3}}
    rows = run(more, trainer=trainer)
    assert len(trainer.trained) == 3
    assert [row for row in rows if row["trial"] < 9] == before


def test_trials_that_diverge_are_last(run, tmp_path):
    space = {
        "settings": {"hidden_size": [8, 16, 32, 64]},
        "sweep": {"method": "grid"},
        "successive_halving": {"reduction_factor": 2},
    }
    trainer = fake_sweep.Trainer(diverging=(8, 16, 64))
    rows = run(space, trainer=trainer, epochs=2)
    assert [row["status"] for row in rows] == ["complete", *["diverged"] * 3]
    assert rows[0]["hidden_size"] == 32
    assert rows[1]["dev"] is None
    assert [epochs for _, epochs in trainer.trained] == [1, 1, 1, 1, 2]
    assert "3 diverged" in (tmp_path / "sweep" / "sweep.html").read_text()


def test_all_trials_diverge(run, tmp_path, monkeypatch):
    space = {"settings": {"hidden_size": [8, 16]}, "sweep": {"method": "grid"}}
    rows = run(space, trainer=fake_sweep.Trainer(diverging=(8, 16)))
    assert [row["status"] for row in rows] == ["diverged"] * 2
    assert not (tmp_path / "sweep" / "best.flags").exists()


def test_skipped_combinations_are_reported(run, tmp_path):
    space = {
        "settings": {
            "sharing": ["single_task", "fully_shared"],
            "adversarial_weight": [0.0, 0.1],
        },
        "sweep": {"method": "grid"},
    }
    rows = run(space)
    assert len(rows) == 3
    page = (tmp_path / "sweep" / "sweep.html").read_text()
    assert "1 combination skipped" in page
    assert "sharing=single_task, adversarial_weight=0.1" in page
    assert "adversarial_weight needs a shared encoder" in page


def test_page_has_a_picture_of_each_setting_and_links(run, tmp_path):
    rows = run(_RANDOM)
    page = pathlib.Path(tmp_path, "sweep", "sweep.html").read_text()
    assert page.count("<svg") == 1
    for row in rows:
        # A dot for each of two settings.
        assert page.count(f'xlink:href="#trial-{row["trial"]}"') == 2
        assert page.count(f'id="trial-{row["trial"]}"') == 1
    # Numbers of the logarithmic axis.
    assert ">0.001<" in page
    assert "mathdefault" not in page
    order = [page.index(f'id="trial-{row["trial"]}"') for row in rows]
    assert order == sorted(order)


def test_another_sweep_in_the_directory_is_refused(run):
    run(_GRID)
    other = {**_GRID, "settings": {"learning_rate": [0.5, *_RATES[1:]]}}
    with pytest.raises(ValueError, match=r"search_space.settings: .* -> "):
        run(other)
    with pytest.raises(ValueError, match="hidden_size: 100 -> 50"):
        run(_GRID, hidden_size=50)
    # These do not change the model.
    assert len(run(_GRID, threads=1, progress=False)) == 6


def test_trials_that_another_version_drew_are_refused(run, monkeypatch):
    run(_RANDOM)
    generator = np.random.default_rng
    monkeypatch.setattr(np.random, "default_rng", lambda x: generator(x + 1))
    with pytest.raises(ValueError, match="trial 0 has other settings"):
        run(_RANDOM)


def test_lists_as_values(run):
    space = {
        "settings": {"task_weights": [["a:2", "b:1"], []]},
        "sweep": {"method": "grid"},
    }
    rows = run(space)
    assert [row["task_weights"] for row in rows] == ["a:2,b:1", ""]
    assert run(space, trainer=fake_sweep.Trainer(killed_at=0)) == rows


def test_printed_table_has_the_ten_best(run, tmp_path, monkeypatch):
    space = {**_RANDOM, "sweep": {"trials": 13}}
    rows = run(space)
    config = config_lib.Config(
        data_dir="corpus", run_dir=str(tmp_path / "sweep"), epochs=18
    )
    text = sweep_lib.run(config, space).text
    lines = text.split("\n\n")[1].splitlines()
    shown = [line.split()[0] for line in lines[2:12]]
    assert shown == [str(row["trial"]) for row in rows[:10]]
    assert lines[12] == "... 3 more trials"
    assert "--flagfile=" in text


def test_from_python_a_data_frame_or_rows(run):
    rows = run(_GRID)
    frame = result.Result(rows, "").to_frame()
    try:
        import pandas
    except ImportError:
        assert frame == rows
    else:
        assert isinstance(frame, pandas.DataFrame)
        assert frame.to_dict("records") == rows
