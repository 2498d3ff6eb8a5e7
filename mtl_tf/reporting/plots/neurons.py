"""Heat maps of the activations of neurons over the words of a text.

Liu et al. 2017, Figure 5b.
"""

import os

import numpy as np
from matplotlib import figure

from mtl_tf.evaluation import text_analysis
from mtl_tf.reporting.plots import style
from mtl_tf.reporting.plots import word_axis

NEURONS_FILE = os.path.join("figures", "neurons.svg")
# Negative is blue, positive is red: distinct for the color-blind.
_COLORS = "RdBu_r"
_ROW_HEIGHT = 0.24


@style.context()
def draw(analysis: text_analysis.TextAnalysis) -> figure.Figure:
    """Draws a map for each encoder: neurons in rows, words in columns.

    Args:
      analysis: the analysis of a text, with neurons. Both maps have the same
        colors, those of 0 in the middle.
    """
    by_encoder = analysis.neurons
    rows = [len(neurons.indices) for neurons in by_encoder.values()]
    picture = figure.Figure(
        figsize=(
            word_axis.width(len(analysis.words)) + 0.8,
            _ROW_HEIGHT * sum(rows) + 0.45 * len(rows) + 1.1,
        ),
        layout="constrained",
    )
    axes = picture.subplots(
        len(rows), 1, sharex=True, squeeze=False, height_ratios=rows
    )[:, 0]
    limit = max(abs(x.activations).max() for x in by_encoder.values())
    for axis, (name, neurons) in zip(axes, by_encoder.items(), strict=True):
        image = axis.imshow(
            neurons.activations.T,
            cmap=_COLORS,
            vmin=-limit,
            vmax=limit,
            aspect="auto",
            interpolation="nearest",
        )
        axis.set_title(
            f"{name}: {neurons.describe()}", fontsize="small", loc="left"
        )
        axis.set_yticks(
            np.arange(len(neurons.indices)), neurons.indices, fontsize="small"
        )
        axis.tick_params(axis="x", length=0)
    word_axis.draw(axes[-1], analysis.words, analysis.unknown)
    picture.colorbar(image, ax=list(axes), label="activation", aspect=30)
    note = word_axis.note(analysis.unknown)
    picture.supxlabel(note, x=0.99, fontsize=7, ha="right")
    return picture
