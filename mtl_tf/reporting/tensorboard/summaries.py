"""TensorBoard summaries of training."""

import glob
import os
from collections.abc import Mapping

import tensorflow as tf
from tensorboard.compat.proto import event_pb2

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.reporting.tensorboard import hyperparameters
from mtl_tf.reporting.tensorboard import scalars


class TensorBoard:
    """A writer of summaries of training.

    A run has one writer, so that TensorBoard lists it once. The groups of tags
    are `loss` (unweighted losses, averaged over task batches), `loss_weighted`
    (terms of the total loss), `discriminator`, `training`, `dev`, `best`, and
    a group for each dev score and the dev loss, such as `dev_accuracy`, with a
    tag for each task: a card of TensorBoard then compares runs on a task. The
    label transfer network has the tag `dev_accuracy/TASK.label_transfer`,
    which is not the name of a task. The module `scalars` describes all curves.

    Args:
      run_dir: directory of the run, whose folder `tensorboard` is written.
      main_task: main task of a label transfer network, if the run has one.
    """

    def __init__(self, run_dir: str, main_task: str = ""):
        self._main_task = main_task
        self._writer = tf.summary.create_file_writer(log_dir(run_dir))

    def training(self, step: int, logs: Mapping[str, float]) -> None:
        """Writes training logs.

        Args:
          step: the training step.
          logs: means over the steps since the last call, by tag.
        """
        with self._writer.as_default(step):
            for tag, value in logs.items():
                scalars.write(tag, value)

    def epoch(self, line: Mapping) -> None:
        """Writes phase, speed and dev scores of an epoch.

        Then flushes the writer, since a resumed run only writes summaries
        after the step of its checkpoint.

        Args:
          line: line of the history.
        """
        dev = line["dev"]
        scores_by_name = dict(dev["tasks"])
        if "label_transfer" in dev:
            name = f"{self._main_task}.label_transfer"
            scores_by_name[name] = dev["label_transfer"]
        with self._writer.as_default(line["step"]):
            scalars.write("training/phase", choices.PHASES.index(line["phase"]))
            scalars.write(
                "training/tokens_per_second", line["tokens_per_second"]
            )
            scalars.write("dev/average", dev["average"])
            for name, scores in scores_by_name.items():
                for metric, value in scores.items():
                    if metric != "n":
                        scalars.write(f"dev_{metric}/{name}", value)
        self._writer.flush()

    def settings(self, config: config_lib.Config, description: str) -> None:
        """Writes the settings as text and HParams, and the custom charts.

        Args:
          config: settings of the run.
          description: description of the run.
        """
        with self._writer.as_default(0):
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
        with self._writer.as_default(step):
            scalars.write("best/dev_average", score)
            scalars.write("best/epoch", epoch)
        self._writer.flush()


def log_dir(run_dir: str) -> str:
    """Returns the directory of the event files of a run."""
    return os.path.join(run_dir, "tensorboard")


def drop_events(run_dir: str, step: int) -> None:
    """Removes the summaries after a step, to resume a run from there.

    The resumed run writes them again, and curves would have two points at a
    step. It also writes its settings, at step 0, and the best epoch again.
    Truncated ends of files are removed as well.

    Args:
      run_dir: directory of the run.
      step: the step of the checkpoint.
    """
    pattern = os.path.join(glob.escape(log_dir(run_dir)), "*tfevents*")
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
