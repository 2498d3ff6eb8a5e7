"""TensorBoard summaries of training."""

import glob
import os
from collections.abc import Mapping, Sequence

import tensorflow as tf
from tensorboard.compat.proto import event_pb2

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import hyperparameters
from mtl_tf.reporting.tensorboard import scalars


class TensorBoard:
    """Writers of summaries: one for training, and one for each task.

    The writer of a label transfer network is `TASK.label_transfer`, which is
    not a valid name of a task. Its tags and those of the tasks are the same, so
    TensorBoard draws their curves into one chart. The groups of tags are `loss`
    (unweighted losses, averaged over task batches), `loss_weighted` (terms of
    the total loss), `discriminator`, `training`, `dev` and `best`. The module
    `scalars` describes all curves.

    Args:
      run_dir: directory of the run, whose folder `tensorboard` is written.
      task_names: names of the tasks.
      main_task: main task of a label transfer network, if the run has one.
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

    def training(self, step: int, logs: Mapping[str, float]) -> None:
        """Writes training logs.

        Args:
          step: the training step.
          logs: means over the steps since the last call, by tag.
        """
        with self._run.as_default(step):
            for tag, value in logs.items():
                scalars.write(tag, value)

    def epoch(self, line: Mapping) -> None:
        """Writes phase, speed and dev scores of an epoch.

        Then flushes all writers, since a resumed run only writes summaries
        after the step of its checkpoint.

        Args:
          line: line of the history.
        """
        dev = line["dev"]
        with self._run.as_default(line["step"]):
            scalars.write("training/phase", choices.PHASES.index(line["phase"]))
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
        self._flush()

    def _writer(self, name):
        """Returns the writer of a name, and creates it if it is new."""
        # The label transfer network has no scores in the base phase.
        if name not in self._tasks:
            self._tasks[name] = tf.summary.create_file_writer(
                log_dir(self._run_dir, name)
            )
        return self._tasks[name]

    def settings(self, config: config_lib.Config, description: str) -> None:
        """Writes the settings as text and HParams, and the custom charts.

        Args:
          config: settings of the run.
          description: description of the run.
        """
        with self._run.as_default(0):
            tf.summary.text("run/description", description)
            tf.summary.text("run/settings", hyperparameters.table(config))
            hyperparameters.write(config)
            scalars.write_charts(
                adversarial=config.adversarial_weight > 0,
                label_transfer=config.label_transfer != "none",
            )

    def best(self, step: int, epoch: int, score: float) -> None:
        """Writes the best epoch and its dev average, once training has ended.

        HParams shows the last value of a metric, so it is written only once.

        Args:
          step: the last training step.
          epoch: the best epoch.
          score: its dev average.
        """
        with self._run.as_default(step):
            scalars.write("best/dev_average", score)
            scalars.write("best/epoch", epoch)
        self._flush()

    def _flush(self):
        """Writes all summaries to disk."""
        for writer in (self._run, *self._tasks.values()):
            writer.flush()


def log_dir(run_dir: str, name: str = "run") -> str:
    """Returns the directory of event files of a run or of one of its tasks."""
    return os.path.join(run_dir, "tensorboard", name)


def drop_events(run_dir: str, step: int) -> None:
    """Removes the summaries after a step, to resume a run from there.

    The resumed run writes them again, and curves would have two points at a
    step. It also writes its settings, at step 0, and the best epoch again.
    Truncated ends of files are removed as well.

    Args:
      run_dir: directory of the run.
      step: the step of the checkpoint.
    """
    pattern = os.path.join(glob.escape(log_dir(run_dir, "")), "*", "*tfevents*")
    for path in glob.glob(pattern):
        kept, is_unchanged = [], True
        try:
            for event in tf.data.TFRecordDataset(path).as_numpy_iterator():
                if _is_kept(event_pb2.Event.FromString(event), step):
                    kept.append(event)
                else:
                    is_unchanged = False
        except tf.errors.DataLossError:
            is_unchanged = False
        if not is_unchanged:
            # Elsewhere, as TensorBoard reads all files in the folder.
            temporary = os.path.join(run_dir, "events.part")
            with tf.io.TFRecordWriter(temporary) as writer:
                for event in kept:
                    writer.write(event)
            os.replace(temporary, path)


def _is_kept(event, step):
    """Checks whether an event is kept when the run resumes from a step."""
    if event.HasField("file_version"):
        return True
    is_best = any(
        value.tag.startswith("best/") for value in event.summary.value
    )
    return 0 < event.step <= step and not is_best
