"""Checkpoints whose parts have names, and that miss nothing.

`tf.train.Checkpoint(model=..., optimizer=...)` leaves out the seed states of
dropout, and the heads of models that keep them in a list, and
`assert_consumed` passes all the same. Here every variable is put in by name,
and the tasks with their labels, by which weights are ordered.

A folder of `checkpoints/` holds the newest checkpoints of one name. Each is
`ckpt-STEP.index` and `ckpt-STEP.data-*`, as TensorFlow writes them, and
`ckpt-STEP.json` with their sha256 and the run's id, which is written last: a
checkpoint without it is one whose writing was interrupted. `checkpoint` names
the newest, for `tf.train.latest_checkpoint`. `tf.train.CheckpointManager` would
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
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_id
from mtl_tf.utils import checksums

_VALUE = "/.ATTRIBUTES/VARIABLE_VALUE"
_CHECKPOINTS_DIR = "checkpoints"
LAST = "last"
BEST = "best"
_STATE_FILE = "checkpoint"
# A step that is saved again has a second number.
_STEM = re.compile(r"ckpt-(\d+)(?:-(\d+))?")
_REMEDY = "put back a copy of the file, or train again in another run_dir"


def best_of(phase: str) -> str:
    """Name of the best checkpoint of a phase that others follow."""
    return f"{BEST}_{phase}"


@dataclasses.dataclass(frozen=True)
class Kept:
    """A checkpoint in a run directory, whole or damaged.

    Attributes:
      path: path of its files, without their endings.
    """

    path: str

    @property
    def step(self) -> int:
        """The number of training steps before it."""
        return self.age[0]

    @property
    def age(self) -> tuple[int, int]:
        """A key that sorts the checkpoints of a folder, the oldest first."""
        step, again = _STEM.fullmatch(os.path.basename(self.path)).groups("0")
        return int(step), int(again)

    @functools.cached_property
    def damage(self) -> str:
        """The file that is damaged, and how; empty for a whole checkpoint."""
        record = f"{self.path}.json"
        try:
            with open(record, encoding="utf-8") as file:
                found = json.load(file)
            checksums.check(found, record, _REMEDY)
        except FileNotFoundError:
            return f"{record} is missing"
        except ValueError:
            return f"{record} is damaged"
        declared = found["files"]
        for name, checksum in declared.items():
            path = os.path.join(os.path.dirname(self.path), name)
            if not os.path.isfile(path):
                return f"{path} is missing"
            if checksums.sha256(path) != checksum:
                return (
                    f"{path} is damaged (its sha256 is not the one in "
                    f"{os.path.basename(record)})"
                )
        run_dir = os.path.normpath(os.path.join(self.path, *3 * [os.pardir]))
        if found.get("run") != run_id.read(run_dir):
            return (
                f"{self.path} is of another run (its id is not the one in "
                f"{run_id.CONFIG_FILE})"
            )
        return ""


def find(run_dir: str, name: str) -> list[Kept]:
    """Returns the checkpoints of a name, whole or damaged, the newest first."""
    folder = folder_of(run_dir, name)
    paths = glob.glob(os.path.join(glob.escape(folder), "ckpt-*.json"))
    stems = {os.path.basename(path.removesuffix(".json")) for path in paths}
    # One whose file of checksums was removed is named here.
    with contextlib.suppress(OSError):
        with open(os.path.join(folder, _STATE_FILE), "rb") as file:
            text = file.read().decode("utf-8", "replace")
        stems |= set(re.findall(r'^model_\w+: "(.*)"$', text, re.MULTILINE))
    kept = [
        Kept(os.path.join(folder, stem))
        for stem in stems
        if _STEM.fullmatch(stem)
    ]
    return sorted(kept, key=lambda x: x.age, reverse=True)


def describe_whole(run_dir: str) -> str:
    """Returns which checkpoints of a run can be read, for a message."""
    folder = os.path.join(run_dir, _CHECKPOINTS_DIR)
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    whole = [
        f"{os.path.relpath(kept.path, run_dir)} (epoch {_epoch(kept)})"
        for name in names
        for kept in find(run_dir, name)
        if not kept.damage
    ]
    return f"whole checkpoints: {', '.join(whole) or 'none'}"


class Checkpoints:
    """The checkpoints of a run, the newest few of each name.

    Args:
      run_dir: directory of the run.
      parts: variables by part and name.
      tasks: the tasks, in the order of their numbers.
      names: names of the checkpoints: `LAST`, `BEST`, `best_of` phases.
      keep: number of steps of each name whose checkpoints are kept. The best
        ones are as many as the last ones: a run that goes on from an older
        last checkpoint needs what was the best one then.
    """

    def __init__(
        self,
        run_dir: str,
        parts: Mapping[str, Mapping[str, tf.Variable]],
        tasks: Sequence[tasks_lib.Task],
        names: Sequence[str] = (LAST, BEST),
        keep: int = 2,
    ):
        self._run_dir = run_dir
        self._labels = {task.name: list(task.labels) for task in tasks}
        self._checkpoint = tf.train.Checkpoint(
            tasks=tf.Variable(json.dumps(self._labels)),
            **{part: dict(variables) for part, variables in parts.items()},
        )
        self._names = tuple(names)
        self._keep = keep

    def save(self, name: str, step: int) -> None:
        """Writes a checkpoint, and removes those that it replaces."""
        folder = folder_of(self._run_dir, name)
        os.makedirs(folder, exist_ok=True)
        kept = [x for x in find(self._run_dir, name) if x.step <= step]
        # Not in place: an interruption must leave the one before.
        again = 1 + max((x.age[1] for x in kept if x.step == step), default=-1)
        stem = f"ckpt-{step}-{again}" if again else f"ckpt-{step}"
        new = Kept(os.path.join(folder, stem))
        self._checkpoint.write(new.path)
        _record(new, run_id.read(self._run_dir))
        newest = {x.step: x for x in reversed([new, *kept])}
        steps = sorted(newest)[-self._keep :]
        _write_state(folder, [newest[x] for x in steps])
        _remove_leftovers(folder, [newest[x] for x in steps])

    def check(self, names: Sequence[str]) -> None:
        """Checks that the newest checkpoint of each of these names is whole.

        Raises:
          ValueError: if one is missing or damaged.
        """
        for name in names:
            _newest(self._run_dir, name)

    def restore(self, name: str, kept: Kept | None = None) -> None:
        """Reads every variable back.

        Args:
          name: which checkpoint.
          kept: which one of that name; None: the newest.

        Raises:
          ValueError: if there is no such checkpoint, it is damaged or of
            other tasks or labels, or its variables are others.
        """
        path = (kept or _newest(self._run_dir, name)).path
        with _naming_damage(path):
            labels = _read_labels(tf.train.load_checkpoint(path))
        check_labels(path, labels, self._labels)
        with _naming_damage(path):
            try:
                # Fails for variables that are missing on either side.
                self._checkpoint.read(path).assert_consumed()
            except (AssertionError, ValueError) as error:
                raise ValueError(
                    f"{path} is of another model: {str(error).splitlines()[0]}"
                ) from None

    def sweep(self, start: Mapping[str, Kept]) -> None:
        """Removes what a run that goes on from here has no use for.

        That is what was saved after the start, and what interrupted writes
        have left behind.

        Args:
          start: by name, the newest checkpoint of the run as it goes on.
        """
        for name in self._names:
            folder = folder_of(self._run_dir, name)
            if not os.path.isdir(folder):
                continue
            kept = [
                x
                for x in reversed(find(self._run_dir, name))
                if name in start and x.age <= start[name].age
            ]
            _write_state(folder, kept)
            _remove_leftovers(folder, kept)


@dataclasses.dataclass(frozen=True)
class Saved:
    """The values of a checkpoint, without the variables that they were of.

    Attributes:
      path: where it is, for messages.
      labels: the labels of each task, both in the order of their numbers.
      parts: arrays by part (`model`, `discriminator` and others) and name.
    """

    path: str
    labels: dict[str, list[str]]
    parts: dict[str, dict[str, np.ndarray]]

    def check_tasks(self, tasks: Sequence[tasks_lib.Task]) -> None:
        """Checks that the weights are those of these tasks and labels.

        Raises:
          ValueError: if they are others, or in another order.
        """
        wanted = {task.name: list(task.labels) for task in tasks}
        check_labels(self.path, self.labels, wanted)


def read(run_dir: str, name: str, part_names: Sequence[str]) -> Saved:
    """Reads parts of the newest checkpoint of a name.

    Args:
      run_dir: directory of the run.
      name: which checkpoint.
      part_names: which parts; one that is not there is left out.

    Raises:
      ValueError: if there is no such checkpoint, or it is damaged.
    """
    return read_kept(_newest(run_dir, name), part_names)


def read_kept(kept: Kept, part_names: Sequence[str]) -> Saved:
    """Reads parts of a checkpoint; its files are not checked.

    Raises:
      ValueError: if TensorFlow cannot read it.
    """
    parts = {}
    with _naming_damage(kept.path):
        reader = tf.train.load_checkpoint(kept.path)
        for key in reader.get_variable_to_shape_map():
            part, *rest = key.removesuffix(_VALUE).split("/")
            if part in part_names and key.endswith(_VALUE):
                # TensorFlow writes a slash within a name as .S, a dot as two.
                variable = rest[0].replace("..", "\0").replace(".S", "/")
                variable = variable.replace("\0", ".")
                parts.setdefault(part, {})[variable] = reader.get_tensor(key)
        return Saved(kept.path, _read_labels(reader), parts)


def check_labels(
    path: str, found: Mapping[str, list[str]], wanted: Mapping[str, list[str]]
) -> None:
    """Checks the tasks and labels that a checkpoint was trained on.

    Args:
      path: the checkpoint, for messages.
      found: the labels of each task there; the order counts.
      wanted: those that are expected.

    Raises:
      ValueError: if they differ.
    """
    if list(found) != list(wanted):
        raise ValueError(
            f"{path} is of the tasks {', '.join(found)}, not of "
            f"{', '.join(wanted)}"
        )
    for task, labels in wanted.items():
        if found[task] != labels:
            raise ValueError(
                f"{path} was trained with the labels {found[task]} of task "
                f"{task}, not with {labels}: labels and their order have to "
                "be the same"
            )


def folder_of(run_dir: str, name: str) -> str:
    """Returns the folder of the checkpoints of a name."""
    return os.path.join(run_dir, _CHECKPOINTS_DIR, name)


def _newest(run_dir, name):
    """The newest checkpoint of a name, if it is whole."""
    kept = find(run_dir, name)
    if not kept:
        raise ValueError(f"{folder_of(run_dir, name)} holds no checkpoint")
    if kept[0].damage:
        raise ValueError(
            f"{kept[0].damage}; {describe_whole(run_dir)}: {_REMEDY}"
        )
    return kept[0]


def _epoch(kept):
    """The epoch of a checkpoint, `?` if it does not hold it."""
    fit = read_kept(kept, ["fit"]).parts.get("fit", {})
    return fit.get("epoch", "?")


def _record(kept, run):
    """Writes the checksums of a checkpoint, once its files are on disk."""
    declared = {}
    for path in _data_files(kept):
        with open(path, "r+b") as file:
            os.fsync(file.fileno())
        declared[os.path.basename(path)] = checksums.sha256(path)
    record = checksums.sign({"run": run, "files": declared})
    _write(f"{kept.path}.json", json.dumps(record, indent=1))


def _data_files(kept):
    path = glob.escape(kept.path)
    return sorted(glob.glob(f"{path}.index") + glob.glob(f"{path}.data-*"))


def _write_state(folder, kept):
    """Writes the file by which TensorFlow finds the newest checkpoint."""
    stems = [os.path.basename(x.path) for x in kept]
    lines = [f'model_checkpoint_path: "{stem}"\n' for stem in stems[-1:]]
    lines += [f'all_model_checkpoint_paths: "{stem}"\n' for stem in stems]
    _write(os.path.join(folder, _STATE_FILE), "".join(lines))


def _write(path, content):
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(f"{path}.part", path)


def _remove_leftovers(folder, kept):
    """Removes all files of checkpoints but those of `kept`."""
    files = {f"{x.path}.json" for x in kept}
    files.update(path for x in kept for path in _data_files(x))
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        # What else is there is not ours.
        if path in files or not re.match(rf"ckpt-\d|{_STATE_FILE}\.", name):
            continue
        if os.path.isdir(path):
            shutil.rmtree(path)
        else:
            os.remove(path)


def last_step(run_dir: str) -> int:
    """Returns the step of the last checkpoint of a run; 0 if it has none."""
    return max((kept.step for kept in find(run_dir, LAST)), default=0)


@contextlib.contextmanager
def _naming_damage(path):
    """Says which files are damaged: TensorFlow's errors often do not."""
    try:
        yield
    except (tf.errors.OpError, UnicodeDecodeError) as error:
        raise ValueError(
            f"{path} is damaged ({str(error).splitlines()[0]}): {_REMEDY}"
        ) from None


def _read_labels(reader):
    return json.loads(reader.get_tensor(f"tasks{_VALUE}"))
