"""Heat maps of a number for each pair of tasks."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib import figure
from matplotlib import patches

from mtl_tf.reporting.plots import style
from mtl_tf.utils import display_names as names_lib

# With more tasks, cells are too small for text.
_MAX_TASKS_WITH_NUMBERS = 16
_MAX_OPACITY = 0.7


def draw(
    matrix: np.ndarray,
    rows: Sequence[str],
    columns: Sequence[str],
    *,
    row_label: str,
    column_label: str,
    title: str,
    show: Callable[[float], str],
) -> figure.Figure:
    """Draws a matrix whose cells are blue if positive and orange if negative.

    The larger the number, the darker the cell. The number of a task for itself
    is usually the largest and does not count in the scale of the colors.

    Args:
      matrix: float64 [rows, columns]; nan is an empty cell.
      rows: names of the rows.
      columns: names of the columns.
      row_label: what the rows are.
      column_label: what the columns are.
      title: what the numbers are.
      show: formats a number.
    """
    count = min(max(len(rows), len(columns)), _MAX_TASKS_WITH_NUMBERS)
    with style.context():
        picture = figure.Figure(
            figsize=(
                2.6 + 0.62 * min(len(columns), count),
                1.6 + 0.36 * min(len(rows), count),
            ),
            layout="constrained",
        )
        axis = picture.subplots()
        axis.set(
            xlim=(-0.5, len(columns) - 0.5),
            ylim=(len(rows) - 0.5, -0.5),
            xlabel=column_label,
            ylabel=row_label,
            title=title,
        )
        short = names_lib.shorten([*rows, *columns])
        axis.set_xticks(
            np.arange(len(columns)),
            [short[name] for name in columns],
            rotation=30,
            horizontalalignment="right",
        )
        axis.set_yticks(np.arange(len(rows)), [short[name] for name in rows])
        has_numbers = max(len(rows), len(columns)) <= _MAX_TASKS_WITH_NUMBERS
        others = np.not_equal.outer(rows, columns) & np.isfinite(matrix)
        scale = np.max(np.abs(matrix), where=others, initial=0)
        _draw_cells(axis, matrix, scale, show if has_numbers else None)
    return picture


def _draw_cells(axis, matrix, scale, show):
    """Draws the cells that have a number, and the numbers if `show` is set."""
    for row, column in np.argwhere(np.isfinite(matrix)).tolist():
        value = matrix[row, column]
        # Text is readable on transparent colors, also in dark mode.
        share = min(abs(value) / scale, 1) if scale else 0
        axis.add_patch(
            patches.Rectangle(
                (column - 0.5, row - 0.5),
                1,
                1,
                color=style.BLUE if value > 0 else style.RED,
                alpha=_MAX_OPACITY * share,
                linewidth=0,
            )
        )
        if show:
            axis.text(
                column,
                row,
                show(value),
                horizontalalignment="center",
                verticalalignment="center",
            )


def draw_affinity(matrix: np.ndarray, tasks: Sequence[str]) -> figure.Figure:
    """Draws inter-task affinities in percent.

    Args:
      matrix: float64 [main task, auxiliary task], as in
        `affinity_file.Affinity`.
      tasks: names of the tasks.
    """
    return draw(
        100 * matrix,
        tasks,
        tasks,
        row_label="main task (loss)",
        column_label="auxiliary task (update)",
        title="affinity (%)",
        show=lambda value: f"{value:.2g}",
    )
