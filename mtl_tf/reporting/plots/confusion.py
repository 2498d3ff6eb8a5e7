"""Confusion matrices."""

import numpy as np
from matplotlib import figure
from sklearn import metrics

from mtl_tf.utils import display_names as names_lib

# With more labels, cells are too small for text.
_MAX_LABELS_WITH_COUNTS = 12
_MAX_LABELS = 40


def draw(
    title: str, labels: tuple[str, ...], gold: np.ndarray, predicted: np.ndarray
) -> figure.Figure:
    """Draws a confusion matrix with shares of each true label and counts.

    Of many labels, only the most frequent ones are shown; the remaining labels
    share the last row and column.

    Args:
      title: title of the figure.
      labels: names of the labels.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
    """
    kept, counts = count(len(labels), gold, predicted)
    by_name = names_lib.shorten([labels[index] for index in kept])
    names = [by_name[labels[index]] for index in kept]
    if len(kept) < len(labels):
        names.append(names_lib.other(len(labels) - len(kept)))
        title += f": {len(kept)} most frequent of {len(labels):,} labels"
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    side = 1.6 + 0.8 * min(len(names), _MAX_LABELS_WITH_COUNTS)
    picture = figure.Figure(figsize=(side + 1, side), layout="constrained")
    axis = picture.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(names) > _MAX_LABELS_WITH_COUNTS:
        picture.colorbar(image, label="share of the true label's texts")
    else:
        for row, column in np.ndindex(counts.shape):
            share = shares[row, column]
            # A label without rows has no shares.
            percent = f"{share:.0%}" if rows[row] else "–"
            axis.text(
                column,
                row,
                f"{percent}\n{counts[row, column]}",
                horizontalalignment="center",
                verticalalignment="center",
                color="white" if share > 0.6 else "black",
            )
    # `$` in a label is text.
    ticks = np.arange(len(names))
    axis.set_xticks(
        ticks, names, parse_math=False, rotation=30, horizontalalignment="right"
    )
    axis.set_yticks(ticks, names, parse_math=False)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(title)
    return picture


def count(
    num_classes: int, gold: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts rows by true and predicted label for the most frequent labels.

    Args:
      num_classes: number of labels.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.

    Returns:
      Indices of the labels most frequent in gold, int [shown], and the counts,
      int [shown, shown], or [shown + 1, shown + 1] with a last row and column
      for the remaining labels.
    """
    kept = names_lib.most_frequent(
        np.bincount(gold, minlength=num_classes), _MAX_LABELS
    )
    positions = names_lib.groups(kept, num_classes)
    counts = metrics.confusion_matrix(
        positions[gold],
        positions[predicted],
        labels=np.arange(min(num_classes, len(kept) + 1)),
    )
    return kept, counts
