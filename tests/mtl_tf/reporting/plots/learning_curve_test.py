"""Learning curves: what is drawn where."""

import numpy as np
import pytest

from mtl_tf.reporting.plots import learning_curve

_ALONE = learning_curve.Curve("alone", [60, 70], [55, 66], [64, 73])
_TOGETHER = learning_curve.Curve("together", [65, 69], [61, 64], [68, 72])


def test_curves_have_the_scores_and_their_intervals():
    picture = learning_curve.draw(
        [("average", [_ALONE, _TOGETHER])], ["100", "all"], "test accuracy"
    )
    (axis,) = picture.axes
    assert axis.get_title(loc="left") == "average"
    assert axis.get_ylabel() == "test accuracy"
    assert [x.get_text() for x in axis.get_xticklabels()] == ["100", "all"]
    for curve, drawn in zip((_ALONE, _TOGETHER), axis.containers, strict=True):
        line, _, (bars,) = drawn.lines
        np.testing.assert_array_equal(line.get_ydata(), curve.scores)
        np.testing.assert_array_equal(
            [segment[:, 1] for segment in bars.get_segments()],
            np.transpose([curve.lows, curve.highs]),
        )
    (legend,) = picture.legends
    assert [x.get_text() for x in legend.get_texts()] == ["alone", "together"]


def test_tasks_have_a_panel_each():
    picture = learning_curve.draw(
        [(name, [_ALONE]) for name in ("books", "films", "games")],
        ["100", "all"],
        "test accuracy",
    )
    shown = [axis for axis in picture.axes if axis.axison]
    assert [axis.get_title(loc="left") for axis in shown] == [
        "books",
        "films",
        "games",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
