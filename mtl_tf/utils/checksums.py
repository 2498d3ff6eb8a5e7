"""Checksums that detect changes of files."""

import hashlib
import json
import os
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


def read(path: str, remedy: str) -> dict:
    """Reads a JSON file whose object `sign` returned.

    Args:
      path: the file.
      remedy: what to do about a missing or changed file, for the message.

    Returns:
      The object, with its checksum.

    Raises:
      ValueError: if the file is missing, is not JSON, or was changed.
    """
    if not os.path.exists(path):
        raise ValueError(f"{path} is missing: {remedy}")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is not a file: remove it; {remedy}")
    with open(path, encoding="utf-8") as file:
        try:
            value = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}: {remedy}") from None
    check(value, path, remedy)
    return value


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
