"""`analysis.json`, the file of a run's analysis."""

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
    analysis = checksums.read(os.path.join(run_dir, ANALYSIS_FILE), _REMEDY)
    return {
        name: value for name, value in analysis.items() if name != "checksum"
    }
