import contextlib
from unittest import mock

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.training import callbacks
from mtl_tf.training import loop_state

LINE = {
    "phase": "base",
    "epoch": 2,
    "step": 6,
    "terms": {"loss/total": 0.5},
    "dev": {"average": 0.75},
    "tokens_per_second": 1e4,
}


class Checkpoints:
    """Records which checkpoints are saved, and whether with averages."""

    def __init__(self):
        self.saved = []
        self.is_averaged = False

    def save(self, name, step):
        self.saved.append((name, step, self.is_averaged))

    @contextlib.contextmanager
    def swapped(self):
        self.is_averaged = True
        yield
        self.is_averaged = False


@pytest.mark.parametrize(
    ("best_epoch", "names"), [(2, ["best", "last"]), (1, ["last"])]
)
def test_best_checkpoint_is_written_in_the_best_epoch(best_epoch, names):
    state, checkpoints = loop_state.LoopState(), Checkpoints()
    state["epoch"], state["best_epoch"] = 2, best_epoch
    writer = callbacks.CheckpointWriter(checkpoints, state, checkpoints)
    writer.on_epoch_end(LINE)
    # Only the best one has averaged weights.
    assert checkpoints.saved == [(name, 6, name == "best") for name in names]


def test_history_has_the_lines_of_the_state_and_new_ones(tmp_path):
    state = loop_state.LoopState()
    state.history = [{"step": 3}]
    writer = callbacks.HistoryWriter(str(tmp_path), state)
    writer.on_train_begin(3)
    writer.on_epoch_end({"step": 6})
    text = (tmp_path / "history.jsonl").read_text()
    assert text == '{"step": 3}\n{"step": 6}\n'


@pytest.mark.parametrize(
    ("progress", "enabled"), [(True, None), (False, False)]
)
def test_progress_bar_shows_step_loss_and_dev_score(
    monkeypatch, progress, enabled
):
    bar_class = mock.MagicMock()
    monkeypatch.setattr(callbacks.progress, "Progress", bar_class)
    config = config_lib.Config(epochs=2, progress=progress)
    callback = callbacks.ProgressBar(config, steps_per_epoch=3)
    callback.on_train_begin(3)
    bar_class.assert_called_once_with(6, 3, 3, enabled=enabled)
    callback.on_epoch_end(LINE)
    callback.on_log(6, {"loss/total": 0.5})
    callback.close()
    bar = bar_class.return_value
    assert bar.method_calls == [
        mock.call.dev(0.75),
        mock.call.update(6, 0.5),
        mock.call.close(),
    ]


def test_progress_bar_closes_before_training_began():
    config = config_lib.Config(epochs=2, progress=False)
    callbacks.ProgressBar(config, steps_per_epoch=3).close()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
