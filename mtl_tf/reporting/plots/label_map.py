"""A map of the labels of all tasks by their vectors.

Augenstein, Ruder & Søgaard 2018, Figure 2.
"""

import os
import warnings

import matplotlib
import numpy as np
from matplotlib import figure
from matplotlib import font_manager
from matplotlib.backends import backend_agg

from mtl_tf.reporting.plots import figures
from mtl_tf.reporting.plots import scatter
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.utils import display_names as names_lib

LABEL_MAP_FILE = os.path.join("figures", "labels.png")
_FONT_SIZE = 8
_LEGEND_LINE = 108
# Pixels between a point and its name, and the directions in which it may be.
_GAPS = (7, 15, 26, 40, 58, 80)
_ANGLES = np.arange(16) * np.pi / 8
# Half the side of a point, in pixels.
_POINT = 5
# Around a name.
_PADDING = 2
# From this gap on, a line tells which point a name is of.
_LINE_FROM = 15
_ROUNDS = 4
# With more they would lie on each other, and placing them takes long.
_MOST_NAMES = 40


def write(run_dir: str) -> str:
    """Draws the labels of a run into `figures/`; returns the path of the PNG.

    Raises:
      ValueError: if the run has left no label vectors.
    """
    path = os.path.join(run_dir, LABEL_MAP_FILE)
    picture = draw(label_vectors_lib.read(run_dir))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with warnings.catch_warnings():
        # An empty box for a letter that the font lacks.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture.savefig(path, dpi=120)
    return path


# Names are as they are: `$` begins no formula.
@matplotlib.rc_context({"text.parse_math": False})
def draw(label_vectors: label_vectors_lib.LabelVectors) -> figure.Figure:
    """Draws labels on the two main axes of their vectors (PCA).

    Color and marker tell the task. The titles of the axes tell which share of
    the variance they explain. Where there are many labels, only the most
    frequent ones have their names.

    Args:
      label_vectors: the labels, whose vectors have at least two elements.

    Raises:
      ValueError: if the vectors are shorter.
    """
    if not label_vectors.has_plane:
        raise ValueError(
            "a map needs vectors of at least 2 elements, got "
            f"{label_vectors.vectors.shape[1]}"
        )
    points, shares = scatter.project(label_vectors.vectors)
    by_task = scatter.series(label_vectors.tasks)
    rows, _ = scatter.legend_shape(by_task.names, _LEGEND_LINE)
    picture = figure.Figure(
        figsize=(7.4, 5.4 + 0.175 * rows), layout="constrained"
    )
    axis = picture.subplots()
    named = names_lib.most_frequent(label_vectors.rows, _MOST_NAMES)
    has_name = np.isin(np.arange(len(points)), named)
    for number, look in enumerate(by_task.looks):
        of_series = by_task.of_points == number
        axis.scatter(
            *points[of_series].T,
            # Points without a name leave the names of others readable.
            s=np.where(has_name, 26, 8)[of_series],
            **look,
            # Points that lie on others do not hide them.
            alpha=np.where(has_name, 0.8, 0.25)[of_series],
            linewidths=0,
            zorder=3,
        )
    axis.margins(0.12)
    axis.set_xlabel(scatter.axis_name(0, shares))
    axis.set_ylabel(scatter.axis_name(1, shares))
    axis.spines[["top", "right"]].set_visible(False)
    scatter.draw_legend(axis, by_task, _LEGEND_LINE)
    if len(named) < len(label_vectors):
        axis.set_title(
            f"with the names of the {_MOST_NAMES} most frequent of "
            f"{len(label_vectors):,} labels"
        )
    _write_names(
        picture, axis, points[named], label_vectors.labels[named].tolist()
    )
    return picture


def _write_names(picture, axis, points, labels):
    """Writes names beside their points, where there is room."""
    short = names_lib.shorten(labels)
    names = [short[label] for label in labels]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas = backend_agg.FigureCanvasAgg(picture)
        # The layout is as it will be: names are not part of it.
        canvas.draw()
        renderer = canvas.get_renderer()
        font = font_manager.FontProperties(size=_FONT_SIZE)
        # A line is as high as any: it has room for the tails of `p` and `l`.
        sizes = _PADDING + np.array(
            [
                renderer.get_text_width_height_descent(name, font, False)[:2]
                for name in ("lp", *names)
            ]
        )
        sizes = np.maximum(sizes, (0, sizes[0, 1]))[1:]
    frame = axis.get_window_extent(renderer)
    centers, gaps = place(
        axis.transData.transform(points),
        sizes,
        np.array([frame.x0, frame.y0, frame.x1, frame.y1]),
    )
    pixels_to_data = axis.transData.inverted()
    for name, point, center, gap in zip(
        names, points, centers, gaps, strict=True
    ):
        axis.annotate(
            name,
            point,
            pixels_to_data.transform(center),
            fontsize=_FONT_SIZE,
            horizontalalignment="center",
            verticalalignment="center",
            arrowprops={"arrowstyle": "-", "color": figures.GRAY, "lw": 0.6}
            if gap >= _LINE_FROM
            else None,
        ).set_in_layout(False)


def place(
    points: np.ndarray, sizes: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places for names beside points, which overlap as little as can be.

    Each name in turn takes the best of some places around its point, given
    where the others are, and again as long as that helps. So this is a local
    optimum: names may overlap where points are very dense.

    Args:
      points: float64 [points, 2], in pixels.
      sizes: float64 [points, 2], width and height of the names.
      frame: float64 [4], left, lower, right and upper end of what is drawn on.

    Returns:
      Centers of the names, float64 [points, 2], and the gaps between them and
      their points, float64 [points].
    """
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    gaps = np.repeat(_GAPS, len(directions)).astype(np.float64)
    directions = np.tile(directions, (len(_GAPS), 1))
    # [points, places, 2].
    places = points[:, np.newaxis] + directions * (
        sizes[:, np.newaxis] / 2 + gaps[:, np.newaxis]
    )
    # To the right, where nothing speaks against it.
    far = gaps + 0.5 * (1 - directions[:, 0])
    dots = _boxes(points, np.full_like(points, 2 * _POINT))
    # Names in the order of their points' room, the least first.
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    order = np.argsort(np.sort(distances, axis=1)[:, 1:4].sum(axis=1))
    boxes = [_boxes(*of_name) for of_name in zip(places, sizes, strict=True)]
    # Cost of each place, whatever the others do: what of it lies on points or
    # outside, in square pixels.
    alone = [
        _overlaps(of_name, dots).sum(axis=1)
        + 2 * (size.prod() - _overlaps(of_name, frame[np.newaxis])[:, 0])
        + far
        for of_name, size in zip(boxes, sizes, strict=True)
    ]
    chosen = {}
    for _ in range(_ROUNDS):
        before = dict(chosen)
        for name in order:
            others = [boxes[x][at] for x, at in chosen.items() if x != name]
            others = np.reshape(others, (-1, 4))
            cost = alone[name] + 3 * _overlaps(boxes[name], others).sum(axis=1)
            chosen[name] = int(cost.argmin())
        if chosen == before:
            break
    at = [chosen[name] for name in range(len(points))]
    return places[np.arange(len(points)), at], gaps[at]


def _boxes(centers, sizes):
    """Left, lower, right and upper ends, float64 [boxes, 4]."""
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=1)


def _overlaps(boxes, others):
    """Areas that boxes share with others, float64 [boxes, others]."""
    boxes = boxes[:, np.newaxis]
    low = np.maximum(boxes[..., :2], others[:, :2])
    high = np.minimum(boxes[..., 2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(axis=-1)
