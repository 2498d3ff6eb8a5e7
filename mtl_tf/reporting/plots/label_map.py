"""A map of the labels of all tasks by their embeddings.

Augenstein, Ruder & Søgaard 2018, Figure 2.
"""

import os
import warnings

import numpy as np
from matplotlib import figure
from matplotlib import font_manager
from matplotlib.backends import backend_agg

from mtl_tf.reporting.plots import scatter
from mtl_tf.reporting.plots import style
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.utils import display_names as names_lib

LABEL_MAP_FILE = os.path.join("figures", "labels.png")
_FONT_SIZE = 8
_LEGEND_CHARACTERS = 108
# With more names, the map would be crowded, and placing them slow.
_MAX_NAMES = 40

# Sizes for placing names, in pixels: half the side of a point, the padding
# around a name, and the gaps to try between a point and its name.
_POINT_RADIUS = 5
_PADDING = 2
_GAPS = (7, 15, 26, 40, 58, 80)
_ANGLES = np.arange(16) * np.pi / 8
# From this gap on, a line connects a name to its point.
_MIN_LINE_GAP = 15
_MAX_ROUNDS = 4


def write(run_dir: str) -> str:
    """Draws the labels of a run into `figures/`.

    Args:
      run_dir: directory of the run.

    Returns:
      Path of the PNG.

    Raises:
      ValueError: if the run has no label embeddings.
    """
    path = os.path.join(run_dir, LABEL_MAP_FILE)
    picture = draw(label_vectors_lib.read(run_dir))
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with warnings.catch_warnings():
        # Letters that the font lacks are drawn as boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture.savefig(path, dpi=120)
    return path


def draw(label_vectors: label_vectors_lib.LabelVectors) -> figure.Figure:
    """Draws labels on the two principal axes of their embeddings.

    Color and marker show the task. The axis titles contain the share of
    explained variance. Of many labels, only the most frequent ones are named.

    Args:
      label_vectors: the labels, whose vectors have at least two elements.

    Raises:
      ValueError: if the vectors have one element.
    """
    if not label_vectors.has_plane:
        raise ValueError(
            "expected label vectors of at least 2 elements for a map, got "
            f"{label_vectors.vectors.shape[1]}"
        )
    points, shares = scatter.project(label_vectors.vectors)
    by_task = scatter.make_series(label_vectors.tasks)
    rows, _ = scatter.legend_shape(by_task.names, _LEGEND_CHARACTERS)
    with style.context():
        picture = figure.Figure(
            figsize=(7.4, 5.4 + 0.175 * rows), layout="constrained"
        )
        axis = picture.subplots()
        named = names_lib.most_frequent(label_vectors.rows, _MAX_NAMES)
        is_named = np.isin(np.arange(len(points)), named)
        for index, look in enumerate(by_task.looks):
            of_series = by_task.of_points == index
            axis.scatter(
                points[of_series, 0],
                points[of_series, 1],
                # Unnamed points are small, to keep the names readable.
                s=np.where(is_named, 26, 8)[of_series],
                color=look.color,
                marker=look.marker,
                # Overlapping points remain visible.
                alpha=np.where(is_named, 0.8, 0.25)[of_series],
                linewidths=0,
                zorder=3,
            )
        axis.margins(0.12)
        axis.set_xlabel(scatter.axis_title(0, shares))
        axis.set_ylabel(scatter.axis_title(1, shares))
        scatter.draw_legend(axis, by_task, _LEGEND_CHARACTERS)
        if len(named) < len(label_vectors):
            axis.set_title(
                f"with the names of the {_MAX_NAMES} most frequent of "
                f"{len(label_vectors):,} labels"
            )
        _draw_names(
            picture, axis, points[named], label_vectors.labels[named].tolist()
        )
    return picture


def _draw_names(picture, axis, points, labels):
    """Draws the names of points where there is space."""
    short = names_lib.shorten(labels)
    names = [short[label] for label in labels]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        canvas = backend_agg.FigureCanvasAgg(picture)
        # Computes the final layout, which does not depend on names.
        canvas.draw()
        renderer = canvas.get_renderer()
        sizes = _name_sizes(renderer, names)
    frame = axis.get_window_extent(renderer)
    centers, gaps = place_names(
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
            arrowprops={"arrowstyle": "-", "color": style.GRAY, "lw": 0.6}
            if gap >= _MIN_LINE_GAP
            else None,
        ).set_in_layout(False)


def _name_sizes(renderer, names):
    """Measures names with their padding, float64 [names, 2], in pixels."""
    font = font_manager.FontProperties(size=_FONT_SIZE)
    # All names are at least as high as letters with an ascender or descender.
    sizes = _PADDING + np.array(
        [
            renderer.get_text_width_height_descent(name, font, False)[:2]
            for name in ("lp", *names)
        ]
    )
    return np.maximum(sizes, (0, sizes[0, 1]))[1:]


# The library adjustText was tried on maps of 40 labels. Its names overlapped 19
# to 38 points, those of this function 3 to 10; it took 2 to 36 seconds, this
# takes 0.4. Its result also depends on NumPy's global random state.
def place_names(
    points: np.ndarray, sizes: np.ndarray, frame: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Places names next to their points with as little overlap as possible.

    Each name has a set of candidate positions around its point. In each round,
    every name takes the candidate of the least cost, given the positions of the
    others, until nothing changes. This is a local optimum: names may overlap
    where points are dense.

    Args:
      points: float64 [points, 2], in pixels.
      sizes: float64 [points, 2], width and height of the names.
      frame: float64 [4], left, lower, right and upper bound of the axes.

    Returns:
      Centers of the names, float64 [points, 2], and the gaps between the names
      and their points, float64 [points].
    """
    centers, gaps, preferences = _candidates(points, sizes)
    # [points, candidates, 4].
    boxes = _boxes(centers, sizes[:, np.newaxis])
    point_boxes = _boxes(points, np.full_like(points, 2 * _POINT_RADIUS))
    # Costs that do not depend on other names: the area on points or outside the
    # frame in square pixels, and the preference.
    fixed_costs = [
        _overlaps(of_name, point_boxes).sum(axis=1)
        + 2 * (size.prod() - _overlaps(of_name, frame[np.newaxis])[:, 0])
        + preferences
        for of_name, size in zip(boxes, sizes, strict=True)
    ]
    # Names with the closest neighbors come first.
    distances = np.linalg.norm(points[:, np.newaxis] - points, axis=-1)
    order = np.argsort(np.sort(distances, axis=1)[:, 1:4].sum(axis=1))
    chosen: dict[int, int] = {}
    for _ in range(_MAX_ROUNDS):
        previous = dict(chosen)
        for name in order:
            others = [boxes[x][at] for x, at in chosen.items() if x != name]
            other_boxes = np.reshape(others, (-1, 4))
            overlaps = _overlaps(boxes[name], other_boxes).sum(axis=1)
            chosen[name] = int((fixed_costs[name] + 3 * overlaps).argmin())
        if chosen == previous:
            break
    indices = [chosen[name] for name in range(len(points))]
    return centers[np.arange(len(points)), indices], gaps[indices]


def _candidates(points, sizes):
    """Makes candidate positions of names around their points.

    Args:
      points: float64 [points, 2], in pixels.
      sizes: float64 [points, 2], width and height of the names.

    Returns:
      Centers, float64 [points, candidates, 2]; their gaps to the points,
      float64 [candidates]; and costs that prefer small gaps and names to the
      right of their points, float64 [candidates].
    """
    directions = np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=1)
    gaps = np.repeat(_GAPS, len(directions)).astype(np.float64)
    directions = np.tile(directions, (len(_GAPS), 1))
    centers = points[:, np.newaxis] + directions * (
        sizes[:, np.newaxis] / 2 + gaps[:, np.newaxis]
    )
    return centers, gaps, gaps + 0.5 * (1 - directions[:, 0])


def _boxes(centers, sizes):
    """Computes left, lower, right and upper bounds, float64 [..., 4]."""
    return np.concatenate([centers - sizes / 2, centers + sizes / 2], axis=-1)


def _overlaps(boxes, others):
    """Computes the areas that boxes share, float64 [boxes, others]."""
    boxes = boxes[:, np.newaxis]
    low = np.maximum(boxes[..., :2], others[:, :2])
    high = np.minimum(boxes[..., 2:], others[:, 2:])
    return np.maximum(high - low, 0).prod(axis=-1)
