"""The id of a run, which its files have in common.

`config.json` has it from the first start. Checkpoints and `checksums.json` have
it, too: those of another run may fit the model, but give other predictions.
"""

import json
import os
import secrets

CONFIG_FILE = "config.json"
KEY = "id"
_RANDOM_BYTES = 8


def new() -> str:
    """Returns the id of a new run."""
    return secrets.token_hex(_RANDOM_BYTES)


def read(run_dir: str) -> str | None:
    """Returns the id of a run; None if it cannot be read.

    Damage to `config.json` is reported by `run_directory.read_config`.
    """
    try:
        with open(os.path.join(run_dir, CONFIG_FILE), encoding="utf-8") as file:
            record = json.load(file)
    except (OSError, ValueError):
        return None
    return record.get(KEY) if isinstance(record, dict) else None
