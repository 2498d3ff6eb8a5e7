import json

import matplotlib.image
import matplotlib.text
import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.plots import transfer_curves
from tests.helpers import run_artifacts

TASK = tasks_lib.Task("stance", ("against", "for", "other"), "macro_f1")
PHASES = ("base",) * 4 + ("label_transfer",) * 3 + ("semi_supervised",) * 2
MAIN = [0.3, 0.5, 0.4, 0.4, 0.45, 0.55, 0.5, 0.6, 0.5]
TRANSFER = [0.2, 0.3, 0.35, 0.5, 0.4]


def make_history(main=MAIN, transfer=TRANSFER, phases=PHASES):
    lines = []
    for index, (score, phase) in enumerate(zip(main, phases, strict=True)):
        dev = {
            "average": score,
            "tasks": {
                "other": {"macro_f1": 0.9, "accuracy": 0.9},
                "stance": {"macro_f1": score, "accuracy": 0.1},
            },
        }
        if phase != "base":
            transfer_score = transfer[index - phases.count("base")]
            dev["label_transfer"] = {
                "macro_f1": transfer_score,
                "accuracy": 0.1,
            }
            dev["average"] = (score + transfer_score) / 2
        lines.append(
            {"phase": phase, "epoch": index + 1, "step": index, "dev": dev}
        )
    return lines


# The best epochs of the results differ from those of the highest score.
RESULTS = {
    "phases": {
        "base": {"best_epoch": 3},
        "label_transfer": {"best_epoch": 6},
        "semi_supervised": {"best_epoch": 8},
    }
}


def curves_of(axis):
    return {
        line.get_label(): line
        for line in axis.lines
        if not line.get_label().startswith("_")
    }


def test_both_outputs_are_drawn_by_the_task_s_metric():
    axis = transfer_curves.draw(make_history(), TASK, RESULTS).axes[0]
    actual = curves_of(axis)
    assert list(actual) == ["main model", "label transfer network"]
    main, transfer = actual.values()
    np.testing.assert_array_equal(main.get_xdata(), np.arange(1, 10))
    np.testing.assert_allclose(main.get_ydata(), MAIN)
    np.testing.assert_array_equal(transfer.get_xdata(), np.arange(5, 10))
    np.testing.assert_allclose(transfer.get_ydata(), TRANSFER)
    assert axis.get_ylabel() == "dev macro_f1 of stance"
    assert main.get_color() != transfer.get_color()


def test_phases_are_marked():
    axis = transfer_curves.draw(make_history(), TASK, RESULTS).axes[0]
    lines = [
        x.get_xdata() for x in axis.lines if x not in curves_of(axis).values()
    ]
    assert [list(x) for x in lines] == [[4.5, 4.5], [7.5, 7.5]]
    names = {text.get_text(): text.xy[0] for text in axis.texts[2:]}
    assert names == {
        "base": 0.5,
        "label transfer": 4.5,
        "semi supervised": 7.5,
    }


def test_dots_are_the_best_epochs_of_the_phases():
    axis = transfer_curves.draw(make_history(), TASK, RESULTS).axes[0]
    main, transfer = curves_of(axis).values()
    dots = [main.get_xdata()[index] for index in main.get_markevery()]
    assert dots == [3, 6, 8]
    dots = [transfer.get_xdata()[index] for index in transfer.get_markevery()]
    assert dots == [6, 8]


@pytest.mark.parametrize(
    "phases",
    [
        PHASES,
        ("base", "label_transfer"),
        # Names much longer than their phases.
        ("base",) * 40 + ("label_transfer", "semi_supervised"),
    ],
    ids=len,
)
def test_texts_do_not_overlap(phases):
    history = make_history(np.resize(MAIN, len(phases)), TRANSFER, phases)
    picture = transfer_curves.draw(history, TASK, RESULTS)
    backend_agg.FigureCanvasAgg(picture).draw()
    (axis,) = picture.axes
    boxes = [text.get_window_extent() for text in axis.texts[2:]]
    # Names of curves without the lines to their curves.
    boxes += map(matplotlib.text.Text.get_window_extent, axis.texts[:2])
    boxes.append(picture.texts[0].get_window_extent())
    boxes.append(axis.xaxis.label.get_window_extent())
    for index, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:index])
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= picture.bbox.x1
        assert box.y1 <= picture.bbox.y1


def test_a_single_epoch_is_a_point():
    history = make_history(MAIN[:2], TRANSFER, ("base", "label_transfer"))
    axis = transfer_curves.draw(history, TASK, RESULTS).axes[0]
    transfer = curves_of(axis)["label transfer network"]
    assert transfer.get_marker() == "o"
    assert transfer.get_markevery() == [0]


def test_only_a_run_with_label_transfer_has_the_curves():
    history = make_history()
    assert transfer_curves.has_label_transfer(history)
    assert not transfer_curves.has_label_transfer(history[:4])
    assert not transfer_curves.has_label_transfer([])


@pytest.fixture
def data_dir(tmp_path):
    return run_artifacts.write_corpus(str(tmp_path / "corpus"))


def test_curves_are_written_to_the_run_directory(tmp_path, data_dir):
    run_dir = run_artifacts.write_run(
        str(tmp_path / "run"),
        data_dir,
        main_task="stance",
        label_transfer="supervised",
    )
    path = transfer_curves.write(run_dir)
    assert path == str(tmp_path / "run" / "figures" / "label_transfer.png")
    image = matplotlib.image.imread(path)
    assert 0.005 < (image[..., :3].mean(axis=-1) < 0.9).mean() < 0.5


def test_a_run_without_label_transfer_is_an_error(tmp_path):
    path = tmp_path / "history.jsonl"
    path.write_text(
        "".join(json.dumps(line) + "\n" for line in make_history()[:4])
    )
    with pytest.raises(ValueError, match=r"history.jsonl has no dev score of"):
        transfer_curves.write(str(tmp_path))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
