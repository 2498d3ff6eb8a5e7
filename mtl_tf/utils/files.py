"""Atomic writes of files and folders, and checks that they can be written."""

import contextlib
import errno
import os
import pathlib
import shutil
from collections.abc import Iterator
from typing import IO

# Errors of a full disk or an exhausted quota.
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# Larger than what may fit into the rest of a block in use.
_PROBE = bytes(1 << 16)


def resolve(path: str) -> str:
    """Returns the absolute path without links.

    The target of a link need not exist yet.

    Raises:
      ValueError: if a link leads to itself, or into a folder that does not
        exist, as when its disk is not mounted.
    """
    path = os.path.abspath(path)
    for ancestor in map(str, (path, *pathlib.Path(path).parents)):
        if not os.path.islink(ancestor) or os.path.exists(ancestor):
            continue
        target = os.path.realpath(ancestor)
        if os.path.islink(target):
            raise ValueError(f"{ancestor} is a link that leads to itself")
        if not os.path.isdir(os.path.dirname(target)):
            raise ValueError(
                f"{ancestor} is a link to {target}, and there is no folder "
                f"{os.path.dirname(target)}"
            )
    return os.path.realpath(path)


@contextlib.contextmanager
def atomic_write(path: str, *, binary: bool = False) -> Iterator[IO]:
    """Opens a file that replaces the one at `path` once it is complete.

    A link is kept, and its target replaced. A pipe or a device is written to
    directly. After an error the old file is unchanged.

    Args:
      path: the file.
      binary: whether bytes are written instead of text.

    Yields:
      The open file.

    Raises:
      ValueError: as `resolve`, or if the path is a directory.
    """
    if os.path.isdir(path):
        raise ValueError(f"{path} is a directory, not a file")
    mode, encoding = ("wb", None) if binary else ("w", "utf-8")
    if os.path.exists(path) and not os.path.isfile(path):
        with open(path, mode, encoding=encoding) as file:
            yield file
        return
    folder, name = os.path.split(resolve(path))
    os.makedirs(folder, exist_ok=True)
    # Hidden, and named by the process: no other one writes to it.
    part = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        with _naming(path), open(part, mode, encoding=encoding) as file:
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
    """Replaces a folder by a new one.

    Args:
      folder: path without links (see `resolve`); it need not exist.
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
    """Returns why no file can be created in a folder; "" if it can.

    Args:
      folder: its path. If it does not exist, its nearest ancestor that does is
        checked.
    """
    existing = os.path.realpath(folder)
    while not os.path.exists(existing):
        existing = os.path.dirname(existing)
    if not os.path.isdir(existing):
        return f"{existing} is a file"
    if os.access(existing, os.W_OK | os.X_OK):
        return ""
    if os.statvfs(existing).f_flag & os.ST_RDONLY:
        return f"{existing} is read-only"
    return f"{existing} cannot be written to: permission denied"


def check_space(folder: str) -> None:
    """Checks that there is space for a few more blocks in a folder.

    Raises:
      OSError: with a code of `NO_SPACE` if there is not.
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
    """Adds the path to errors of a full disk that have none."""
    try:
        yield
    except OSError as error:
        if error.errno in NO_SPACE and error.filename is None:
            error.filename = path
        raise
