"""Locks on directories: two processes would sweep each other's files.

The system itself lets go of a lock when its process ends, however it ends.
Where files cannot be locked, as on some network disks, nothing is kept out.
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
    fcntl = None

LOCK_FILE = "lock"


@contextlib.contextmanager
def hold(run_dir: str) -> Iterator[None]:
    """Keeps other processes out of a run directory.

    Args:
      run_dir: the directory; made, and removed again if it is left empty.

    Raises:
      ValueError: if another process holds the lock, with its number, or the
        directory is a link that leads nowhere.
    """

    def refuse(file):
        raise ValueError(
            f"{run_dir} is in use by {_holder(file)}: wait for it, or give "
            "another run_dir"
        )

    with _lock(pathlib.Path(files.resolve(run_dir), LOCK_FILE), refuse):
        yield


@contextlib.contextmanager
def wait_for(path: str, work: str) -> Iterator[bool]:
    """Holds a lock file, once no other process does.

    Args:
      path: the file; made, and removed at the end. So is its directory, if it
        is left empty.
      work: what the lock is for, for the message to those who wait, such as
        `preparing data/shop`.

    Yields:
      Whether other processes are kept out. They are not where files cannot be
      locked or written.
    """

    def wait(file):
        logging.warning("waiting for %s, which is %s", _holder(file), work)
        fcntl.flock(file, fcntl.LOCK_EX)

    with contextlib.ExitStack() as stack:
        try:
            kept_out = stack.enter_context(_lock(pathlib.Path(path), wait))
        except OSError:
            # Where nothing can be written, what is there can still be read.
            kept_out = False
        yield kept_out


@contextlib.contextmanager
def _lock(path, when_held):
    """Locks a file and removes it at the end.

    Args:
      path: its path.
      when_held: takes the open file, where another process holds the lock;
        raises, or returns once it has the lock.

    Yields:
      Whether the file is locked.
    """
    folder = path.parent
    made = [x for x in (folder, *folder.parents) if not x.exists()]
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            file = path.open("a+", encoding="utf-8")
        except FileNotFoundError:
            # Whoever had it has just removed the directory.
            continue
        with file:
            is_locked = _lock_file(file, when_held)
            # Whoever had it may have removed it since it was opened.
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
                    # What was refused leaves nothing behind.
                    for directory in made:
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
        # The disk knows no locks.
        return False
    return True


def _holder(file) -> str:
    file.seek(0)
    number = file.read()
    return f"process {number}" if number else "another process"


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
