"""Picture of which label is taken for which."""

import numpy as np
from matplotlib import figure
from sklearn import metrics

from mtl_tf.utils import display_names as names_lib

# With more labels than this the cells are too small for numbers.
_MOST_LABELS_WITH_NUMBERS = 12


def draw(
    title: str, labels: tuple[str, ...], gold: np.ndarray, predicted: np.ndarray
) -> figure.Figure:
    """Draws a confusion matrix: shares of each true label's rows, and counts.

    Of many labels the most frequent are shown, and all others together.

    Args:
      title: what the rows are.
      labels: names of the labels.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.
    """
    kept, counts = count(len(labels), gold, predicted)
    # A label may hold a $, which is not to begin a formula.
    by_name = names_lib.shorten([labels[n] for n in kept])
    short = [by_name[labels[n]] for n in kept]
    if len(kept) < len(labels):
        short.append(names_lib.other(len(labels) - len(kept)))
        title += f": {len(kept)} most frequent of {len(labels):,} labels"
    names = {"labels": short, "parse_math": False}
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / np.maximum(rows, 1)
    side = 1.6 + 0.8 * min(len(short), _MOST_LABELS_WITH_NUMBERS)
    picture = figure.Figure(figsize=(side + 1, side), layout="constrained")
    axis = picture.subplots()
    image = axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    if len(short) > _MOST_LABELS_WITH_NUMBERS:
        picture.colorbar(image, label="share of the true label's texts")
    else:
        for row, column in np.ndindex(counts.shape):
            share = shares[row, column]
            # A label without rows has no shares.
            shown = f"{share:.0%}" if rows[row] else "–"
            axis.text(
                column,
                row,
                f"{shown}\n{counts[row, column]}",
                horizontalalignment="center",
                verticalalignment="center",
                color="white" if share > 0.6 else "black",
            )
    places = np.arange(len(short))
    axis.set_xticks(places, rotation=30, horizontalalignment="right", **names)
    axis.set_yticks(places, **names)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    axis.set_title(title)
    return picture


def count(
    labels: int, gold: np.ndarray, predicted: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Counts rows by true and predicted label, of the most frequent labels.

    Args:
      labels: number of labels.
      gold: int [rows], indices of the true labels.
      predicted: int [rows], indices of the predicted labels.

    Returns:
      Indices of the labels most frequent in gold, int [shown], and the counts,
      int [shown, shown]; these have one more row and column for all other
      labels together, if there are any.
    """
    kept = names_lib.most_frequent(np.bincount(gold, minlength=labels))
    places = names_lib.groups(kept, labels)
    counts = metrics.confusion_matrix(
        places[gold],
        places[predicted],
        labels=np.arange(min(labels, len(kept) + 1)),
    )
    return kept, counts
