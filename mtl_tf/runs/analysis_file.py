"""`analysis.json`, the file of a run's analysis."""

import os

from mtl_tf.utils import checksums

ANALYSIS_FILE = "analysis.json"
# Section of the text that was analyzed last.
TEXT = "text"
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


def read_sections(run_dir: str) -> dict:
    """Reads the sections of `analysis.json`; empty if there is no such file.

    Raises:
      ValueError: if the file is damaged.
    """
    if not os.path.exists(os.path.join(run_dir, ANALYSIS_FILE)):
        return {}
    analysis = read(run_dir)
    del analysis["schema"]
    return analysis


def read_text(run_dir: str) -> dict | None:
    """Reads the text of an analysis; None without one.

    A new analysis of the run replaces the file and keeps the text: a damaged
    file counts as none.
    """
    try:
        return read_sections(run_dir).get(TEXT)
    except ValueError:
        return None
