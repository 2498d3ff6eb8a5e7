"""`checksums.json`: whether what an evaluation wrote is what is there.

The report, comparisons and calibrated answers are made of these files. Results
are written last, and their checksum before them: a run that has results has
this file, unless it is of an earlier version.
"""

import glob
import hashlib
import json
import os

from mtl_tf.runs import run_id
from mtl_tf.utils import checksums
from mtl_tf.utils import files

CHECKSUMS_FILE = "checksums.json"
# Of these, those that are there.
_PATTERNS = (
    "history.jsonl",
    "predictions/*.jsonl",
    "features.npz",
    "label_embedding.npz",
)
REMEDY = "--mode=evaluate writes it again"


def write(run_dir: str, results_file: str, results: str) -> None:
    """Writes the checksums of what an evaluation has written.

    Args:
      run_dir: directory of the run.
      results_file: name of the file of results.
      results: what it is going to hold.
    """
    root = glob.escape(run_dir)
    found = {
        os.path.relpath(path, run_dir).replace(os.sep, "/"): checksums.sha256(
            path
        )
        for pattern in _PATTERNS
        for path in sorted(glob.glob(os.path.join(root, pattern)))
    }
    digest = hashlib.sha256(results.encode("utf-8")).hexdigest()
    record = {
        "run": run_id.read(run_dir),
        "files": {**found, results_file: digest},
    }
    with files.atomic_write(os.path.join(run_dir, CHECKSUMS_FILE)) as file:
        json.dump(checksums.sign(record), file, indent=1, ensure_ascii=False)
        file.write("\n")


def check(run_dir: str, name: str) -> None:
    """Checks a file that is there against its checksum.

    Args:
      run_dir: directory of the run.
      name: path of the file in it.

    Raises:
      ValueError: if the file, or the one of checksums, is damaged or of another
        run, with what to do.
    """
    path = os.path.join(run_dir, name)
    if not os.path.exists(path):
        raise ValueError(f"{path} is missing: {REMEDY}")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is no file: remove it; {REMEDY}")
    record = _read(run_dir)
    if record is None:
        return
    name = name.replace(os.sep, "/")
    if record["files"].get(name) != checksums.sha256(path):
        raise ValueError(
            f"{path} was changed after it was written: its sha256 is not the "
            f"one in {CHECKSUMS_FILE}: {REMEDY}"
        )


def _read(run_dir):
    """Returns the checksums; None for a run of a version without them."""
    path = os.path.join(run_dir, CHECKSUMS_FILE)
    this = run_id.read(run_dir)
    if not os.path.lexists(path) and this is None:
        return None
    if not os.path.exists(path):
        raise ValueError(f"{path} is missing: {REMEDY}")
    if not os.path.isfile(path):
        raise ValueError(f"{path} is no file: remove it; {REMEDY}")
    with open(path, encoding="utf-8") as file:
        try:
            record = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}: {REMEDY}") from None
    checksums.check(record, path, REMEDY)
    if record["run"] != this:
        raise ValueError(f"{path} is of another run: {REMEDY}")
    return record
