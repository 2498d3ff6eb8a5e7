"""Resumption of an interrupted run.

A run resumes from the newest of its last checkpoints that is intact, together
with the other checkpoints that training will read: the best one at that time,
and those of earlier phases. If there is none although training has started, it
is an error: a new start in the same directory would overwrite the history.
"""

import dataclasses
import math
import os
from collections.abc import Sequence

from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import run_directory


@dataclasses.dataclass(frozen=True)
class ResumePoint:
    """The checkpoints from which a run resumes.

    Attributes:
      saved: by name, the newest checkpoint at that time.
      faults: descriptions of the damage in later checkpoints.
    """

    saved: dict[str, checkpoint_files.CheckpointFiles]
    faults: tuple[str, ...]


def find(run_dir: str, phases: Sequence[str]) -> ResumePoint | None:
    """Finds the checkpoints from which a run resumes; writes nothing.

    Args:
      run_dir: directory of the run.
      phases: its phases of training.

    Returns:
      The checkpoints; None if the run has not finished its first epoch.

    Raises:
      ValueError: if it has, and none of its last checkpoints can be read. The
        message names the damaged files.
    """
    candidates = checkpoint_files.find(run_dir, checkpoints.LAST)
    history = os.path.join(run_dir, history_lib.HISTORY_FILE)
    has_history = os.path.exists(history) and os.path.getsize(history)
    if not candidates and not has_history:
        return None
    restart = f"remove {run_dir} or give another run_dir"
    config = os.path.join(run_dir, run_directory.CONFIG_FILE)
    if not os.path.exists(config):
        # Without it, changed settings would go unnoticed.
        raise ValueError(
            f"{config} is missing, and {run_dir} holds a run: put back a copy "
            f"of the file; to start again, {restart}"
        )
    faults: list[str] = []
    for last in candidates:
        others, fault = {}, last.damage
        if not fault:
            others, fault = _find_others(run_dir, phases, last)
        if not fault:
            saved = {checkpoints.LAST: last, **others}
            return ResumePoint(saved, tuple(faults))
        faults.append(fault)
    if not faults:
        folder = checkpoint_files.folder_of(run_dir, checkpoints.LAST)
        faults = [f"{folder} holds no checkpoint, and {history} holds epochs"]
    raise ValueError(
        f"{'; '.join(faults)}; {checkpoints.describe_intact(run_dir)}: put "
        f"back copies of the files to continue; to start again, {restart}"
    )


def _find_others(run_dir, phases, last):
    """Finds the other checkpoints at the time of a last checkpoint.

    Returns:
      Checkpoints by name, and a description of the damage; empty if there is
      none.
    """
    state = checkpoints.read_values(last, ["loop"]).parts["loop"]
    steps = {
        checkpoints.best_of(phase): last.step
        for phase in phases[: state["phase"]]
    }
    steps[checkpoints.BEST] = last.step
    # A phase that has just begun has no best epoch yet.
    has_best = math.isfinite(state["best_score"])
    if has_best:
        step_by_epoch = {
            line["epoch"]: line["step"]
            for line in history_lib.parse_history(state["history"])
        }
        steps[checkpoints.BEST] = step_by_epoch[state["best_epoch"]]
    others = {}
    for name, step in steps.items():
        candidates = [
            saved
            for saved in checkpoint_files.find(run_dir, name)
            if saved.step <= step
        ]
        if candidates:
            others[name] = candidates[0]
        if name == checkpoints.BEST and not has_best:
            continue
        folder = checkpoint_files.folder_of(run_dir, name)
        if not candidates:
            return others, f"{folder} holds no checkpoint"
        if candidates[0].damage:
            return others, candidates[0].damage
        if name == checkpoints.BEST and candidates[0].step != step:
            path = os.path.join(folder, f"ckpt-{step}")
            return others, f"{path} is missing"
    return others, ""
