"""Resumption of runs with damaged files."""

import hashlib
import os
import pathlib
import re
import shutil

import pytest
from tensorboard.backend.event_processing import event_accumulator

from mtl_tf.runs import history as history_lib
from mtl_tf.runs import resumption
from tests.helpers import damages
from tests.helpers import fake_training

# 8 epochs of 3 steps. The best ones are 2 of base (step 6), 4 of
# label_transfer (step 12), and each of the last phase (steps 18, 21, 24).
ENDS = fake_training.ENDS
SCORES = fake_training.SCORES
PHASES = ("base", "label_transfer", "semi_supervised")
EXTENSIONS = ("index", "data-00000-of-00001", "json")


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("unbroken") / "run"
    fake_training.fit(run_dir, SCORES, **ENDS)
    return run_dir


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    """A run that was killed in its last epoch.

    It keeps the last checkpoints of steps 18 and 21, and the best of both.
    """
    run_dir = tmp_path_factory.mktemp("broken") / "run"
    # The last 3 steps are followed by 2 checkpoints.
    events = fake_training.fit(run_dir.parent / "count", SCORES, **ENDS)
    with pytest.raises(fake_training.KilledError, match="step"):
        fake_training.fit(run_dir, SCORES, len(events) - 3, **ENDS)
    return run_dir


@pytest.fixture
def run_dir(broken, tmp_path):
    return shutil.copytree(broken, tmp_path / "run")


def list_files(folder):
    """sha256 of each file below a folder, by path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(
            path.read_bytes()
        ).hexdigest()
        for path in pathlib.Path(folder).rglob("*")
        if path.is_file()
    }


def assert_same_end(run_dir, unbroken):
    fake_training.fit(run_dir, SCORES, **ENDS)
    assert fake_training.lines(run_dir) == fake_training.lines(unbroken)
    for name in ("last", "best", "best_base", "best_label_transfer"):
        actual = fake_training.read(run_dir, name)
        assert actual == fake_training.read(unbroken, name), name
    # There are no other files.
    folders = [pathlib.Path(x) / "checkpoints" for x in (run_dir, unbroken)]
    names = [
        {re.sub("-1(?=[.])", "", name) for name in list_files(folder)}
        for folder in folders
    ]
    assert names[0] == names[1]


def assert_refused(run_dir, message):
    """Checks that a run does not resume, and that nothing is written."""
    before = list_files(run_dir)
    with pytest.raises(ValueError, match=message) as caught:
        fake_training.fit(run_dir, SCORES, **ENDS)
    assert str(caught.value).endswith(
        f"to start again, remove {run_dir} or give another run_dir"
    )
    assert list_files(run_dir) == before


def test_intact_run_resumes_from_its_newest_checkpoints(broken):
    resume_point = resumption.find(str(broken), PHASES)
    assert resume_point.faults == ()
    assert {name: x.step for name, x in resume_point.saved.items()} == {
        "last": 21,
        "best": 21,
        "best_base": 6,
        "best_label_transfer": 12,
    }
    stems = ("last/ckpt-18", "last/ckpt-21", "best/ckpt-18", "best/ckpt-21")
    stems += ("best_base/ckpt-6", "best_label_transfer/ckpt-12")
    files = {
        f"{stem}.{extension}" for stem in stems for extension in EXTENSIONS
    }
    folders = {stem.partition("/")[0] for stem in stems}
    files |= {f"{folder}/checkpoint" for folder in folders}
    assert set(list_files(broken / "checkpoints")) == files


@pytest.mark.parametrize("damage", damages.DAMAGES)
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("name", ["last", "best"])
def test_damaged_newest_checkpoint_is_replaced_by_the_previous(
    run_dir, name, extension, damage
):
    # The previous one is intact, and so is the best one at that time.
    path = run_dir / "checkpoints" / name / f"ckpt-21.{extension}"
    damages.DAMAGES[damage](path)
    resume_point = resumption.find(str(run_dir), PHASES)
    assert (
        resume_point.saved["last"].step == resume_point.saved["best"].step == 18
    )
    (fault,) = resume_point.faults
    assert re.match(rf"{path} is (damaged|missing)", fault)


@pytest.mark.parametrize("damage", damages.DAMAGES)
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize("name", ["last", "best"])
def test_damaged_previous_checkpoint_does_not_matter(
    run_dir, name, extension, damage
):
    damages.DAMAGES[damage](
        run_dir / "checkpoints" / name / f"ckpt-18.{extension}"
    )
    resume_point = resumption.find(str(run_dir), PHASES)
    assert resume_point.faults == ()
    assert (
        resume_point.saved["last"].step == resume_point.saved["best"].step == 21
    )


@pytest.mark.parametrize("damage", damages.DAMAGES)
@pytest.mark.parametrize("extension", EXTENSIONS)
@pytest.mark.parametrize(
    "stem", ["best_base/ckpt-6", "best_label_transfer/ckpt-12"]
)
def test_damaged_best_checkpoint_of_a_phase_is_refused(
    run_dir, stem, extension, damage
):
    path = run_dir / "checkpoints" / f"{stem}.{extension}"
    damages.DAMAGES[damage](path)
    assert_refused(run_dir, rf"^{path} is (damaged|missing).*intact checkp")


@pytest.mark.parametrize("damage", damages.DAMAGES)
@pytest.mark.parametrize("name", ["last", "best", "best_base"])
def test_damaged_state_file_does_not_matter(run_dir, name, damage):
    damages.DAMAGES[damage](run_dir / "checkpoints" / name / "checkpoint")
    resume_point = resumption.find(str(run_dir), PHASES)
    assert resume_point.faults == ()
    assert (
        resume_point.saved["last"].step == resume_point.saved["best"].step == 21
    )


@pytest.mark.parametrize("name", ["last", "best"])
def test_run_resumed_from_the_previous_checkpoint_has_the_same_end(
    run_dir, unbroken, name
):
    folder = run_dir / "checkpoints" / name
    damages.DAMAGES["flipped"](folder / "ckpt-21.data-00000-of-00001")
    assert_same_end(run_dir, unbroken)


def test_run_resumed_without_state_files_has_the_same_end(run_dir, unbroken):
    for path in (run_dir / "checkpoints").glob("*/checkpoint"):
        damages.DAMAGES["overwritten"](path)
    assert_same_end(run_dir, unbroken)


def test_leftovers_of_an_interrupted_write_are_removed(run_dir, unbroken):
    for name in ("last", "best"):
        folder = run_dir / "checkpoints" / name
        (folder / "ckpt-24_temp").mkdir()
        for leftover in (
            "ckpt-24_temp/part-00000-of-00001.data.tempstate81",
            "ckpt-24.data-00000-of-00001",
            "ckpt-24.json.part",
            "checkpoint.tmp81",
        ):
            (folder / leftover).write_text("half")
    assert_same_end(run_dir, unbroken)


def test_run_killed_in_its_first_epoch_starts_again(run_dir, unbroken):
    # The best checkpoint is written first, so its files may exist.
    for name in ("history.jsonl", "checkpoints/last"):
        path = run_dir / name
        shutil.rmtree(path) if path.is_dir() else path.write_text("")
    assert resumption.find(str(run_dir), PHASES) is None
    assert_same_end(run_dir, unbroken)


@pytest.mark.parametrize("folder", ["", "last", "best", "best_base"])
def test_missing_folder_of_checkpoints_is_refused(run_dir, folder):
    shutil.rmtree(run_dir / "checkpoints" / folder)
    folder = folder or "last"
    assert_refused(
        run_dir, rf"^{run_dir}/checkpoints/{folder} holds no checkpoint"
    )


def test_message_lists_intact_checkpoints(run_dir):
    for path in (run_dir / "checkpoints" / "last").glob("*.index"):
        damages.DAMAGES["truncated"](path)
    with pytest.raises(ValueError, match="is damaged") as caught:
        resumption.find(str(run_dir), PHASES)
    folder = f"{run_dir}/checkpoints/last"
    assert str(caught.value) == (
        f"{folder}/ckpt-21.index is damaged (its sha256 is not the one in "
        f"ckpt-21.json); {folder}/ckpt-18.index is damaged (its sha256 is not "
        "the one in ckpt-18.json); intact checkpoints: "
        "checkpoints/best/ckpt-21 (epoch 7), "
        "checkpoints/best/ckpt-18 (epoch 6), "
        "checkpoints/best_base/ckpt-6 (epoch 2), "
        "checkpoints/best_label_transfer/ckpt-12 (epoch 4): put back copies of "
        f"the files to continue; to start again, remove {run_dir} or give "
        "another run_dir"
    )


def test_old_best_checkpoint_is_checked_before_training(tmp_path):
    """It is needed after training only."""
    settings = {"epochs": 4, "patience": 0, "main_task": "b"}
    scores = [0.75, 0.5, 0.5, 0.5, 0.5]
    fake_training.fit(tmp_path, scores, **settings)
    path = tmp_path / "checkpoints" / "best" / "ckpt-3.index"
    damages.DAMAGES["flipped"](path)
    before = list_files(tmp_path)
    with pytest.raises(ValueError, match=rf"^{path} is damaged") as caught:
        fake_training.fit(tmp_path, scores, **settings | {"epochs": 5})
    # It is the best one of both last checkpoints, which are intact.
    assert "last/ckpt-12 (epoch 4), checkpoints/last/ckpt-9 (epoch 3)" in str(
        caught.value
    )
    assert list_files(tmp_path) == before


def test_damaged_only_checkpoint_is_refused(run_dir):
    fake_training.fit(run_dir, SCORES, keep_checkpoints=1, **ENDS)
    files = list_files(run_dir / "checkpoints" / "last")
    assert {name.partition(".")[0] for name in files} == {
        "checkpoint",
        "ckpt-24",
    }
    path = run_dir / "checkpoints" / "last" / "ckpt-24.index"
    damages.DAMAGES["flipped"](path)
    assert_refused(run_dir, rf"^{path} is damaged")


@pytest.mark.parametrize("epochs", range(8))
@pytest.mark.parametrize("fraction", [0, 0.5])
def test_truncated_history_is_completed(run_dir, unbroken, epochs, fraction):
    path = run_dir / "history.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    assert len(lines) == 7
    cut = b"".join(lines[:epochs])
    if epochs < 7:
        cut += lines[epochs][: int(fraction * len(lines[epochs]))]
    path.write_bytes(cut)
    # The last of 8 lines is new, the others are in the checkpoint.
    fake_training.fit(run_dir, SCORES, **ENDS)
    assert fake_training.lines(run_dir) == fake_training.lines(unbroken)


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_damaged_history_is_completed(run_dir, unbroken, damage):
    damages.DAMAGES[damage](run_dir / "history.jsonl")
    fake_training.fit(run_dir, SCORES, **ENDS)
    assert fake_training.lines(run_dir) == fake_training.lines(unbroken)


@pytest.mark.parametrize("killed", ["before", "within"])
def test_run_killed_while_writing_the_history_has_the_same_end(
    tmp_path, unbroken, monkeypatch, killed
):
    append = history_lib.History.append

    def stop(history, line):
        if line["epoch"] == 5:
            if killed == "within":
                append(history, line)
                path = tmp_path / "history.jsonl"
                path.write_bytes(path.read_bytes()[:-9])
            raise fake_training.KilledError
        append(history, line)

    with monkeypatch.context() as patched:
        patched.setattr(history_lib.History, "append", stop)
        with pytest.raises(fake_training.KilledError):
            fake_training.fit(tmp_path, SCORES, **ENDS)
    # The checkpoint of the epoch was written before.
    resume_point = resumption.find(str(tmp_path), PHASES)
    assert resume_point.saved["last"].step == 15
    assert_same_end(tmp_path, unbroken)


def test_curves_have_each_epoch_once(tmp_path):
    settings = {
        "epochs": 4,
        "patience": 0,
        "main_task": "b",
        "tensorboard": True,
    }
    scores = [0.5, 0.25, 0.75, 0.125]
    # Killed in the second step of epoch 4, after its first point.
    events = [*["step"] * 3, "best", "last", *["step"] * 3, "last"]
    events += [*["step"] * 3, "best", "last", *["step"] * 2]
    with pytest.raises(fake_training.KilledError, match="step"):
        fake_training.fit(tmp_path, scores, len(events), **settings)
    path = tmp_path / "checkpoints" / "last" / "ckpt-9.index"
    damages.DAMAGES["removed"](path)
    damages.DAMAGES["truncated"](tmp_path / "history.jsonl")
    fake_training.fit(tmp_path, scores, **settings)
    history = history_lib.read_history(str(tmp_path))
    assert [line["epoch"] for line in history] == [1, 2, 3, 4]
    events = event_accumulator.EventAccumulator(
        os.path.join(tmp_path, "tensorboard")
    )
    events.Reload()
    for tag, steps in {
        "dev/average": [3, 6, 9, 12],
        # Two points per epoch.
        "loss/total": [2, 3, 5, 6, 8, 9, 11, 12],
    }.items():
        assert [event.step for event in events.Tensors(tag)] == steps


def test_run_does_not_resume_without_its_settings(run_dir):
    # Damaged settings are refused by `run_directory`, which reads them.
    (run_dir / "config.json").unlink()
    assert_refused(
        run_dir,
        rf"^{run_dir}/config.json is missing, and {run_dir} holds a run: put "
        "back a copy of the file; ",
    )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
