import itertools

import matplotlib.text
import numpy as np
import pytest
from matplotlib import figure
from matplotlib.backends import backend_agg
from scipy import optimize

from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import style


def draw(values, scale="data"):
    """Draws curves; returns the figure after its layout."""
    picture = figure.Figure(
        figsize=(5.4, lines.height(len(values))), layout="constrained"
    )
    lines.draw(picture.subplots(), "title", lines.make_curves(values), scale)
    backend_agg.FigureCanvasAgg(picture).draw()
    return picture


def extent(name):
    """Returns the extent of a name without the line to its curve."""
    return matplotlib.text.Text.get_window_extent(name)


def crowded(count, length=4):
    """Makes curves that end close to each other."""
    return {
        f"{index:0{length}d}": lines.by_epoch([0.5, 0.8 + index / 1000])
        for index in range(count)
    }


@pytest.mark.parametrize("count", [1, 4, 16, 40])
def test_names_do_not_overlap(count):
    (axis,) = draw(crowded(count, 28)).axes
    boxes = list(map(extent, axis.texts))
    assert [text.get_text() for text in axis.texts] == list(crowded(count, 28))
    # Names of one column, in the order of the ends of their curves.
    for lower, upper in itertools.pairwise(boxes):
        assert lower.y1 <= upper.y0 + 0.5
    for box in boxes:
        assert box.x0 > axis.get_window_extent().x1
        assert axis.figure.bbox.x1 >= box.x1


def test_a_name_is_at_the_end_of_its_curve():
    values = {"a": {1: 0.1, 2: 0.9}, "b": {1: 0.9, 2: 0.2, 3: 0.3}}
    (axis,) = draw(values).axes
    for text, line in zip(axis.texts, axis.lines, strict=True):
        assert text.xy == (line.get_xdata()[-1], line.get_ydata()[-1])
        assert text.arrow_patch.get_edgecolor()[:3] == (
            *tuple(
                int(line.get_color()[i : i + 2], 16) / 255 for i in (1, 3, 5)
            ),
        )
        box, end = extent(text), axis.transData.transform(text.xy)
        assert (box.y0 + box.y1) / 2 == pytest.approx(end[1], abs=3)


def test_scales():
    values = {"a": {1: 1.0, 2: 100.0}}
    assert draw(values, "zero").axes[0].get_ylim()[0] == 0
    assert draw(values).axes[0].get_ylim()[0] != 0
    assert draw(values, "log").axes[0].get_yscale() == "log"


def test_a_log_scale_leaves_out_zeros():
    values = {"zero": {1: 0.0, 2: 0.0}, "some": {1: 0.0, 2: 3.0}}
    (axis,) = draw(values, "log").axes
    (line,) = axis.lines
    assert line.get_label() == "some"
    assert list(line.get_xdata()) == [2]
    assert not draw({"zero": {1: 0.0}}, "log").axes[0].lines


def test_the_line_to_the_name_of_a_curve_that_ends_early_is_faint():
    """It must not look like a part of the curve."""
    values = {"early": {1: 0.1, 2: 0.9}, "last": {1: 0.9, 2: 0.2, 3: 0.3}}
    (axis,) = draw(values).axes
    early, last = (text.arrow_patch.get_alpha() for text in axis.texts)
    assert early < 0.5 < last


def test_positions_move_as_little_as_possible():
    positions = np.array([0.5, 0.52, 0.1, 0.48, 0.95])
    actual = lines.spread(positions, 0.1)
    # Quadratic programming with the same constraints.
    order = np.argsort(positions)
    gaps = [
        {"type": "ineq", "fun": lambda x, a=a, b=b: x[b] - x[a] - 0.1}
        for a, b in itertools.pairwise(order)
    ]
    expected = optimize.minimize(
        lambda x: ((x - positions) ** 2).sum(),
        positions,
        bounds=[(0, 1)] * len(positions),
        constraints=gaps,
    ).x
    np.testing.assert_allclose(actual, expected, atol=1e-5)


def test_positions_stay_between_0_and_1_if_there_is_room():
    actual = lines.spread(np.array([-5.0, 0.99, 1.0, 1.0]), 0.2)
    np.testing.assert_allclose(actual, [0, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(
        lines.spread(np.zeros(3), 0.8), [0, 0.8, 1.6], atol=1e-12
    )


def test_the_looks_of_many_curves_are_distinct():
    curves = lines.make_curves({str(n): {1: 0.0} for n in range(28)})
    assert len({curve.look for curve in curves}) == 28
    # Few curves differ in color alone.
    few = curves[: len(style.COLORS)]
    assert {curve.look.linestyle for curve in few} == {"-"}


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
