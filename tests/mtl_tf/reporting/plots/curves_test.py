import json

import matplotlib.image
import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.reporting.plots import curves
from mtl_tf.runs import results as results_lib


def make_history(adversarial=False, orthogonal=False, epochs=3):
    lines = []
    for epoch in range(1, epochs + 1):
        logs = {
            "training/accuracy": epoch / 10,
            "loss/task": 1 / epoch,
            "loss_weighted/task": 2 / epoch,
        }
        if orthogonal:
            logs |= {
                "loss/orthogonality": 0.1,
                "loss_weighted/orthogonality": 0.001,
            }
        if adversarial:
            logs |= {
                "loss/adversarial": 1.0,
                "loss_weighted/adversarial": 0.05,
                "discriminator/cross_entropy": 1.0,
                "discriminator/task_prior_entropy": 1.1,
                "discriminator/accuracy": 0.4,
                "discriminator/chance": 0.33,
            }
        accuracy = 0.7 if epoch == 2 else 0.6
        dev = {
            "average": accuracy,
            "tasks": {
                "a": {"accuracy": accuracy - 0.1, "loss": 1 + epoch},
                "b": {"accuracy": accuracy + 0.1, "loss": 3 + epoch},
            },
        }
        lines.append(
            {
                "phase": "base",
                "epoch": epoch,
                "step": epoch,
                "terms": logs,
                "dev": dev,
            }
        )
    return lines


def values_by_name(axis):
    return {
        line.get_label(): line.get_ydata()
        for line in axis.lines
        if not line.get_label().startswith("_")
    }


@pytest.mark.parametrize("epochs", [1, 3])
def test_curves_are_written_to_the_run_directory(tmp_path, epochs):
    history = make_history(adversarial=True, epochs=epochs)
    path = tmp_path / "history.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in history))
    results_lib.write(str(tmp_path), {"schema": 1, "best_epoch": 1})
    written = curves.write(str(tmp_path))
    assert written == str(tmp_path / "figures" / "curves.png")
    image = matplotlib.image.imread(written)
    # There are dark pixels on white.
    assert 0.01 < (image[..., :3].mean(axis=-1) < 0.9).mean() < 0.5


@pytest.mark.parametrize(
    ("settings", "titles"),
    [
        ({}, ["dev", "accuracy", "label"]),
        (
            {"orthogonal": True},
            ["dev", "accuracy", "label", "orthogonality", "weighted"],
        ),
        (
            {"adversarial": True},
            ["dev", "accuracy", "label", "weighted", "task"],
        ),
    ],
)
def test_panels_depend_on_the_losses(settings, titles):
    axes = curves.draw(make_history(**settings), 2).axes
    assert [axis.get_title("left").split()[0] for axis in axes] == titles


def test_curves_hold_the_values_of_the_history():
    history = make_history(adversarial=True, orthogonal=True)
    dev, accuracy, losses, orthogonality, weighted, discriminator = map(
        values_by_name, curves.draw(history, 2).axes
    )
    np.testing.assert_allclose(dev["a"], [0.5, 0.6, 0.5])
    np.testing.assert_allclose(dev["b"], [0.7, 0.8, 0.7])
    np.testing.assert_allclose(dev["average"], [0.6, 0.7, 0.6])
    np.testing.assert_allclose(accuracy["training"], [0.1, 0.2, 0.3])
    np.testing.assert_allclose(accuracy["dev"], [0.6, 0.7, 0.6])
    np.testing.assert_allclose(losses["training"], [1, 1 / 2, 1 / 3])
    # The mean of 1 + epoch and 3 + epoch.
    np.testing.assert_allclose(losses["dev"], [3, 4, 5])
    np.testing.assert_allclose(orthogonality["orthogonality"], 0.1)
    np.testing.assert_allclose(weighted["labels"], [2, 1, 2 / 3])
    np.testing.assert_allclose(weighted["adversarial"], 0.05)
    np.testing.assert_allclose(weighted["orthogonality"], 0.001)
    assert {name: values[0] for name, values in discriminator.items()} == {
        "cross-entropy (nats)": 1.0,
        "entropy of the tasks": 1.1,
        "accuracy": 0.4,
        "chance": 0.33,
    }


def test_the_orthogonality_loss_fills_its_panel():
    """It is a hundredth of the label loss, and flat in a common panel."""
    history = make_history(orthogonal=True)
    for line, value in zip(history, (0.01, 0.02, 0.004), strict=True):
        line["terms"]["loss/orthogonality"] = value
    axis = curves.draw(history, 2).axes[3]
    assert axis.get_ylim() == pytest.approx((0, 0.02), rel=0.1)


def test_losses_that_are_not_finite_are_left_out():
    history = make_history(orthogonal=True)
    history[1]["terms"]["loss/task"] = float("nan")
    losses = values_by_name(curves.draw(history, 2).axes[2])
    np.testing.assert_allclose(losses["training"], [1, 1 / 3])


def test_a_history_without_dev_losses_and_training_accuracy():
    history = make_history()
    for line in history:
        del line["terms"]["training/accuracy"]
        del line["dev"]["tasks"]["b"]["loss"]
    _, accuracy, losses = map(values_by_name, curves.draw(history, 2).axes)
    assert list(accuracy) == ["dev"]
    assert list(losses) == ["training"]


def test_a_single_task_has_no_average():
    history = make_history()
    for line in history:
        del line["dev"]["tasks"]["b"]
    assert list(values_by_name(curves.draw(history, 2).axes[0])) == ["a"]


def test_a_single_epoch_is_a_point():
    history = make_history(adversarial=True, orthogonal=True, epochs=1)
    for axis in curves.draw(history, 1).axes:
        # The last line is the best epoch.
        for line in axis.lines[:-1]:
            assert (line.get_marker(), line.get_markevery()) == ("o", [-1])
        ticks = axis.get_xticks()
        np.testing.assert_array_equal(ticks, ticks.round())


@pytest.mark.parametrize("adversarial", [False, True])
def test_panels_names_and_the_note_do_not_overlap(adversarial):
    picture = curves.draw(make_history(adversarial, True), 2)
    backend_agg.FigureCanvasAgg(picture).draw()
    boxes = [picture.texts[0].get_window_extent()]
    # With their titles and names.
    boxes += [axis.get_tightbbox() for axis in picture.axes]
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= picture.bbox.x1


def test_the_best_epoch_is_marked_in_each_panel():
    picture = curves.draw(make_history(adversarial=True), 2)
    for axis in picture.axes:
        assert [2, 2] in [list(line.get_xdata()) for line in axis.lines]
    assert "best epoch (2)" in picture.texts[0].get_text()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
