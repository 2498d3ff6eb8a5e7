import math

import pytest

from mtl_tf.training import loop_state


def test_state_starts_before_the_first_epoch():
    state = loop_state.LoopState()
    assert (state["phase"], state["epoch"], state["best_epoch"]) == (0, 0, 0)
    assert (state["best_score"], state["best_loss"]) == (-math.inf, math.inf)
    assert state.history == []


def test_values_are_those_of_the_variables():
    state = loop_state.LoopState()
    state["epoch"] = 3
    state["seconds"] += 0.1
    assert state.variables["epoch"].numpy() == 3
    assert isinstance(state["epoch"], int)
    assert state["seconds"] == 0.1


def test_history_keeps_numbers_exactly():
    state = loop_state.LoopState()
    lines = [{"step": 3, "loss": 0.1 + 0.2}, {"step": 6, "loss": 1e-300}]
    state.history = lines
    assert state.history == lines


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
