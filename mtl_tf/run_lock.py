"""A lock on a run directory: two processes would sweep each other's files."""

import contextlib
import os
import pathlib
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # Windows has none.
    fcntl = None

LOCK_FILE = "lock"


@contextlib.contextmanager
def hold(run_dir: str) -> Iterator[None]:
    """Keeps other processes out of a run directory.

    The system itself lets go of the lock when the process ends, however it
    ends. Where files cannot be locked, as on some network disks, nothing is
    kept out.

    Args:
      run_dir: the directory; made, and removed again if it is left empty.

    Raises:
      ValueError: if another process holds the lock, with its number.
    """
    folder = pathlib.Path(run_dir)
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    with _lock(folder) as path:
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                path.unlink()
                # What was refused leaves nothing behind.
                for directory in made:
                    directory.rmdir()


@contextlib.contextmanager
def _lock(folder):
    """Locks a file in a directory; its path."""
    path = folder / LOCK_FILE
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        with path.open("a+", encoding="ascii") as file:
            _lock_file(file, folder)
            # Whoever had it may have removed it since it was opened.
            if not _is_at(file, path):
                continue
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield path
            return


def _lock_file(file, folder):
    if fcntl is None:
        return
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        number = file.read()
        raise ValueError(
            f"{folder} is in use by "
            f"{f'process {number}' if number else 'another process'}: wait for "
            "it, or give another run_dir"
        ) from None
    except OSError:
        # The disk knows no locks.
        return


def _is_at(file, path):
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False
