"""Checksums that detect changes of files."""

import hashlib
import json
from collections.abc import Mapping

_KEY = "checksum"


def sha256(path: str) -> str:
    """Returns the sha256 of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sign(value: Mapping) -> dict:
    """Adds a checksum of all entries to a JSON object; returns a copy."""
    entries = {name: entry for name, entry in value.items() if name != _KEY}
    return {**entries, _KEY: _of_entries(entries)}


def check(value: Mapping, path: str, remedy: str) -> None:
    """Checks an object that `sign` returned against its checksum.

    Args:
      value: the object that was read.
      path: its file, for the message.
      remedy: what to do about a changed file, for the message.

    Raises:
      ValueError: if the checksum is missing or does not match.
    """
    if not isinstance(value, Mapping) or _KEY not in value:
        raise ValueError(f"{path}: {_KEY!r} is missing: {remedy}")
    if sign(value)[_KEY] != value[_KEY]:
        raise ValueError(
            f"{path} was changed after it was written: its checksum does not "
            f"match its content: {remedy}"
        )


def _of_entries(entries):
    canonical = json.dumps(entries, sort_keys=True)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()
