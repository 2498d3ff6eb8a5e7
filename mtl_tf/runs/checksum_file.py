"""`checksums.json`, the checksums of the files of an evaluation.

The report, comparisons and calibration use these files. Their checksums are
written before the results, which come last: a run with results has this file.
"""

import glob
import hashlib
import json
import os

from mtl_tf.runs import run_id
from mtl_tf.utils import checksums
from mtl_tf.utils import files

CHECKSUMS_FILE = "checksums.json"
# Some of these files may be missing.
_PATTERNS = (
    "history.jsonl",
    "predictions/*.jsonl",
    "features.npz",
    "label_embedding.npz",
    "affinity.json",
)
REMEDY = "--mode=evaluate writes it again"


def write(run_dir: str, results_file: str, results: str) -> None:
    """Writes the checksums of the files of an evaluation.

    Args:
      run_dir: directory of the run.
      results_file: name of the results file.
      results: the future content of the results file.
    """
    root = glob.escape(run_dir)
    digests = {
        os.path.relpath(path, run_dir).replace(os.sep, "/"): checksums.sha256(
            path
        )
        for pattern in _PATTERNS
        for path in sorted(glob.glob(os.path.join(root, pattern)))
    }
    results_digest = hashlib.sha256(results.encode("utf-8")).hexdigest()
    record = {
        "run": run_id.read(run_dir),
        "files": {**digests, results_file: results_digest},
    }
    with files.atomic_write(os.path.join(run_dir, CHECKSUMS_FILE)) as file:
        json.dump(checksums.sign(record), file, indent=1, ensure_ascii=False)
        file.write("\n")


def check(run_dir: str, name: str) -> None:
    """Checks a file against its checksum.

    Args:
      run_dir: directory of the run.
      name: path of the file in the run directory.

    Raises:
      ValueError: if the file or `checksums.json` is missing, damaged or of
        another run.
    """
    path = os.path.join(run_dir, name)
    if not os.path.exists(path):
        raise ValueError(f"{path} is missing: {REMEDY}")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is not a file: remove it; {REMEDY}")
    record = checksums.read(os.path.join(run_dir, CHECKSUMS_FILE), REMEDY)
    if record["run"] != run_id.read(run_dir):
        raise ValueError(
            f"{os.path.join(run_dir, CHECKSUMS_FILE)} is of another run: "
            f"{REMEDY}"
        )
    name = name.replace(os.sep, "/")
    if record["files"].get(name) != checksums.sha256(path):
        raise ValueError(
            f"{path} was changed after it was written: its sha256 is not the "
            f"one in {CHECKSUMS_FILE}: {REMEDY}"
        )
