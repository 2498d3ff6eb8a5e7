import math
from unittest import mock

import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.training import loop_state
from mtl_tf.training import phases as phases_lib
from mtl_tf.training.early_stopping import DevScore


class Checkpoints:
    """Checkpoints in memory: only the weight and the state are saved."""

    def __init__(self, state, step):
        self._variables = [*state.variables.values(), step]
        self.saved = {}

    def save(self, name, step):
        del step
        self.saved[name] = [v.numpy() for v in self._variables]

    def newest(self, name):
        assert name in self.saved
        return "ckpt-10"

    def restore(self, name, stem):
        assert stem == "ckpt-10"
        for variable, value in zip(
            self._variables, self.saved[name], strict=True
        ):
            variable.assign(value)


def make_phases(restarts=None, **settings):
    """Phases with their state, step and checkpoints.

    The step at which the average of the weights restarts joins `restarts`.
    """
    restarts = [] if restarts is None else restarts
    config = config_lib.Config(
        label_transfer="supervised", main_task="a", **settings
    )
    state = loop_state.LoopState()
    step = tf.Variable(0, dtype=tf.int64)
    checkpoints = Checkpoints(state, step)
    average = mock.Mock()
    average.restart = lambda: restarts.append(int(step))
    trainer = mock.Mock(step=step, average=average)
    phases = phases_lib.Phases(config, state, trainer, checkpoints)
    return phases, state, step, checkpoints


def test_phase_ends_after_its_epochs():
    phases, state, _, _ = make_phases(epochs=2, patience=0)
    assert phases.name == "base"
    assert not phases.is_last
    state["epoch"] = 1
    assert not phases.has_ended([0.5])
    state["epoch"] = 2
    assert phases.has_ended([0.5, 0.6])


def test_phase_ends_by_early_stopping():
    phases, state, _, _ = make_phases(epochs=9, patience=2)
    ended = []
    for epoch, score in enumerate([0.5, 0.6, 0.6, 0.4], start=1):
        state["epoch"] = epoch
        phases.record(DevScore(score, 1.0))
        ended.append(phases.has_ended([]))
    assert ended == [False, False, False, True]
    assert state["best_epoch"] == 2
    assert (state["best_score"], state["best_loss"]) == (0.6, 1.0)


def test_next_phase_starts_from_the_best_epoch_and_keeps_counters():
    restarts = []
    phases, state, step, checkpoints = make_phases(
        restarts, epochs=3, patience=0
    )
    for epoch, score in ((1, 0.7), (2, 0.5)):
        state["epoch"] = epoch
        state["seconds"] += 10.0
        step.assign_add(5)
        state.history = [*state.history, {"step": int(step)}]
        phases.record(DevScore(score, 1.0))
        if state["best_epoch"] == epoch:
            checkpoints.save("best", int(step))
    phases.start_next()
    assert phases.name == "label_transfer"
    assert phases.is_last
    assert int(step) == 10
    assert (state["epoch"], state["seconds"]) == (2, 20.0)
    assert [line["step"] for line in state.history] == [5, 10]
    assert (state["phase_start"], state["best_epoch"]) == (2, 2)
    assert (state["best_score"], state["best_loss"]) == (-math.inf, math.inf)
    assert set(checkpoints.saved) == {"best", "best_base", "last"}
    # Step 5 is the last one of the best epoch.
    assert restarts == [5]
    assert checkpoints.saved["best_base"][-1] == 5
    assert checkpoints.saved["last"][-1] == 10
    # The epochs of the first phase do not count.
    assert not phases.has_ended([])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
