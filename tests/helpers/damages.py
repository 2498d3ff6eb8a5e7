"""Damage to a file, as by disks, crashes and edits."""

import pathlib


def _truncate(path: pathlib.Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path: pathlib.Path) -> None:
    """Flips one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _overwrite(path: pathlib.Path) -> None:
    path.write_bytes(b"\xff\x00garbage" * 7)


def _empty(path: pathlib.Path) -> None:
    path.write_bytes(b"")


# Functions of a path, by name.
DAMAGES = {
    "truncated": _truncate,
    "flipped": _flip,
    "overwritten": _overwrite,
    "emptied": _empty,
    "removed": pathlib.Path.unlink,
}
