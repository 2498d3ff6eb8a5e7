"""What a run tells while it trains: TensorBoard and `history.jsonl`."""

import json
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import files
from mtl_tf import hyperparameters
from mtl_tf import scalars

HISTORY_FILE = "history.jsonl"


class TensorBoard:
    """Writers below `tensorboard/`: one for training, one for each task.

    That of a label transfer network is called TASK.label_transfer, as no task
    can be. The tasks' writers and its use the same tags, so that TensorBoard
    draws them all into one chart. Groups of tags: `loss` (raw terms, means
    over groups), `loss_weighted` (terms as they enter the sum),
    `discriminator`, `training`, `dev`, `best`; `scalars` says what each curve
    is.

    Args:
      run_dir: directory of the run.
      task_names: names of the tasks.
      main_task: the one that a label transfer network answers for, if there is
        one.
    """

    def __init__(
        self, run_dir: str, task_names: Sequence[str], main_task: str = ""
    ):
        self._run_dir = run_dir
        self._main_task = main_task
        self._run = tf.summary.create_file_writer(log_dir(run_dir))
        self._tasks = {
            name: tf.summary.create_file_writer(log_dir(run_dir, name))
            for name in task_names
        }

    def training(self, step: int, terms: Mapping[str, float]) -> None:
        """Means of the training terms over the steps since the last call."""
        with self._run.as_default(step):
            for tag, value in terms.items():
                scalars.write(tag, value)

    def epoch(self, line: Mapping) -> None:
        """Phase, speed and dev scores of an epoch: its line of the history."""
        dev = line["dev"]
        with self._run.as_default(line["step"]):
            scalars.write(
                "training/phase", config_lib.PHASES.index(line["phase"])
            )
            scalars.write(
                "training/tokens_per_second", line["tokens_per_second"]
            )
            scalars.write("dev/average", dev["average"])
        scores_by_name = dict(dev["tasks"])
        if "label_transfer" in dev:
            name = f"{self._main_task}.label_transfer"
            scores_by_name[name] = dev["label_transfer"]
        for name, scores in scores_by_name.items():
            with self._writer(name).as_default(line["step"]):
                for metric, value in scores.items():
                    if metric != "n":
                        scalars.write(f"dev/{metric}", value)

    def _writer(self, name):
        # A network has none before its phase.
        if name not in self._tasks:
            self._tasks[name] = tf.summary.create_file_writer(
                log_dir(self._run_dir, name)
            )
        return self._tasks[name]

    def settings(self, config: config_lib.Config, description: str) -> None:
        """The settings, as text and as HParams, and what charts there are."""
        with self._run.as_default(0):
            tf.summary.text("run/description", description)
            tf.summary.text("run/settings", hyperparameters.table(config))
            hyperparameters.write(config)
            scalars.write_charts(
                adversarial=config.adversarial_weight > 0,
                label_transfer=config.label_transfer != "none",
            )

    def best(self, step: int, epoch: int, score: float) -> None:
        """The best epoch and its dev average.

        HParams shows the last value of a metric: it is written once, at the
        end, and not while it changes.
        """
        with self._run.as_default(step):
            scalars.write("best/dev_average", score)
            scalars.write("best/epoch", epoch)
        for writer in (self._run, *self._tasks.values()):
            writer.flush()


def log_dir(run_dir: str, name: str = "run") -> str:
    """Directory of the event files of the run, or of one of its tasks."""
    return os.path.join(run_dir, "tensorboard", name)


class History:
    """`history.jsonl`: one line an epoch.

    Args:
      run_dir: directory of the run.
      step: lines after this step are dropped: a run that goes on writes them
        again.

    Attributes:
      lines: its lines, a dict an epoch.
    """

    def __init__(self, run_dir: str, step: int):
        self._path = os.path.join(run_dir, HISTORY_FILE)
        kept = [line for line in read_history(run_dir) if line["step"] <= step]
        self.lines = kept
        # Not in place: an interruption must not take the history along.
        with files.atomic_write(self._path) as file:
            file.writelines(json.dumps(line) + "\n" for line in kept)

    def append(self, line: Mapping) -> None:
        """Adds the line of an epoch; it has to have a `step`."""
        with open(self._path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        self.lines.append(line)


def read_history(run_dir: str) -> list[dict]:
    """The lines of a run's history; none if there is no such file.

    A last line without an end is left out: the run was stopped as it wrote it.

    Raises:
      ValueError: if another line is broken.
    """
    path = os.path.join(run_dir, HISTORY_FILE)
    if not os.path.exists(path):
        return []
    # As bytes: what is no UTF-8 is to be found by its line as well.
    with open(path, "rb") as file:
        return [
            _read_line(f"{path}:{number}", line)
            for number, line in enumerate(file, start=1)
            if line.endswith(b"\n")
        ]


def _read_line(place, line):
    try:
        found = json.loads(line)
    except ValueError as error:
        raise ValueError(
            f"{place}: not JSON: {error}: take the line out"
        ) from None
    if not isinstance(found, dict) or "step" not in found:
        raise ValueError(f"{place}: 'step' is missing: take the line out")
    return found
