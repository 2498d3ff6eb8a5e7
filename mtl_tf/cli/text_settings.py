"""Checks of the analysis of a text, which do not import TensorFlow."""

from collections.abc import Sequence

from mtl_tf.config import command as command_lib
from mtl_tf.runs import run_directory

# Encoders of a model, by sharing.
_ENCODERS = {
    "shared_private": ("shared", "private"),
    "fully_shared": ("shared",),
    "single_task": ("private",),
}


def reads_pairs(run: run_directory.Run, task_name: str) -> bool:
    """Returns whether a run reads both texts of the pairs of a task."""
    task = next(task for task in run.tasks if task.name == task_name)
    return task.pair and run.config.sequences == "both"


def check(
    command: command_lib.Command, runs: Sequence[run_directory.Run]
) -> None:
    """Checks that runs can analyze the text of a command.

    Args:
      command: settings of the command, with a text and a task.
      runs: the run, or several runs to compare.

    Raises:
      ValueError: if a run does not have the task, or has several seeds; if the
        runs have different labels; if the task has pairs, but there is no first
        text, or vice versa; or if the run does not have the neurons.
    """
    for run in runs:
        run.check_task(command.task)
        if run.config.num_runs > 1:
            raise ValueError(
                f"{run.run_dir} contains a run for each seed: choose one of "
                f"{', '.join(run.parts.values())}"
            )
    if command.runs:
        _check_labels(command, runs)
    _check_seq1(command, runs)
    for run in runs:
        _check_neurons(command, run)


def _check_labels(command, runs):
    """Checks that there are several runs, whose labels are the same."""
    if len(runs) < 2:
        raise ValueError(
            f"--runs={','.join(command.runs)}: expected at least 2 runs to "
            "compare; a single one is given by --run_dir"
        )
    if len(set(command.runs)) < len(runs):
        raise ValueError(f"--runs={','.join(command.runs)}: a run is repeated")
    labels = [
        next(task.labels for task in run.tasks if task.name == command.task)
        for run in runs
    ]
    for run, other in zip(runs, labels, strict=True):
        if other != labels[0]:
            raise ValueError(
                f"the labels of {command.task} differ: {list(labels[0])} in "
                f"{runs[0].run_dir}, {list(other)} in {run.run_dir}"
            )


def _check_seq1(command, runs):
    """Checks that there is a first text where a run reads pairs, only there."""
    pairs = any(reads_pairs(run, command.task) for run in runs)
    if pairs and not command.seq1:
        raise ValueError(
            f"task {command.task} has pairs of texts: --seq1 is missing, the "
            "first text of the pair of which --text is the second"
        )
    if command.seq1 and not pairs:
        raise ValueError(
            f"--seq1 is not used: {runs[0].run_dir} reads single texts of task "
            f"{command.task}"
        )


def _check_neurons(command, run):
    """Checks that a run has the encoders of the neurons."""
    encoders = _ENCODERS[run.config.sharing]
    for kind in command.neurons_by_encoder():
        if not run.config.has_states:
            raise ValueError(f"--neurons is not used: {no_states(run)}")
        if kind not in encoders:
            raise ValueError(
                f"neurons={kind}: {run.run_dir} has no {kind} encoder "
                f"(sharing={run.config.sharing}), only {encoders[0]}"
            )


def no_states(run: run_directory.Run) -> str:
    """Explains why there are no neurons over the words of a text."""
    return (
        f"{run.run_dir} has encoder={run.config.encoder}, which has no states "
        "beyond the word vectors: its features of a word are the same in every "
        "text"
    )
