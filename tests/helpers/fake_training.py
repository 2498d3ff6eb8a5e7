"""Training without a model to wait for: phases, epochs and interruptions."""

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
from mtl_tf.training import training_loop

STEPS = 3
TASKS = (
    tasks_lib.Task("a", ("no", "yes")),
    tasks_lib.Task("b", ("no", "yes", "maybe"), "macro_f1"),
)
SEMI_SUPERVISED = {"label_transfer": "semi_supervised", "main_task": "b"}


class KilledError(Exception):
    """The simulated end of the process."""


class Trainer:
    """Counts what a trainer is asked to do; its weight tells the order."""

    def __init__(self, happens):
        self.step = tf.Variable(0, dtype=tf.int64)
        self.weight = tf.Variable(1.0, dtype=tf.float64)
        self.slot = tf.Variable(0.0, dtype=tf.float64)
        self._happens = happens

    @property
    def parts(self):
        return {
            "training": {"step": self.step},
            "model": {"weight": self.weight},
            "optimizer": {"slot": self.slot},
        }

    def train_step(self, batch, phase):
        self._happens(f"{phase} step")
        assert batch == int(self.step)
        order = 1 + choices.PHASES.index(phase)
        self.slot.assign(0.9 * self.slot + order)
        self.weight.assign(self.weight * 1.01 + 0.001 * self.slot)
        self.step.assign_add(1)
        terms = {"loss/total": self.weight.read_value()}
        if batch % 2:
            terms["loss/of_odd_steps"] = tf.constant(float(batch))
        return terms | {"training/tokens": tf.constant(7.0)}


class Batches:
    """Numbers that begin where training goes on."""

    steps_per_epoch = STEPS

    def generate(self, first_step):
        return itertools.count(first_step)


@dataclasses.dataclass
class Predictions:
    """What is known of an answer to a dev split."""

    score: float
    loss: float = 0.5

    def scores(self):
        # Accuracy goes its own way.
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
    **settings,
) -> list[str]:
    """Trains from where a run is; returns what happened, in order.

    Args:
      run_dir: directory of the run.
      scores: of the main task, by epoch from the first.
      killed_at: number of what happens that is no more to happen.
      losses: of the main task, as `scores`; all alike if there are none.
      **settings: of the run.
    """
    events = []

    def happens(event):
        if len(events) == killed_at:
            raise KilledError(event)
        events.append(event)

    config = config_lib.Config(
        run_dir=str(run_dir), progress=False, log_every=2, **settings
    )
    trainer = Trainer(happens)
    state = training_loop.LoopState()
    checkpoints = checkpoints_lib.Checkpoints(
        config.run_dir,
        {**trainer.parts, "fit": state.variables},
        TASKS,
        ["last", "best", *(f"best_{x}" for x in config.phases[:-1])],
        config.keep_checkpoints,
    )
    save = checkpoints.save

    def recorded(name, step):
        happens(f"save {name}")
        save(name, step)

    checkpoints.save = recorded
    # As an experiment does.
    start = resumption.find(config.run_dir, config.phases)
    if start:
        checkpoints.restore("last", start.kept["last"])
    run_directory.write_config(config.run_dir, {})
    checkpoints.sweep(start.kept if start else {})
    training_loop.TrainingLoop(
        config,
        TASKS,
        trainer,
        Batches(),
        Predictor(trainer, scores, losses),
        ["a", "b"],
        checkpoints,
        state,
    ).run("")
    return events


def read(run_dir: pathlib.Path, name: str) -> dict[str, dict]:
    """Reads the variables of a checkpoint, but for times."""
    parts = ["training", "model", "optimizer", "fit"]
    actual = checkpoints_lib.read(str(run_dir), name, parts).parts
    assert actual["fit"].pop("seconds") > 0
    history = history_lib.parse_history(actual["fit"].pop("history"))
    assert [x["epoch"] for x in history] == list(
        range(1, actual["fit"]["epoch"] + 1)
    )
    return {part: dict(actual[part]) for part in parts}


def lines(run_dir: pathlib.Path) -> list[dict]:
    """Reads the history without what a clock says."""
    actual = history_lib.read_history(str(run_dir))
    for line in actual:
        assert line.pop("seconds") > 0
        assert line.pop("dev_seconds") > 0
        assert line.pop("tokens_per_second") > 0
    return actual


# Best: epoch 2 of base; 4, the first of label_transfer; 8, the last of all.
SCORES = [0.5, 0.75, 0.5, 0.625, 0.5, 0.25, 0.375, 0.5]
ENDS = {"patience": 1, "epochs": 3, **SEMI_SUPERVISED}
