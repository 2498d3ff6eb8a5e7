"""Picture of which label is taken for which."""

import numpy as np
from matplotlib import figure
from sklearn import metrics

from mtl_tf import names as names_lib

# With more labels than this the cells are too small for numbers.
_MOST_LABELS_WITH_NUMBERS = 12


def draw(
    title: str, labels: tuple[str, ...], gold: np.ndarray, predicted: np.ndarray
) -> figure.Figure:
    """Draws a confusion matrix: shares of each true label's rows, and counts.

    Args:
      title: what the rows are.
      labels: names of the labels.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
    """
    places = np.arange(len(labels))
    counts = metrics.confusion_matrix(gold, predicted, labels=places)
    # A label without rows has no shares: 0 everywhere.
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = 1.6 + 0.8 * min(len(labels), _MOST_LABELS_WITH_NUMBERS)
    picture = figure.Figure(figsize=(side + 1, side), layout="constrained")
    axis = picture.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(labels) > _MOST_LABELS_WITH_NUMBERS:
        picture.colorbar(image, label="share of the true label's texts")
    else:
        for row, column in np.ndindex(counts.shape):
            share = shares[row, column]
            axis.text(
                column,
                row,
                f"{share:.0%}\n{counts[row, column]}",
                horizontalalignment="center",
                verticalalignment="center",
                color="white" if share > 0.6 else "black",
            )
    # A label may hold a $, which is not to begin a formula.
    short = names_lib.shorten(labels)
    names = {"labels": [short[x] for x in labels], "parse_math": False}
    axis.set_xticks(places, rotation=30, horizontalalignment="right", **names)
    axis.set_yticks(places, **names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(title)
    return picture
