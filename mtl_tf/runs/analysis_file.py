"""`analysis.json`, the file of a run's analysis."""

import json
import os

from mtl_tf.utils import checksums

ANALYSIS_FILE = "analysis.json"
_REMEDY = "--mode=analyze writes it again"


def read(run_dir: str) -> dict:
    """Reads `analysis.json` of a run.

    Args:
      run_dir: directory of the run.

    Returns:
      The analysis, without its checksum.

    Raises:
      ValueError: if the file is missing or damaged.
    """
    path = os.path.join(run_dir, ANALYSIS_FILE)
    if not os.path.exists(path):
        raise ValueError(f"{path} is missing: {_REMEDY}")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is not a file: remove it; {_REMEDY}")
    with open(path, encoding="utf-8") as file:
        try:
            analysis = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}: {_REMEDY}") from None
    checksums.check(analysis, path, _REMEDY)
    return {
        name: value for name, value in analysis.items() if name != "checksum"
    }
