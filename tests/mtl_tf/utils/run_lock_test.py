import contextlib
import errno
import os
import platform
import subprocess
import sys

import pytest

from mtl_tf.utils import run_lock

_HOLDER = """
import sys
from mtl_tf.utils import run_lock
with run_lock.hold(sys.argv[1]):
    print("holds it", flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def held_elsewhere(run_dir):
    """A process that holds a directory until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _HOLDER, run_dir],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            assert process.stdout.readline() == "holds it\n"
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("killed", [False, True])
def test_other_processes_are_refused_until_the_first_ends(tmp_path, killed):
    run_dir = tmp_path / "run"
    with held_elsewhere(run_dir) as process:
        for _ in range(2):
            with (
                pytest.raises(ValueError, match="is in use") as caught,
                run_lock.hold(str(run_dir)),
            ):
                pass
            assert str(caught.value) == (
                f"{run_dir} is in use by process {process.pid} on "
                f"{platform.node()}: wait for it, or choose another run_dir"
            )
        if killed:
            process.kill()
        else:
            process.stdin.close()
        process.wait()
        # A killed process leaves its file behind.
        assert run_dir.exists() == killed
        with run_lock.hold(str(run_dir)):
            assert (run_dir / "lock").read_text() == (
                f"{os.getpid()} on {platform.node()}"
            )


def test_lock_is_exclusive_and_released(tmp_path):
    for _ in range(2):
        with run_lock.hold(str(tmp_path)):
            with (
                pytest.raises(ValueError, match="is in use"),
                run_lock.hold(str(tmp_path)),
            ):
                pass
            # Being refused does not end it.
            assert (tmp_path / "lock").exists()
        assert not (tmp_path / "lock").exists()
    with (
        pytest.raises(KeyError),
        run_lock.hold(str(tmp_path)),
    ):
        raise KeyError
    with run_lock.hold(str(tmp_path)):
        pass
    assert tmp_path.exists()


def test_directories_have_separate_locks(tmp_path):
    part = tmp_path / "seeds" / "0"
    with run_lock.hold(str(tmp_path)), run_lock.hold(str(part)):
        assert (part / "lock").exists()
    assert os.listdir(tmp_path) == []


def test_directories_that_are_left_empty_are_removed(tmp_path, monkeypatch):
    (tmp_path / "mine").mkdir()
    with run_lock.hold(str(tmp_path / "mine" / "a" / "b")):
        pass
    assert os.listdir(tmp_path) == ["mine"]
    assert os.listdir(tmp_path / "mine") == []
    with run_lock.hold(str(tmp_path / "mine" / "a" / "b")):
        (tmp_path / "mine" / "a" / "b" / "file").touch()
    assert os.listdir(tmp_path / "mine" / "a" / "b") == ["file"]
    monkeypatch.chdir(tmp_path)
    with run_lock.hold("new"):
        assert os.listdir("new") == ["lock"]
    assert os.listdir() == ["mine"]


def test_a_directory_behind_a_link(tmp_path):
    (tmp_path / "disk").mkdir()
    link = tmp_path / "link"
    link.symlink_to("disk/run")
    with run_lock.hold(str(link)):
        assert os.listdir(tmp_path / "disk" / "run") == ["lock"]
        # By whichever way.
        with (
            pytest.raises(ValueError, match="run is in use"),
            run_lock.hold(str(tmp_path / "disk" / "run")),
        ):
            pass
    assert os.listdir(tmp_path / "disk") == []
    assert link.is_symlink()


def test_holder_without_a_written_id(tmp_path):
    with run_lock.hold(str(tmp_path)):
        os.truncate(tmp_path / "lock", 0)
        with (
            pytest.raises(ValueError, match="is in use by another process:"),
            run_lock.hold(str(tmp_path)),
        ):
            pass


def test_lock_on_a_removed_file_is_taken_again(tmp_path, monkeypatch):
    flock = run_lock.fcntl.flock
    calls = []

    def late(file, operation):
        calls.append(operation)
        if len(calls) == 1:
            # The one before removes its file between opening and locking.
            (tmp_path / "lock").unlink()
        flock(file, operation)

    monkeypatch.setattr(run_lock.fcntl, "flock", late)
    with run_lock.hold(str(tmp_path)):
        assert len(calls) == 2
        with (
            pytest.raises(ValueError, match="is in use"),
            run_lock.hold(str(tmp_path)),
        ):
            pass


_WAITER = """
import sys
from mtl_tf.utils import run_lock
with run_lock.wait_for(sys.argv[1], "making tea") as kept_out:
    print("has it", kept_out, flush=True)
    sys.stdin.read()
"""


@contextlib.contextmanager
def waiting_elsewhere(path):
    """A process that waits for a lock and keeps it until its input ends."""
    with subprocess.Popen(
        [sys.executable, "-c", _WAITER, path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    ) as process:
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("killed", [False, True])
def test_others_wait_until_the_first_ends(tmp_path, killed):
    path = tmp_path / "new" / ".lock"
    with (
        waiting_elsewhere(path) as first,
        contextlib.ExitStack() as stack,
    ):
        assert first.stdout.readline() == "has it True\n"
        second = stack.enter_context(waiting_elsewhere(path))
        assert second.stderr.readline().endswith(
            f"waiting for process {first.pid} on {platform.node()}, which is "
            "making tea\n"
        )
        if killed:
            first.kill()
        else:
            first.stdin.close()
        assert second.stdout.readline() == "has it True\n"
        assert path.read_text().startswith(f"{second.pid} on ")
        second.stdin.close()
        assert second.wait() == 0
    # The first made the directory, but the file was the second's.
    assert not path.exists()


def test_unwritable_lock_is_not_waited_for(tmp_path):
    (tmp_path / "file").touch()
    with run_lock.wait_for(str(tmp_path / "file" / "lock"), "x") as kept_out:
        assert not kept_out
    assert os.listdir(tmp_path) == ["file"]


def test_errors_within_the_lock_are_raised(tmp_path):
    with (
        pytest.raises(OSError, match="No space left"),
        run_lock.wait_for(str(tmp_path / "new" / "lock"), "x"),
    ):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert os.listdir(tmp_path) == []


def test_where_files_cannot_be_locked(tmp_path, monkeypatch):
    def refuse(file, operation):
        raise OSError(errno.ENOLCK, "No locks available")

    def hold_twice():
        path = str(tmp_path / "other")
        with (
            run_lock.hold(str(tmp_path)),
            run_lock.hold(str(tmp_path)),
            run_lock.wait_for(path, "x") as first,
            run_lock.wait_for(path, "x") as second,
        ):
            return not first and not second

    monkeypatch.setattr(run_lock.fcntl, "flock", refuse)
    assert hold_twice()
    monkeypatch.setattr(run_lock, "fcntl", None)
    assert hold_twice()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
