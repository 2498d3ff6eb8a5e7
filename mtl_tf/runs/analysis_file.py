"""The file of a run's analysis."""

import json
import os

ANALYSIS_FILE = "analysis.json"


def read(run_dir: str) -> dict:
    """What `analysis.json` of a run says."""
    with open(os.path.join(run_dir, ANALYSIS_FILE), encoding="utf-8") as file:
        return json.load(file)
