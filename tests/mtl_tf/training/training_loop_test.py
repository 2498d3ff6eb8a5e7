"""Phases, epochs and interruptions, without a model to wait for."""

import shutil
from unittest import mock

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from mtl_tf.config import choices
from mtl_tf.reporting.tensorboard import summaries
from tests.helpers import fake_training


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory):
    """A run with all phases, and what happened in it."""
    run_dir = tmp_path_factory.mktemp("fitting") / "unbroken"
    return run_dir, fake_training.fit(
        run_dir, fake_training.SCORES, **fake_training.ENDS
    )


def test_phases_end_by_patience_or_their_number_of_epochs(unbroken):
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


def test_a_phase_begins_with_the_best_weights_and_slots(unbroken):
    run_dir, _ = unbroken
    # Of 6 steps of base, not 9; 3 of the next, not 6; and then 9.
    weight, slot = 1.0, 0.0
    at_ends = []
    for order, steps in ((1, 6), (2, 3), (3, 9)):
        for _ in range(steps):
            slot = 0.9 * slot + order
            weight = weight * 1.01 + 0.001 * slot
        at_ends.append((weight, slot))
    names = ("best_base", "best_label_transfer", "best")
    found = [fake_training.read(run_dir, name) for name in names]
    for wanted, saved in zip(at_ends, found, strict=True):
        got = saved["model"]["weight"], saved["optimizer"]["slot"]
        assert got == pytest.approx(wanted, rel=1e-12)
    assert [int(x["fit"]["best_epoch"]) for x in found] == [2, 4, 8]
    assert [int(x["fit"]["phase"]) for x in found] == [0, 1, 2]
    # What the last one was chosen by: the mean of both outputs.
    assert found[-1]["fit"]["best_score"] == (0.5 + 0.25) / 2


def test_what_early_stopping_follows(unbroken):
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


def test_terms_are_means_over_the_steps_that_have_them(unbroken):
    run_dir, _ = unbroken
    # Steps 0, 1, 2; 3, 4, 5; and so on: the odd ones.
    wanted = [1, 4, 7, 10, 13, 16, 19, 22]
    found = [
        line["terms"]["loss/of_odd_steps"]
        for line in fake_training.lines(run_dir)
    ]
    assert found == wanted
    assert all(
        x["terms"]["training/tokens"] == 7 for x in fake_training.lines(run_dir)
    )
    assert (
        fake_training.read(run_dir, "last")["fit"]["tokens"]
        == 8 * fake_training.STEPS * 7
    )


def test_killed_anywhere_and_resumed_it_ends_alike(
    unbroken, tmp_path, monkeypatch
):
    """In the middle of each epoch, and before and after each checkpoint."""
    # Its files are not compared, and take long to write.
    monkeypatch.setattr(summaries, "TensorBoard", mock.MagicMock())
    wanted_dir, events = unbroken
    wanted = {
        name: fake_training.read(wanted_dir, name)
        for name in ("last", "best", "best_base", "best_label_transfer")
    }
    for killed_at, event in enumerate(events):
        if events[killed_at - 1] == event != events[killed_at + 1]:
            # Between two steps is tried once an epoch.
            continue
        run_dir = tmp_path / "run"
        with pytest.raises(fake_training.KilledError, match=event):
            fake_training.fit(
                run_dir, fake_training.SCORES, killed_at, **fake_training.ENDS
            )
        fake_training.fit(run_dir, fake_training.SCORES, **fake_training.ENDS)
        assert fake_training.lines(run_dir) == fake_training.lines(
            wanted_dir
        ), killed_at
        for name, parts in wanted.items():
            found = fake_training.read(run_dir, name)
            assert found == parts, (killed_at, event, name)
        shutil.rmtree(run_dir)


def test_a_run_that_has_ended_trains_no_more(unbroken, tmp_path):
    run_dir = tmp_path / "run"
    shutil.copytree(unbroken[0], run_dir)
    assert (
        fake_training.fit(run_dir, fake_training.SCORES, **fake_training.ENDS)
        == []
    )


def test_without_patience_each_phase_has_all_its_epochs(tmp_path):
    fake_training.fit(
        tmp_path,
        fake_training.SCORES,
        epochs=2,
        patience=0,
        **fake_training.SEMI_SUPERVISED,
    )
    found = [line["phase"] for line in fake_training.lines(tmp_path)]
    assert found == [phase for phase in choices.PHASES for _ in range(2)]
    fit_state = fake_training.read(tmp_path, "last")["fit"]
    assert (fit_state["epoch"], fit_state["phase_began"]) == (6, 4)


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
def test_of_equal_scores_the_one_with_the_lower_loss_is_better(
    tmp_path, losses, best, epochs
):
    settings = {"epochs": 9, "patience": 2, "main_task": "b"}
    fake_training.fit(
        tmp_path, [0.5] * 4 + [0.25] * 5, losses=losses, **settings
    )
    assert fake_training.read(tmp_path, "best")["fit"]["best_epoch"] == best
    assert len(fake_training.lines(tmp_path)) == epochs


@pytest.mark.parametrize(
    ("patience", "scores", "epochs"),
    [
        # Accuracy, which is 1 - score, falls below that of the epoch before.
        (1, [0.5, 0.5, 0.25, 0.5], 4),
        # Below that of two epochs before: not .5 after .75 after .5.
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
    assert best["fit"]["best_epoch"] == epochs


def test_a_drop_is_looked_for_within_a_phase(tmp_path):
    # Lower than in base, and yet no drop.
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
    found = [line["phase"] for line in fake_training.lines(tmp_path)]
    assert found == ["base"] * 2 + ["label_transfer"] * 3


def test_what_is_no_number_ends_training(tmp_path, monkeypatch):
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
def test_a_dev_loss_that_is_no_number_ends_training(tmp_path, loss):
    # The update of the last step of an epoch shows in no loss of that epoch.
    with pytest.raises(
        FloatingPointError,
        match=rf"^the dev loss of b is {loss} before step 7\.",
    ):
        fake_training.fit(
            tmp_path, fake_training.SCORES, losses=[0.5, loss], epochs=3
        )
    assert [line["epoch"] for line in fake_training.lines(tmp_path)] == [1]


def test_a_large_loss_is_logged_in_few_characters(
    tmp_path, monkeypatch, caplog
):
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
