"""A training loop without a model: phases, epochs and interruptions."""

import dataclasses
import itertools
import pathlib

import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.runs import checkpoints as checkpoints_lib
from mtl_tf.runs import history as history_lib
from mtl_tf.runs import resumption
from mtl_tf.runs import run_directory
from mtl_tf.training import callbacks
from mtl_tf.training import dev_scores
from mtl_tf.training import loop_state
from mtl_tf.training import phases
from mtl_tf.training import tensorboard_callback
from mtl_tf.training import training_loop
from mtl_tf.training import weight_average

STEPS = 3
TASKS = (
    tasks_lib.Task("a", ("no", "yes")),
    tasks_lib.Task("b", ("no", "yes", "maybe"), "macro_f1"),
)
SEMI_SUPERVISED = {"label_transfer": "semi_supervised", "main_task": "b"}


class KilledError(Exception):
    """The simulated end of the process."""


class Trainer:
    """Counts training steps; its weight depends on their order."""

    def __init__(self, record):
        self.step = tf.Variable(0, dtype=tf.int64)
        self.weight = tf.Variable(1.0, dtype=tf.float64)
        self.slot = tf.Variable(0.0, dtype=tf.float64)
        self._record = record

    average = weight_average.WeightAverage({}, 0.0)

    @property
    def parts(self):
        return {
            "training": {"step": self.step},
            "model": {"weight": self.weight},
            "optimizer": {"slot": self.slot},
        }

    def train_step(self, batch, phase):
        self._record(f"{phase} step")
        assert batch == int(self.step)
        order = 1 + choices.PHASES.index(phase)
        self.slot.assign(0.9 * self.slot + order)
        self.weight.assign(self.weight * 1.01 + 0.001 * self.slot)
        self.step.assign_add(1)
        logs = {"loss/total": self.weight.read_value()}
        if batch % 2:
            logs["loss/of_odd_steps"] = tf.constant(float(batch))
        return logs | {"training/tokens": tf.constant(7.0)}


class Batches:
    """Batches that are their own step."""

    steps_per_epoch = STEPS

    def generate(self, first_step):
        return itertools.count(first_step)


@dataclasses.dataclass
class Predictions:
    """Predictions with a known score."""

    score: float
    loss: float = 0.5

    def scores(self):
        # Unlike the metric, so that tests can tell them apart.
        return {"accuracy": 1 - self.score, "macro_f1": self.score, "n": 4}


class Predictor:
    """Scores of the main task's outputs by epoch; a split is its task."""

    def __init__(self, trainer, scores, losses):
        self._trainer = trainer
        self._scores = scores
        self._losses = losses

    def predict(self, split):
        epoch = int(self._trainer.step) // STEPS
        if split == "a":
            return Predictions(0.25)
        loss = self._losses[epoch - 1] if self._losses else 0.5
        return Predictions(self._scores[epoch - 1], loss)

    def predict_all(self, split):
        main = self.predict(split)
        if split != "b":
            return {predictions_lib.MAIN: main}
        transfer = Predictions(main.score / 2, loss=1.5)
        return {
            predictions_lib.MAIN: main,
            predictions_lib.LABEL_TRANSFER: transfer,
        }


def fit(
    run_dir: pathlib.Path,
    scores: list[float],
    killed_at: int | None = None,
    losses: tuple[float, ...] | list[float] = (),
    *,
    tensorboard: bool = False,
    **settings,
) -> list[str]:
    """Trains a new run, or continues one; returns the events in order.

    Args:
      run_dir: directory of the run.
      scores: dev scores of the main task by epoch.
      killed_at: index of the event at which the process is killed.
      losses: dev losses of the main task by epoch; empty: all are equal.
      tensorboard: whether to write TensorBoard summaries, which takes long.
      **settings: settings of the run.
    """
    events = []

    def record(event):
        if len(events) == killed_at:
            raise KilledError(event)
        events.append(event)

    config = config_lib.Config(
        run_dir=str(run_dir), progress=False, log_every=2, **settings
    )
    trainer = Trainer(record)
    state = loop_state.LoopState()
    checkpoints = checkpoints_lib.Checkpoints(
        config.run_dir,
        {**trainer.parts, "loop": state.variables},
        TASKS,
        ["last", "best", *(f"best_{x}" for x in config.phases[:-1])],
        config.keep_checkpoints,
    )
    save = checkpoints.save

    def recording_save(name, step):
        record(f"save {name}")
        save(name, step)

    checkpoints.save = recording_save
    # As `Experiment.run` does.
    resume_point = resumption.find(config.run_dir, config.phases)
    if resume_point:
        checkpoints.restore("last", resume_point.saved["last"].stem)
    run_directory.write_config(config.run_dir, {})
    checkpoints.sweep(resume_point.saved if resume_point else {})
    predictor = Predictor(trainer, scores, losses)
    _make_loop(
        config, trainer, predictor, checkpoints, state, tensorboard
    ).run()
    return events


def _make_loop(config, trainer, predictor, checkpoints, state, tensorboard):
    task_names = [task.name for task in TASKS]
    callback_list = [
        callbacks.CheckpointWriter(checkpoints, state, trainer.average),
        callbacks.HistoryWriter(config.run_dir, state),
        callbacks.EpochLogger(),
    ]
    if tensorboard:
        callback_list.insert(
            0,
            tensorboard_callback.TensorBoardCallback(config, "", state),
        )
    return training_loop.TrainingLoop(
        config,
        trainer,
        Batches(),
        dev_scores.DevScorer(TASKS, task_names, predictor, config.main_task),
        phases.Phases(config, state, trainer, checkpoints),
        state,
        callback_list,
    )


def read(run_dir: pathlib.Path, name: str) -> dict[str, dict]:
    """Reads the variables of a checkpoint without times."""
    parts = ["training", "model", "optimizer", "loop"]
    saved = checkpoints_lib.read(str(run_dir), name, parts).parts
    assert saved["loop"].pop("seconds") > 0
    history = history_lib.parse_history(saved["loop"].pop("history"))
    assert [x["epoch"] for x in history] == list(
        range(1, saved["loop"]["epoch"] + 1)
    )
    return {part: dict(saved[part]) for part in parts}


def lines(run_dir: pathlib.Path) -> list[dict]:
    """Reads the history without times."""
    history = history_lib.read_history(str(run_dir))
    for line in history:
        assert line.pop("seconds") > 0
        assert line.pop("dev_seconds") > 0
        assert line.pop("tokens_per_second") > 0
    return history


# Best epochs: 2 of base; 4, the first of label_transfer; 8, the last of all.
SCORES = [0.5, 0.75, 0.5, 0.625, 0.5, 0.25, 0.375, 0.5]
ENDS = {"patience": 1, "epochs": 3, **SEMI_SUPERVISED}
