"""Files that are written as a whole, through links, and where they can be."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import IO

# Errors of a disk, or a user's share of it, that takes no more.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# More than the rest of a block that is in use may take.
_PROBE = bytes(1 << 16)


def resolve(path: str) -> str:
    """Returns the absolute path that a path leads to, without links.

    A link may lead to what does not exist yet: it is made there.

    Raises:
      ValueError: if a link leads to itself, or into a folder that does not
        exist, as when its disk is not mounted.
    """
    path = os.path.abspath(path)
    for place in map(str, (path, *pathlib.Path(path).parents)):
        if not os.path.islink(place) or os.path.exists(place):
            continue
        target = os.path.realpath(place)
        if os.path.islink(target):
            raise ValueError(f"{place} is a link that leads to itself")
        if not os.path.isdir(os.path.dirname(target)):
            raise ValueError(
                f"{place} is a link to {target}, and there is no folder "
                f"{os.path.dirname(target)}"
            )
    return os.path.realpath(path)


@contextlib.contextmanager
def atomic_write(path: str) -> Iterator[IO[str]]:
    """Opens a text file that replaces the one at `path` once it is whole.

    A link stays, and the file that it leads to is replaced. A pipe or a device
    is written to as it is. After an error the old file is still there.

    Raises:
      ValueError: as `resolve`, or if a directory is there.
    """
    if os.path.isdir(path):
        raise ValueError(f"{path} is a directory, not a file")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, "w", encoding="utf-8") as file:
            yield file
        return
    folder, name = os.path.split(resolve(path))
    os.makedirs(folder, exist_ok=True)
    # Hidden, with the process: nobody else writes to a file of that name.
    part = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        with _naming(path), open(part, "w", encoding="utf-8") as file:
            yield file
        os.replace(part, os.path.join(folder, name))
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.remove(part)


def sibling(folder: str, kind: str) -> str:
    """Returns the path of a hidden folder next to another, `.NAME.KIND`."""
    parent, name = os.path.split(folder)
    return os.path.join(parent, f".{name}.{kind}")


def replace_folder(folder: str, new: str) -> None:
    """Puts a new folder in the place of another, which is removed.

    Args:
      folder: the place, a path without links (see `resolve`).
      new: the new folder, on the same file system.
    """
    old = sibling(folder, "old")
    if os.path.islink(old):
        os.remove(old)
    shutil.rmtree(old, ignore_errors=True)
    if os.path.isdir(folder):
        os.rename(folder, old)
    try:
        os.rename(new, folder)
    except BaseException:
        if os.path.isdir(old) and not os.path.lexists(folder):
            os.rename(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


def why_not_writable(folder: str) -> str:
    """Returns why no file can be made in a folder; nothing if it can.

    Args:
      folder: its path. Where it does not exist, the nearest folder above it
        has to take a new one.
    """
    place = os.path.realpath(folder)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    if not os.path.isdir(place):
        return f"{place} is a file"
    if os.access(place, os.W_OK | os.X_OK):
        return ""
    if os.statvfs(place).f_flag & os.ST_RDONLY:
        return f"{place} is read-only"
    return f"{place} cannot be written to: permission denied"


def check_space(folder: str) -> None:
    """Checks that a folder takes a few blocks more.

    Raises:
      OSError: with a code of `NO_SPACE` if it does not.
    """
    path = os.path.join(folder, f".space.{os.getpid()}.part")
    try:
        with _naming(path), open(path, "wb") as file:
            file.write(_PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        if error.errno in NO_SPACE:
            raise
    finally:
        with contextlib.suppress(OSError):
            os.remove(path)


@contextlib.contextmanager
def _naming(path):
    """Adds the path to errors of a full disk, where writing left it out."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE and error.filename is None:
            error.filename = path
        raise
