"""Checkpoints with damaged, incomplete or superfluous files."""

import os
import shutil

import pytest
import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import checkpoints
from mtl_tf.runs import resumption
from mtl_tf.runs import run_directory
from tests.helpers import damages

_TASKS = (tasks_lib.Task("books", ("bad", "good")),)


def save(run_dir, parts, name=checkpoints.LAST, step=7):
    saved = checkpoints.Checkpoints(str(run_dir), parts, _TASKS)
    saved.save(name, step)
    return saved


def steps_of(run_dir, name):
    return [saved.step for saved in checkpoint_files.find(str(run_dir), name)]


@pytest.mark.parametrize(
    ("keep", "steps"), [(1, [9]), (2, [9, 7]), (5, [9, 7, 2])]
)
def test_only_the_newest_checkpoints_are_kept(tmp_path, keep, steps):
    saved = checkpoints.Checkpoints(
        str(tmp_path), {"a": {"b": tf.Variable(0)}}, _TASKS, keep=keep
    )
    for step in (2, 7, 9, 9):
        saved.save(checkpoints.LAST, step)
    assert steps_of(tmp_path, checkpoints.LAST) == steps
    # Only the second checkpoint of a step that was saved twice is kept.
    stems = [f"ckpt-{step}" for step in steps]
    stems[0] = "ckpt-9-1"
    assert set(os.listdir(tmp_path / "checkpoints" / "last")) == {
        "checkpoint",
        *(
            f"{stem}.{extension}"
            for stem in stems
            for extension in ("index", "data-00000-of-00001", "json")
        ),
    }
    # TensorFlow finds the newest one as well.
    folder = str(tmp_path / "checkpoints" / "last")
    assert tf.train.latest_checkpoint(folder) == f"{folder}/ckpt-9-1"


def test_number_of_kept_checkpoints_may_be_reduced(tmp_path):
    parts = {"a": {"b": tf.Variable(0)}}
    for keep, step in ((3, 1), (3, 2), (3, 3), (2, 4)):
        checkpoints.Checkpoints(str(tmp_path), parts, _TASKS, keep=keep).save(
            checkpoints.LAST, step
        )
    assert steps_of(tmp_path, checkpoints.LAST) == [4, 3]


def test_checkpoints_of_another_run_are_refused(tmp_path):
    number = tf.Variable(5)
    parts = {"part": {"number": number}}
    for name in ("mine", "other"):
        (tmp_path / name).mkdir()
        run_directory.write_config(str(tmp_path / name), {"id": name})
        saved = save(tmp_path / name, parts)
    number.assign(7)
    saved.restore(checkpoints.LAST)
    assert number.numpy() == 5
    shutil.rmtree(tmp_path / "mine" / "checkpoints")
    shutil.copytree(
        tmp_path / "other" / "checkpoints", tmp_path / "mine" / "checkpoints"
    )
    mine = checkpoints.Checkpoints(str(tmp_path / "mine"), parts, _TASKS)
    with pytest.raises(ValueError, match="ckpt-7 is of another run"):
        mine.restore(checkpoints.LAST)
    with pytest.raises(ValueError, match="ckpt-7 is of another run"):
        resumption.find(str(tmp_path / "mine"), ["base"])


def test_last_step(tmp_path):
    assert checkpoints.last_step(str(tmp_path)) == 0
    saved = save(tmp_path, {"a": {"b": tf.Variable(0)}}, step=200)
    assert checkpoints.last_step(str(tmp_path)) == 200
    # At the start of a phase, a step is saved again.
    saved.save(checkpoints.LAST, 200)
    assert checkpoints.last_step(str(tmp_path)) == 200


class StoppedError(Exception):
    """The simulated end of the process."""


@pytest.mark.parametrize("at", ["write", "record", "state", "remove"])
@pytest.mark.parametrize("step", [5, 6])
def test_interrupted_write_leaves_an_intact_checkpoint(
    tmp_path, monkeypatch, at, step
):
    number = tf.Variable(5)
    parts = {"part": {"number": number}}
    saved = checkpoints.Checkpoints(str(tmp_path), parts, _TASKS, keep=1)
    saved.save(checkpoints.BEST, 5)
    folder = tmp_path / "checkpoints" / "best"

    def stop(*arguments):
        if at == "write":
            # As TensorFlow leaves it when it is killed.
            for name in (f"ckpt-{step}-1_temp", f"ckpt-{step}_temp"):
                (folder / name).mkdir()
                (folder / name / "part.data.tempstate7").write_text("")
        raise StoppedError

    with monkeypatch.context() as patched:
        if at == "write":
            patched.setattr(tf.train.Checkpoint, "write", stop)
        else:
            name = "remove_others" if at == "remove" else f"write_{at}"
            patched.setattr(checkpoint_files, name, stop)
        number.assign(6)
        with pytest.raises(StoppedError):
            saved.save(checkpoints.BEST, step)
    again = checkpoints.Checkpoints(str(tmp_path), parts, _TASKS, keep=1)
    number.assign(0)
    again.restore(checkpoints.BEST)
    assert number.numpy() == (5 if at in ("write", "record") else 6)
    # The next start removes the leftovers.
    (newest, *_) = checkpoint_files.find(str(tmp_path), checkpoints.BEST)
    again.sweep({checkpoints.BEST: newest})
    stems = {
        saved.path.rpartition("/")[2]
        for saved in checkpoint_files.find(str(tmp_path), checkpoints.BEST)
    }
    left = {name.partition(".")[0] for name in os.listdir(folder)}
    assert left == {"checkpoint", *stems}


def test_sweep_keeps_files_that_are_not_of_checkpoints(tmp_path):
    saved = save(tmp_path, {"a": {"b": tf.Variable(0)}})
    folder = tmp_path / "checkpoints" / "last"
    for name in ("notes.txt", "ckpt-8.index", "checkpoint.tmp0123"):
        (folder / name).write_text("x")
    saved.sweep({})
    assert sorted(os.listdir(folder)) == ["checkpoint", "notes.txt"]


@pytest.mark.parametrize("damage", damages.DAMAGES)
@pytest.mark.parametrize("extension", ["data-00000-of-00001", "index", "json"])
def test_damaged_checkpoint_is_named(tmp_path, extension, damage):
    parts = {
        "model": {"number": tf.Variable(tf.range(99))},
        "loop": {"epoch": tf.Variable(4)},
    }
    save(tmp_path, parts, checkpoints.BEST)
    saved = save(tmp_path, parts)
    # The previous checkpoint is intact, but does not replace this one.
    saved.save(checkpoints.LAST, 8)
    folder = tmp_path / "checkpoints" / "last"
    damages.DAMAGES[damage](folder / f"ckpt-8.{extension}")
    message = (
        rf"^{folder}/ckpt-8\.{extension} is (damaged|missing)( \(.*\))?; "
        r"intact checkpoints: checkpoints/best/ckpt-7 \(epoch 4\), "
        r"checkpoints/last/ckpt-7 \(epoch 4\): put back a copy of the file, "
        "or train again in another run_dir$"
    )
    with pytest.raises(ValueError, match=message):
        checkpoints.read(str(tmp_path), checkpoints.LAST, ["model"])
    with pytest.raises(ValueError, match=message):
        saved.restore(checkpoints.LAST)
    with pytest.raises(ValueError, match=message):
        saved.check([checkpoints.BEST, checkpoints.LAST])
    saved.check([checkpoints.BEST])


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_damaged_state_file_does_not_matter(tmp_path, damage):
    number = tf.Variable(1)
    saved = save(tmp_path, {"part": {"number": number}}, step=7)
    number.assign(2)
    saved.save(checkpoints.LAST, 10)
    damages.DAMAGES[damage](tmp_path / "checkpoints" / "last" / "checkpoint")
    number.assign(0)
    saved.restore(checkpoints.LAST)
    assert number.numpy() == 2


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
