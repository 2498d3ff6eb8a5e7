"""The files of checkpoints.

A folder of `checkpoints/` holds the newest checkpoints of one name. Each has
`ckpt-STEP.index` and `ckpt-STEP.data-*`, which TensorFlow writes, and
`ckpt-STEP.json` with their sha256 and the run's id. The latter is written last:
without it, writing the checkpoint was interrupted. `checkpoint` names the
newest one, for `tf.train.latest_checkpoint`. `tf.train.CheckpointManager` would
remove an old checkpoint before the checksums of the new one are on disk.
"""

import contextlib
import dataclasses
import functools
import glob
import json
import os
import re
import shutil
from collections.abc import Sequence

from mtl_tf.runs import run_id
from mtl_tf.utils import checksums

CHECKPOINTS_DIR = "checkpoints"
REMEDY = "put back a copy of the file, or train again in another run_dir"
_STATE_FILE = "checkpoint"
# A second checkpoint of the same step has a second number.
_STEM = re.compile(r"ckpt-(\d+)(?:-(\d+))?")


@dataclasses.dataclass(frozen=True)
class CheckpointFiles:
    """The files of one checkpoint, intact or damaged.

    Attributes:
      path: path of the files, without their extensions.
    """

    path: str

    @property
    def stem(self) -> str:
        """The name of the files, such as `ckpt-100`."""
        return os.path.basename(self.path)

    @property
    def step(self) -> int:
        """The number of training steps before the checkpoint."""
        return self.age[0]

    @property
    def age(self) -> tuple[int, int]:
        """A key that sorts the checkpoints of a folder, the oldest first."""
        match = _STEM.fullmatch(self.stem)
        if match is None:
            raise ValueError(f"{self.path}: expected a name like ckpt-100")
        step, version = match.groups("0")
        return int(step), int(version)

    @functools.cached_property
    def damage(self) -> str:
        """A description of the damage; empty for an intact checkpoint."""
        record_path = f"{self.path}.json"
        try:
            with open(record_path, encoding="utf-8") as file:
                record = json.load(file)
            checksums.check(record, record_path, REMEDY)
        except FileNotFoundError:
            return f"{record_path} is missing"
        except ValueError:
            return f"{record_path} is damaged"
        for name, checksum in record["files"].items():
            path = os.path.join(os.path.dirname(self.path), name)
            if not os.path.isfile(path):
                return f"{path} is missing"
            if checksums.sha256(path) != checksum:
                return (
                    f"{path} is damaged (its sha256 is not the one in "
                    f"{os.path.basename(record_path)})"
                )
        run_dir = os.path.normpath(os.path.join(self.path, *3 * [os.pardir]))
        if record.get("run") != run_id.read(run_dir):
            return (
                f"{self.path} is of another run (its id is not the one in "
                f"{run_id.CONFIG_FILE})"
            )
        return ""

    @property
    def data_paths(self) -> list[str]:
        """The paths of the files that TensorFlow has written."""
        path = glob.escape(self.path)
        return sorted(glob.glob(f"{path}.index") + glob.glob(f"{path}.data-*"))


def folder_of(run_dir: str, name: str) -> str:
    """Returns the folder of the checkpoints of a name."""
    return os.path.join(run_dir, CHECKPOINTS_DIR, name)


def find(run_dir: str, name: str) -> list[CheckpointFiles]:
    """Finds the checkpoints of a name, intact or damaged, the newest first."""
    folder = folder_of(run_dir, name)
    paths = glob.glob(os.path.join(glob.escape(folder), "ckpt-*.json"))
    stems = {os.path.basename(path.removesuffix(".json")) for path in paths}
    # This file also names checkpoints whose checksums were removed.
    with contextlib.suppress(OSError):
        with open(os.path.join(folder, _STATE_FILE), "rb") as file:
            text = file.read().decode("utf-8", "replace")
        stems |= set(re.findall(r'^model_\w+: "(.*)"$', text, re.MULTILINE))
    checkpoints = [
        CheckpointFiles(os.path.join(folder, stem))
        for stem in stems
        if _STEM.fullmatch(stem)
    ]
    return sorted(checkpoints, key=lambda x: x.age, reverse=True)


def new(run_dir: str, name: str, step: int) -> CheckpointFiles:
    """Returns the files of a new checkpoint, which do not exist yet.

    A checkpoint of the same step is not replaced in place: an interruption
    must leave it intact.
    """
    versions = [x.age[1] for x in find(run_dir, name) if x.step == step]
    version = 1 + max(versions, default=-1)
    stem = f"ckpt-{step}-{version}" if version else f"ckpt-{step}"
    return CheckpointFiles(os.path.join(folder_of(run_dir, name), stem))


def write_record(checkpoint: CheckpointFiles, run: str | None) -> None:
    """Writes the checksums of a checkpoint once its files are on disk.

    Args:
      checkpoint: the checkpoint.
      run: id of the run.
    """
    digests = {}
    for path in checkpoint.data_paths:
        with open(path, "r+b") as file:
            os.fsync(file.fileno())
        digests[os.path.basename(path)] = checksums.sha256(path)
    record = checksums.sign({"run": run, "files": digests})
    _write(f"{checkpoint.path}.json", json.dumps(record, indent=1))


def write_state(folder: str, checkpoints: Sequence[CheckpointFiles]) -> None:
    """Writes the file by which TensorFlow finds the newest checkpoint.

    Args:
      folder: the folder of the checkpoints.
      checkpoints: its checkpoints, the oldest first.
    """
    stems = [os.path.basename(x.path) for x in checkpoints]
    lines = [f'model_checkpoint_path: "{stem}"\n' for stem in stems[-1:]]
    lines += [f'all_model_checkpoint_paths: "{stem}"\n' for stem in stems]
    _write(os.path.join(folder, _STATE_FILE), "".join(lines))


def remove_others(folder: str, checkpoints: Sequence[CheckpointFiles]) -> None:
    """Removes the files of all checkpoints of a folder except these."""
    kept = {f"{x.path}.json" for x in checkpoints}
    kept.update(path for x in checkpoints for path in x.data_paths)
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        # Other files are not ours.
        if path in kept or not re.match(rf"ckpt-\d|{_STATE_FILE}\.", name):
            continue
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def _write(path, content):
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.part", path)
