import contextlib
import io

import pytest
from absl import logging

from mtl_tf.training import progress


class Terminal(io.StringIO):
    """A fake terminal as standard error."""

    def isatty(self):
        return True

    def lines(self):
        """Returns the visible lines, with carriage returns applied."""
        visible = []
        for line in self.getvalue().split("\n"):
            cells = []
            for text in line.split("\r"):
                cells[: len(text)] = text
            visible.append("".join(cells).rstrip())
        return visible


@contextlib.contextmanager
def show(*args, stream=None, **kwargs):
    """Yields a `Progress` and the stream that it writes to."""
    stream = stream or Terminal()
    # Not a fixture: pytest sets standard error after fixtures.
    with (
        contextlib.redirect_stderr(stream),
        progress.Progress(*args, **kwargs) as bar,
    ):
        yield bar, stream


def test_shows_epoch_step_loss_dev_metric_and_time_left():
    with show(10, 0, steps_per_epoch=4) as (bar, terminal):
        bar.update(1, loss=0.75)
        bar.dev(0.5)
        bar.update(5, loss=0.25)
        bar.refresh()
        (line,) = terminal.lines()
    assert line.startswith("epoch 2/3: ")
    assert " 5/10 [" in line
    assert "<" in line  # time done < time left
    assert "loss=0.2500, dev=0.5000" in line


def test_large_loss_is_shown_in_few_characters():
    with show(10, 0, steps_per_epoch=4) as (bar, terminal):
        bar.update(1, loss=26_000_000.0)
        bar.refresh()
        assert "loss=2.6e+07" in terminal.lines()[0]


@pytest.mark.parametrize(
    ("step", "epoch"), [(1, 1), (4, 1), (5, 2), (8, 2), (9, 3), (10, 3)]
)
def test_epoch_of_a_step(step, epoch):
    with show(10, 0, steps_per_epoch=4) as (bar, terminal):
        bar.update(step, loss=1.0)
        bar.refresh()
        assert terminal.lines()[-1].startswith(f"epoch {epoch}/3: ")


def test_bar_of_a_resumed_run_starts_at_its_first_step():
    with show(10, 6, steps_per_epoch=4) as (_, terminal):
        (line,) = terminal.lines()
    assert line.startswith("epoch 2/3: ")
    assert " 6/10 [" in line


def test_bar_of_a_finished_run_shows_the_last_epoch():
    with show(10, 10, steps_per_epoch=5) as (_, terminal):
        assert terminal.lines()[-1].startswith("epoch 2/2: 100%")


def test_log_lines_appear_above_the_bar(monkeypatch):
    # absl's app.run adds this handler.
    handler = logging.get_absl_handler()
    logging.get_absl_logger().addHandler(handler)
    try:
        with show(10, 0, steps_per_epoch=4) as (bar, terminal):
            monkeypatch.setattr(handler.python_handler, "stream", terminal)
            bar.update(3, loss=0.5)
            bar.refresh()
            logging.error("a message")
            bar.update(4, loss=0.5)
            bar.refresh()
            lines = terminal.lines()
    finally:
        logging.get_absl_logger().removeHandler(handler)
    (logged,) = (x for x in lines if x.endswith("] a message"))
    assert "epoch" not in logged
    assert " 4/10 [" in lines[-1]
    assert sum("/10 [" in line for line in lines) == 1


def test_bar_is_removed_after_an_error():
    handler = logging.get_absl_handler()
    filters = list(handler.filters)
    terminal = Terminal()

    def fail():
        with show(2, 0, 1, stream=terminal) as (bar, _):
            bar.update(1, loss=0.5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert "1/2" in terminal.getvalue()
    assert terminal.lines() == [""]
    assert handler.filters == filters


def test_nothing_is_shown_without_a_terminal():
    with show(2, 0, steps_per_epoch=1, stream=io.StringIO()) as (bar, stream):
        bar.update(1, loss=0.5)
        bar.dev(0.5)
        bar.update(2, loss=0.25)
        logging.info("unseen")
    assert stream.getvalue() == ""


@pytest.mark.parametrize(
    ("enabled", "stream"), [(True, io.StringIO()), (False, Terminal())]
)
def test_enabled_overrides_the_terminal(enabled, stream):
    with show(2, 0, 1, enabled=enabled, stream=stream) as (bar, _):
        bar.update(1, loss=0.5)
    assert bool(stream.getvalue()) == enabled


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
