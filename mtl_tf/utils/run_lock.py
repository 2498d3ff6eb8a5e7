"""Locks on directories, so that processes do not remove each other's files.

The operating system releases a lock when its process ends, even if it is
killed. Files that cannot be locked, as on some network disks, are used without.

The library `filelock` is not used: where files cannot be locked it falls back
to marker files, which outlive a process that dies on another host, and its lock
files do not name their holder in a message.
"""

import contextlib
import os
import pathlib
import platform
from collections.abc import Iterator

from absl import logging

from mtl_tf.utils import files

try:
    import fcntl
except ImportError:  # Windows has none.
    # mypy has no type for a module that may be missing.
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = "lock"


@contextlib.contextmanager
def hold(run_dir: str) -> Iterator[None]:
    """Locks a run directory.

    Args:
      run_dir: the directory; created if missing, and removed if left empty.

    Raises:
      ValueError: if another process holds the lock, with its process id, or if
        the directory is a broken link.
    """

    def refuse(file):
        raise ValueError(
            f"{run_dir} is in use by {_holder(file)}: wait for it, or choose "
            "another run_dir"
        )

    with _lock(pathlib.Path(files.resolve(run_dir), LOCK_FILE), refuse):
        yield


@contextlib.contextmanager
def wait_for(path: str, work: str) -> Iterator[bool]:
    """Waits for a lock file and holds it.

    Args:
      path: the file; created, and removed at the end together with its
        directory, if that is left empty.
      work: purpose of the lock, for the message to processes that wait, such as
        `preparing data/shop`.

    Yields:
      Whether the lock is held; False where files cannot be locked or written.
    """

    def wait(file):
        logging.warning("waiting for %s, which is %s", _holder(file), work)
        fcntl.flock(file, fcntl.LOCK_EX)

    with contextlib.ExitStack() as stack:
        try:
            is_locked = stack.enter_context(_lock(pathlib.Path(path), wait))
        except OSError:
            # A read-only directory can still be read.
            is_locked = False
        yield is_locked


@contextlib.contextmanager
def _lock(path, when_held):
    """Locks a file and removes it at the end.

    Args:
      path: its path.
      when_held: function of the open file, called if another process holds the
        lock; raises, or returns when it has the lock.

    Yields:
      Whether the file is locked.
    """
    folder = path.parent
    created = [x for x in (folder, *folder.parents) if not x.exists()]
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:
            # The previous holder has just removed the directory.
            continue
        with file:
            is_locked = _lock_file(file, when_held)
            # The previous holder may have removed the file since it was opened.
            if not _is_at(file, path):
                continue
            file.truncate(0)
            file.write(f"{os.getpid()} on {platform.node()}")
            file.flush()
            try:
                yield is_locked
            finally:
                with contextlib.suppress(OSError):
                    path.unlink()
                    # A command that was refused leaves no directory behind.
                    for directory in created:
                        directory.rmdir()
            return


def _lock_file(file, when_held) -> bool:
    if fcntl is None:
        return False
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            when_held(file)
    except OSError:
        # The file system does not support locks.
        return False
    return True


def _holder(file) -> str:
    file.seek(0)
    process = file.read()
    return f"process {process}" if process else "another process"


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
