"""Phases, epochs and interruptions of a training loop without a model."""

import shutil

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from mtl_tf.config import choices
from tests.helpers import fake_training


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run with all phases, and its events."""
    run_dir = tmp_path_factory.mktemp("training") / "unbroken"
    return run_dir, fake_training.fit(
        run_dir, fake_training.SCORES, **fake_training.ENDS
    )


def test_phases_end_by_patience_or_after_max_epochs(unbroken):
    run_dir, events = unbroken
    assert [
        (x["phase"], x["epoch"], x["step"])
        for x in fake_training.lines(run_dir)
    ] == [
        ("base", 1, 3),
        ("base", 2, 6),
        ("base", 3, 9),
        ("label_transfer", 4, 12),
        ("label_transfer", 5, 15),
        ("semi_supervised", 6, 18),
        ("semi_supervised", 7, 21),
        ("semi_supervised", 8, 24),
    ]
    assert [event for event in events if not event.endswith("step")] == [
        *["save best", "save last"] * 2,
        *["save last", "save best_base", "save last"],
        *["save best", "save last"],
        *["save last", "save best_label_transfer", "save last"],
        *["save best", "save last"] * 3,
    ]


def test_phase_starts_with_best_weights_and_slots(unbroken):
    run_dir, _ = unbroken
    # After 6 of 9 steps of base, 3 of 6 of label_transfer, and all 9 of the
    # last phase.
    weight, slot = 1.0, 0.0
    at_ends = []
    for order, steps in ((1, 6), (2, 3), (3, 9)):
        for _ in range(steps):
            slot = 0.9 * slot + order
            weight = weight * 1.01 + 0.001 * slot
        at_ends.append((weight, slot))
    names = ("best_base", "best_label_transfer", "best")
    best = [fake_training.read(run_dir, name) for name in names]
    for expected, saved in zip(at_ends, best, strict=True):
        actual = saved["model"]["weight"], saved["optimizer"]["slot"]
        assert actual == pytest.approx(expected, rel=1e-12)
    assert [int(x["loop"]["best_epoch"]) for x in best] == [2, 4, 8]
    assert [int(x["loop"]["phase"]) for x in best] == [0, 1, 2]
    # The last phase follows the mean of both outputs.
    assert best[-1]["loop"]["best_score"] == (0.5 + 0.25) / 2


def test_dev_average_is_of_main_task_and_label_transfer(unbroken):
    run_dir, _ = unbroken
    for line, score in zip(
        fake_training.lines(run_dir), fake_training.SCORES, strict=True
    ):
        dev = line["dev"]
        main = {"accuracy": 1 - score, "macro_f1": score, "n": 4, "loss": 0.5}
        assert dev["tasks"]["b"] == main
        assert dev["tasks"]["a"]["macro_f1"] == 0.25
        if line["phase"] == "base":
            assert set(dev) == {"average", "tasks"}
            assert dev["average"] == score
        else:
            assert dev["average"] == (score + score / 2) / 2
            assert dev["label_transfer"]["macro_f1"] == score / 2
            assert dev["label_transfer"]["loss"] == 1.5


def test_logs_are_means_over_the_steps_that_have_them(unbroken):
    run_dir, _ = unbroken
    # Means of the odd ones of steps 0, 1, 2; 3, 4, 5; and so on.
    expected = [1, 4, 7, 10, 13, 16, 19, 22]
    actual = [
        line["terms"]["loss/of_odd_steps"]
        for line in fake_training.lines(run_dir)
    ]
    assert actual == expected
    assert all(
        x["terms"]["training/tokens"] == 7 for x in fake_training.lines(run_dir)
    )
    assert (
        fake_training.read(run_dir, "last")["loop"]["tokens"]
        == 8 * fake_training.STEPS * 7
    )


def test_run_killed_anywhere_resumes_to_the_same_end(unbroken, tmp_path):
    """In the middle of each epoch, and before and after each checkpoint."""
    expected_dir, events = unbroken
    expected = {
        name: fake_training.read(expected_dir, name)
        for name in ("last", "best", "best_base", "best_label_transfer")
    }
    for killed_at, event in enumerate(events):
        if events[killed_at - 1] == event != events[killed_at + 1]:
            # One step per epoch is enough.
            continue
        run_dir = tmp_path / "run"
        with pytest.raises(fake_training.KilledError, match=event):
            fake_training.fit(
                run_dir, fake_training.SCORES, killed_at, **fake_training.ENDS
            )
        fake_training.fit(run_dir, fake_training.SCORES, **fake_training.ENDS)
        assert fake_training.lines(run_dir) == fake_training.lines(
            expected_dir
        ), killed_at
        for name, parts in expected.items():
            actual = fake_training.read(run_dir, name)
            assert actual == parts, (killed_at, event, name)
        shutil.rmtree(run_dir)


def test_finished_run_does_not_train_again(unbroken, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(unbroken[0], run_dir)
    assert (
        fake_training.fit(run_dir, fake_training.SCORES, **fake_training.ENDS)
        == []
    )


def test_without_patience_each_phase_runs_all_epochs(tmp_path):
    fake_training.fit(
        tmp_path,
        fake_training.SCORES,
        epochs=2,
        patience=0,
        **fake_training.SEMI_SUPERVISED,
    )
    actual = [line["phase"] for line in fake_training.lines(tmp_path)]
    assert actual == [phase for phase in choices.PHASES for _ in range(2)]
    state = fake_training.read(tmp_path, "last")["loop"]
    assert (state["epoch"], state["phase_start"]) == (6, 4)


def test_without_label_transfer_there_is_one_phase(tmp_path):
    events = fake_training.fit(
        tmp_path, fake_training.SCORES, epochs=4, patience=2
    )
    assert [line["phase"] for line in fake_training.lines(tmp_path)] == [
        "base"
    ] * 4
    # The average of both tasks, each by its metric: accuracy of a is .75.
    averages = [
        line["dev"]["average"] for line in fake_training.lines(tmp_path)
    ]
    assert averages == [
        (0.75 + score) / 2 for score in fake_training.SCORES[:4]
    ]
    assert "save best_base" not in events


@pytest.mark.parametrize(
    ("losses", "best", "epochs"),
    [([0.5, 0.5, 0.5, 0.5], 1, 3), ([0.5, 0.6, 0.4, 0.7, 0.4, 0.1], 3, 5)],
)
def test_ties_in_dev_score_are_broken_by_dev_loss(
    tmp_path, losses, best, epochs
):
    settings = {"epochs": 9, "patience": 2, "main_task": "b"}
    fake_training.fit(
        tmp_path, [0.5] * 4 + [0.25] * 5, losses=losses, **settings
    )
    assert fake_training.read(tmp_path, "best")["loop"]["best_epoch"] == best
    assert len(fake_training.lines(tmp_path)) == epochs


@pytest.mark.parametrize(
    ("patience", "scores", "epochs"),
    [
        # Accuracy is 1 - score, and drops in the last epoch.
        (1, [0.5, 0.5, 0.25, 0.5], 4),
        # Compared with two epochs before: .5 after .75 after .5 is no drop.
        (2, [0.5, 0.25, 0.5, 0.25, 0.75, 0.1], 5),
        (0, [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8], 8),
    ],
)
def test_stopping_at_a_drop_keeps_the_last_epoch(
    tmp_path, patience, scores, epochs
):
    fake_training.fit(
        tmp_path,
        scores,
        epochs=8,
        patience=patience,
        stopping="drop",
        main_task="b",
    )
    assert len(fake_training.lines(tmp_path)) == epochs
    last, best = (
        fake_training.read(tmp_path, "last"),
        fake_training.read(tmp_path, "best"),
    )
    assert best == last
    assert best["loop"]["best_epoch"] == epochs


def test_drop_is_measured_within_a_phase(tmp_path):
    # Accuracy is lower than in base, which is no drop within the phase.
    scores = [0.1, 0.2, 0.9, 0.8, 0.85]
    fake_training.fit(
        tmp_path,
        scores,
        epochs=3,
        patience=1,
        stopping="drop",
        label_transfer="supervised",
        main_task="b",
    )
    actual = [line["phase"] for line in fake_training.lines(tmp_path)]
    assert actual == ["base"] * 2 + ["label_transfer"] * 3


def test_loss_that_is_not_finite_ends_training(tmp_path, monkeypatch):
    monkeypatch.setattr(
        fake_training.Trainer,
        "train_step",
        lambda self, batch, phase: {
            "loss/total": tf.constant(np.nan),
            "training/tokens": tf.constant(7.0),
        },
    )
    with pytest.raises(FloatingPointError, match=r"^loss/total is nan"):
        fake_training.fit(tmp_path, fake_training.SCORES, epochs=1)


@pytest.mark.parametrize("loss", [np.nan, np.inf])
def test_dev_loss_that_is_not_finite_ends_training(tmp_path, loss):
    # No training loss of the epoch shows the update of its last step.
    with pytest.raises(
        FloatingPointError,
        match=rf"^the dev loss of b is {loss} before step 7\.",
    ):
        fake_training.fit(
            tmp_path, fake_training.SCORES, losses=[0.5, loss], epochs=3
        )
    assert [line["epoch"] for line in fake_training.lines(tmp_path)] == [1]


def test_large_loss_is_logged_in_few_characters(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(
        fake_training.Trainer,
        "train_step",
        lambda self, batch, phase: {
            "loss/total": tf.constant(3e31),
            "training/tokens": tf.constant(7.0),
        },
    )
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        fake_training.fit(tmp_path, fake_training.SCORES, epochs=1)
    assert "loss    3e+31  dev  " in caplog.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
