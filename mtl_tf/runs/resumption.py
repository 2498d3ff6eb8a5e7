"""Where a run that was interrupted goes on.

A run goes on from its newest last checkpoint that is whole, as are the others
that training will read: the best one as of then, and those of earlier phases.
A run that has begun and has no such checkpoint is refused: to begin again in
its directory would replace its history.
"""

import dataclasses
import math
import os
from collections.abc import Sequence

from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory


@dataclasses.dataclass(frozen=True)
class Start:
    """The checkpoints that a run goes on from.

    Attributes:
      kept: by name, the newest checkpoint as of then.
      faults: what is damaged of those that were saved later.
    """

    kept: dict[str, checkpoints.Kept]
    faults: tuple[str, ...]


def find(run_dir: str, phases: Sequence[str]) -> Start | None:
    """Returns where a run goes on; writes nothing.

    Args:
      run_dir: directory of the run.
      phases: its phases of training.

    Returns:
      None for a run that has not come to the end of its first epoch.

    Raises:
      ValueError: if it has, and none of its last checkpoints can be read; with
        the files that are damaged.
    """
    candidates = checkpoints.find(run_dir, checkpoints.LAST)
    history = os.path.join(run_dir, history_lib.HISTORY_FILE)
    has_history = os.path.exists(history) and os.path.getsize(history)
    if not candidates and not has_history:
        return None
    begin = f"remove {run_dir} or give another run_dir"
    config = os.path.join(run_dir, run_directory.CONFIG_FILE)
    if not os.path.exists(config):
        # Other settings would go on with it, and nobody would know.
        raise ValueError(
            f"{config} is missing, and {run_dir} holds a run: put back a copy "
            f"of the file; to begin again, {begin}"
        )
    faults = []
    for last in candidates:
        start = {checkpoints.LAST: last}
        fault = last.damage or _find_others(run_dir, phases, start)
        if not fault:
            return Start(start, tuple(faults))
        faults.append(fault)
    if not faults:
        folder = checkpoints.folder_of(run_dir, checkpoints.LAST)
        faults = [f"{folder} holds no checkpoint, and {history} holds epochs"]
    raise ValueError(
        f"{'; '.join(faults)}; {checkpoints.describe_whole(run_dir)}: put back "
        f"copies of the files to go on; to begin again, {begin}"
    )


def _find_others(run_dir, phases, start):
    """Adds the other checkpoints to `start`; returns what is damaged."""
    last = start[checkpoints.LAST]
    fit = checkpoints.read_kept(last, ["fit"]).parts["fit"]
    needed = {
        checkpoints.best_of(phase): last.step
        for phase in phases[: fit["phase"]]
    }
    # At the beginning of a phase there is no best epoch yet.
    has_best = math.isfinite(fit["best_score"])
    needed[checkpoints.BEST] = last.step
    if has_best:
        steps = {
            line["epoch"]: line["step"]
            for line in history_lib.parse_history(fit["history"])
        }
        needed[checkpoints.BEST] = steps[fit["best_epoch"]]
    for name, step in needed.items():
        found = [x for x in checkpoints.find(run_dir, name) if x.step <= step]
        if found:
            start[name] = found[0]
        if name == checkpoints.BEST and not has_best:
            continue
        folder = checkpoints.folder_of(run_dir, name)
        if not found:
            return f"{folder} holds no checkpoint"
        if found[0].damage:
            return found[0].damage
        if name == checkpoints.BEST and found[0].step != step:
            return f"{os.path.join(folder, f'ckpt-{step}')} is missing"
    return ""
