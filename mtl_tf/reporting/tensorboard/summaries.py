"""What a run tells while it trains: TensorBoard and `history.jsonl`."""

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

    def training(self, step: int, logs: Mapping[str, float]) -> None:
        """Means of the training terms over the steps since the last call."""
        with self._run.as_default(step):
            for tag, value in logs.items():
                scalars.write(tag, value)

    def epoch(self, line: Mapping) -> None:
        """Phase, speed and dev scores of an epoch: its line of the history.

        They are on disk afterwards, as are those of training: a checkpoint that
        is written then counts on them.
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
        self._flush()

    def _flush(self):
        for writer in (self._run, *self._tasks.values()):
            writer.flush()


def log_dir(run_dir: str, name: str = "run") -> str:
    """Directory of the event files of the run, or of one of its tasks."""
    return os.path.join(run_dir, "tensorboard", name)


def drop_events(run_dir: str, step: int) -> None:
    """Removes from `tensorboard/` what was written after a step.

    A run that goes on from there writes it again, and a curve would have two
    points at a step. So it does with its settings, at step 0, and with what is
    best. The end of a file that was cut off goes as well.
    """
    pattern = os.path.join(glob.escape(log_dir(run_dir, "")), "*", "*tfevents*")
    for path in glob.glob(pattern):
        kept, is_whole = [], True
        try:
            for event in tf.data.TFRecordDataset(path).as_numpy_iterator():
                if _is_kept(event_pb2.Event.FromString(event), step):
                    kept.append(event)
                else:
                    is_whole = False
        except tf.errors.DataLossError:
            is_whole = False
        if not is_whole:
            # TensorBoard reads every file that is named like this one.
            part = os.path.join(run_dir, "events.part")
            with tf.io.TFRecordWriter(part) as writer:
                for event in kept:
                    writer.write(event)
            os.replace(part, path)


def _is_kept(event, step):
    if event.HasField("file_version"):
        return True
    is_best = any(x.tag.startswith("best/") for x in event.summary.value)
    return 0 < event.step <= step and not is_best
