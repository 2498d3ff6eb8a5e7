import json
import os

import pytest
from absl import logging
from tensorboard.backend.event_processing import event_accumulator
from tensorboard.plugins.hparams import metadata
from tensorboard.util import tensor_util

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.tensorboard import hyperparameters
from mtl_tf.reporting.tensorboard import summaries
from mtl_tf.runs import history as history_lib
from tests.helpers import damages


def read(run_dir):
    """Reads the events of a run."""
    events = event_accumulator.EventAccumulator(
        os.path.join(run_dir, "tensorboard")
    )
    events.Reload()
    return events


def points(events, tag):
    """Returns the steps and values of a curve."""
    return [
        (event.step, tensor_util.make_ndarray(event.tensor_proto).item())
        for event in events.Tensors(tag)
    ]


def line(step, average, tasks=None, phase="base", **dev):
    """Makes a line of the history."""
    return {
        "phase": phase,
        "step": step,
        "tokens_per_second": 1000.0,
        "dev": {"average": average, "tasks": tasks or {}, **dev},
    }


@pytest.fixture
def board(tmp_path):
    return summaries.TensorBoard(str(tmp_path))


def test_training_logs_are_curves_by_tag(tmp_path, board):
    board.training(50, {"loss/task": 0.75, "discriminator/accuracy": 0.5})
    board.training(100, {"loss/task": 0.25, "discriminator/accuracy": 0.125})
    board.best(100, 1, 0.0)
    events = read(tmp_path)
    assert points(events, "loss/task") == [(50, 0.75), (100, 0.25)]
    assert points(events, "discriminator/accuracy") == [(50, 0.5), (100, 0.125)]


def test_dev_scores_are_grouped_by_metric(tmp_path, board):
    tasks = {
        "books": {"accuracy": 0.75, "loss": 1.5, "n": 8},
        "films": {"accuracy": 0.5, "loss": 2.5, "n": 4},
    }
    board.epoch(line(7, 0.625, tasks))
    board.best(7, 1, 0.0)
    events = read(tmp_path)
    assert points(events, "dev/average") == [(7, 0.625)]
    for name, accuracy, loss in (("books", 0.75, 1.5), ("films", 0.5, 2.5)):
        assert points(events, f"dev_accuracy/{name}") == [(7, accuracy)]
        assert points(events, f"dev_loss/{name}") == [(7, loss)]
    # The number of rows is not a curve.
    assert "dev_n/books" not in events.Tags()["tensors"]


def test_a_run_has_one_directory_of_events(tmp_path, board):
    """TensorBoard would list each directory as a run."""
    scores = {"accuracy": 0.5}
    board = summaries.TensorBoard(str(tmp_path), "books")
    tasks = {"books": scores, "films": scores}
    board.epoch(line(1, 0.5, tasks, "label_transfer", label_transfer=scores))
    files = list(tmp_path.rglob("*tfevents*"))
    assert {path.parent for path in files} == {tmp_path / "tensorboard"}


def test_the_label_transfer_network_has_its_own_tags(tmp_path):
    board = summaries.TensorBoard(str(tmp_path), "films")
    by_task = {
        "films": {"accuracy": 0.5, "loss": 2.5, "n": 4},
        # A task may have this name.
        "label_transfer": {"accuracy": 0.125, "loss": 3.5, "n": 4},
    }
    transfer = {"accuracy": 0.75, "loss": 1.5, "n": 4}
    board.epoch(line(1, 0.5, by_task))
    board.epoch(
        line(2, 0.5, by_task, phase="label_transfer", label_transfer=transfer)
    )
    board.epoch(
        line(3, 0.5, by_task, phase="semi_supervised", label_transfer=transfer)
    )
    board.best(3, 2, 0.5)
    events = read(tmp_path)
    assert points(events, "training/phase") == [(1, 0), (2, 1), (3, 2)]
    for name, steps, scores in (
        ("films", (1, 2, 3), by_task["films"]),
        ("label_transfer", (1, 2, 3), by_task["label_transfer"]),
        ("films.label_transfer", (2, 3), transfer),
    ):
        for metric in ("accuracy", "loss"):
            expected = [(step, scores[metric]) for step in steps]
            assert points(events, f"dev_{metric}/{name}") == expected
    # No task can have the name of that output.
    with pytest.raises(ValueError, match=r"'films.label_transfer'"):
        tasks_lib.Task("films.label_transfer", ("no", "yes"))


def test_settings_are_text_and_hparams_and_charts(tmp_path, board):
    config = config_lib.Config(hidden_size=5, run_dir="runs/x")
    board.settings(config, "two tasks")
    board.best(0, 1, 0.0)
    events = read(tmp_path)

    def text(tag):
        (event,) = events.Tensors(tag)
        assert event.step == 0
        return event.tensor_proto.string_val[0].decode()

    assert text("run/description") == "two tasks"
    assert text("run/settings") == hyperparameters.table(config)
    start = metadata.parse_session_start_info_plugin_data(
        events.SummaryMetadata(
            metadata.SESSION_START_INFO_TAG
        ).plugin_data.content
    )
    assert start.hparams["hidden_size"].number_value == 5
    assert metadata.EXPERIMENT_TAG in events.Tags()["tensors"]
    charts = events.Tensors("custom_scalars__config__")[0].tensor_proto
    assert b"learning" in charts.string_val[0]
    assert b"adversary" not in charts.string_val[0]


def test_an_adversary_has_charts(tmp_path, board):
    board.settings(config_lib.Config(adversarial_weight=0.1), "")
    board.best(0, 1, 0.0)
    events = read(tmp_path)
    charts = events.Tensors("custom_scalars__config__")[0].tensor_proto
    assert b"adversary" in charts.string_val[0]


def test_the_best_score_is_written_separately(tmp_path, board):
    board.epoch(line(10, 0.875))
    board.epoch(line(20, 0.5))
    board.best(20, 1, 0.875)
    events = read(tmp_path)
    # HParams shows the last value of a metric, which is not the best one.
    assert points(events, "dev/average")[-1] == (20, 0.5)
    assert points(events, "best/dev_average") == [(20, 0.875)]
    assert points(events, "best/epoch") == [(20, 1)]


def test_every_curve_is_described(tmp_path, board):
    board.training(1, {"loss/task": 0.5})
    board.epoch(line(1, 0.5, {"books": {"macro_f1": 0.5}}))
    board.best(1, 1, 0.5)
    events = read(tmp_path)
    for tag in events.Tags()["tensors"]:
        assert events.SummaryMetadata(tag).summary_description, tag


def test_a_resumed_run_continues_its_curves(tmp_path, board):
    board.training(1, {"loss/total": 2.0})
    board.best(1, 1, 0.0)
    again = summaries.TensorBoard(str(tmp_path))
    again.training(2, {"loss/total": 1.0})
    again.best(2, 1, 0.0)
    assert points(read(tmp_path), "loss/total") == [(1, 2.0), (2, 1.0)]


def epochs(steps):
    return [
        {"epoch": epoch, "step": step, "dev": {"x": 0.1}}
        for epoch, step in enumerate(steps, start=1)
    ]


def write_history(run_dir, steps):
    history = history_lib.History(str(run_dir), [])
    for line in epochs(steps):
        history.append(line)


def test_history_has_a_line_per_epoch(tmp_path):
    write_history(tmp_path, [5, 10])
    expected = [
        {"epoch": 1, "step": 5, "dev": {"x": 0.1}},
        {"epoch": 2, "step": 10, "dev": {"x": 0.1}},
    ]
    assert history_lib.read_history(str(tmp_path)) == expected
    text = (tmp_path / "history.jsonl").read_text()
    assert [json.loads(line) for line in text.splitlines()] == expected
    assert history_lib.parse_history(text.encode()) == expected
    assert history_lib.format_history(expected) == text


@pytest.mark.parametrize("steps", [[], [5], [5, 10], [5, 10, 15]])
@pytest.mark.parametrize("damage", ["none", *damages.DAMAGES])
def test_a_resumed_run_has_the_lines_up_to_its_checkpoint(
    tmp_path, steps, damage
):
    write_history(tmp_path, [5, 10, 15])
    path = tmp_path / "history.jsonl"
    if damage != "none":
        damages.DAMAGES[damage](path)
    # The lines of the checkpoint.
    history = history_lib.History(str(tmp_path), epochs(steps))
    assert history_lib.read_history(str(tmp_path)) == epochs(steps)
    history.append({"step": 100})
    assert history.lines == [*epochs(steps), {"step": 100}]
    assert history_lib.read_history(str(tmp_path)) == history.lines
    assert os.listdir(tmp_path) == ["history.jsonl"]


def test_a_truncated_line_is_left_out_with_a_warning(tmp_path, caplog):
    write_history(tmp_path, [5, 10])
    path = tmp_path / "history.jsonl"
    # The run was killed as it wrote its last line.
    path.write_text(path.read_text()[:-9])
    with caplog.at_level("WARNING", logger=logging.get_absl_logger().name):
        events = history_lib.read_history(str(tmp_path))
    assert [line["step"] for line in events] == [5]
    (message,) = caplog.messages
    assert message.startswith(f"{path}:2: the line is incomplete and left out;")


def test_events_after_a_step_are_dropped(tmp_path, board):
    for step in (5, 10, 15):
        board.training(step, {"loss/total": float(step)})
        tasks = {"books": {"accuracy": step / 10}}
        board.epoch(line(step, step / 10, tasks))
    summaries.drop_events(str(tmp_path), 10)
    again = summaries.TensorBoard(str(tmp_path))
    again.training(15, {"loss/total": 0.25})
    again.epoch(line(15, 0.5, {"books": {"accuracy": 0.75}}))
    run = read(tmp_path)
    assert points(run, "loss/total") == [(5, 5.0), (10, 10.0), (15, 0.25)]
    assert points(run, "dev/average") == [(5, 0.5), (10, 1.0), (15, 0.5)]
    expected = [(5, 0.5), (10, 1.0), (15, 0.75)]
    assert points(run, "dev_accuracy/books") == expected
    assert not (tmp_path / "events.part").exists()


def test_truncated_events_are_dropped(tmp_path, board):
    board.training(5, {"loss/total": 5.0})
    board.training(10, {"loss/total": 10.0, "loss/task": 1.0})
    board.epoch(line(10, 0.5))
    (path,) = (tmp_path / "tensorboard").iterdir()
    path.write_bytes(path.read_bytes()[:-5])
    summaries.drop_events(str(tmp_path), 10)
    events = read(tmp_path)
    assert points(events, "loss/total") == [(5, 5.0), (10, 10.0)]
    # The event that was written last.
    assert "dev/average" not in events.Tags()["tensors"]
    assert points(events, "loss/task") == [(10, 1.0)]


def test_events_that_are_written_again_are_dropped(tmp_path, board):
    config = config_lib.Config(run_dir=str(tmp_path))
    board.settings(config, "a run")
    board.training(5, {"loss/total": 5.0})
    board.best(5, 1, 0.25)
    # The run was killed before it wrote its results.
    summaries.drop_events(str(tmp_path), 5)
    again = summaries.TensorBoard(str(tmp_path))
    again.settings(config, "a run")
    again.best(5, 1, 0.25)
    events = read(tmp_path)
    assert points(events, "loss/total") == [(5, 5.0)]
    for tag in events.Tags()["tensors"]:
        assert len(events.Tensors(tag)) == 1, tag
    assert {"run/description", "run/settings", "best/epoch"} <= set(
        events.Tags()["tensors"]
    )


def test_events_are_on_disk_after_an_epoch(tmp_path, board):
    board.training(5, {"loss/total": 5.0})
    board.epoch(line(5, 0.5, {"books": {"accuracy": 0.25}}))
    # The process may be killed at this point.
    assert points(read(tmp_path), "loss/total") == [(5, 5.0)]
    assert points(read(tmp_path), "dev_accuracy/books") == [(5, 0.25)]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            b'{"epoch": 2, "st',
            r"history.jsonl:2: not JSON: .*: --mode=evaluate or resumed",
        ),
        (b'{"step": "\xff"}', r"history.jsonl:2: not JSON: .*0xff"),
        (
            b'{"epoch": 2}',
            r"history.jsonl:2: 'step' is missing: --mode=evaluate or resumed",
        ),
        (b"[5]", r"history.jsonl:2: 'step' is missing"),
    ],
)
def test_a_broken_line_is_an_error(tmp_path, line, message):
    write_history(tmp_path, [5, 10, 15])
    path = tmp_path / "history.jsonl"
    first, _, last = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([first, line, last, b""]))
    with pytest.raises(ValueError, match=message):
        history_lib.read_history(str(tmp_path))


def test_a_new_run_has_no_history(tmp_path):
    assert history_lib.read_history(str(tmp_path)) == []
    history_lib.History(str(tmp_path), [])
    assert history_lib.read_history(str(tmp_path)) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
