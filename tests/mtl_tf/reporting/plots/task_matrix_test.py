import numpy as np
import pytest

from mtl_tf.reporting.plots import task_matrix


def draw(matrix, rows=("a", "$b$"), columns=("a", "b", "c")):
    return task_matrix.draw(
        np.array(matrix),
        rows,
        columns,
        row_label="main task",
        column_label="auxiliary task",
        title="gain (points)",
        show=lambda value: f"{value:+.1f}",
    )


def test_cells_have_numbers_and_colors_by_sign_and_size():
    matrix = [[9.0, -2.0, np.nan], [0.0, 0.5, 1.5]]
    (axis,) = draw(matrix).axes
    texts = {text.get_position(): text.get_text() for text in axis.texts}
    # Positions are (column, row); a missing number has no cell.
    assert texts == {
        (0, 0): "+9.0",
        (1, 0): "-2.0",
        (0, 1): "+0.0",
        (1, 1): "+0.5",
        (2, 1): "+1.5",
    }
    cells = {
        (patch.get_x() + 0.5, patch.get_y() + 0.5): patch
        for patch in axis.patches
    }
    assert cells.keys() == texts.keys()
    for position, cell in cells.items():
        value = float(texts[position])
        red, _, blue, opacity = cell.get_facecolor()
        assert (blue > red) == (value > 0)
        # Task a for itself does not count in the scale.
        assert opacity == pytest.approx(0.7 * min(abs(value) / 2, 1))
    assert [x.get_text() for x in axis.get_yticklabels()] == ["a", "$b$"]
    labels = (axis.get_xlabel(), axis.get_ylabel(), axis.get_title())
    assert labels == ("auxiliary task", "main task", "gain (points)")


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_matrix_without_numbers_can_be_drawn(value):
    picture = draw(np.full([2, 3], value))
    picture.draw_without_rendering()


def test_many_tasks_have_colors_only():
    names = [f"task_{index}" for index in range(30)]
    axis = draw(np.ones([30, 30]), names, names).axes[0]
    assert not axis.texts
    assert len(axis.get_xticklabels()) == 30


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
