"""Small disks and read-only directories, if the system permits them."""

import contextlib
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest


@contextlib.contextmanager
def small(folder: pathlib.Path, size: str) -> Iterator[pathlib.Path]:
    """Mounts a disk of a size (`100k`); skips the test if this fails."""
    folder.mkdir()
    _mount(folder, "-t", "tmpfs", "-o", f"size={size}", "tmpfs")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def grow(folder: pathlib.Path, size: str) -> None:
    """Changes the size of a small disk."""
    _mount(folder, "-o", f"remount,size={size}")


@contextlib.contextmanager
def read_only(folder: pathlib.Path) -> Iterator[None]:
    """Makes a directory read-only within the context.

    Permissions do not restrict root, who can mount instead. Skips the test if
    neither is possible.
    """
    if os.geteuid():
        modes = {x: x.stat().st_mode for x in (folder, *folder.rglob("*"))}
        for path in modes:
            path.chmod(path.stat().st_mode & ~0o222)
        try:
            yield
        finally:
            for path, mode in modes.items():
                path.chmod(mode)
        return
    _mount(folder, "--bind", str(folder))
    try:
        _mount(folder, "-o", "remount,ro,bind")
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def _mount(folder, *arguments):
    try:
        done = subprocess.run(
            ["mount", *arguments, folder], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("there is no program `mount`")
    if done.returncode:
        pytest.skip(f"mounting is not permitted: {done.stderr.strip()}")
