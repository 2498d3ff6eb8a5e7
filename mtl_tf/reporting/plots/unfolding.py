"""Curves of the predicted probability as a text unfolds.

Liu et al. 2017, Figure 5a.
"""

import os
from collections.abc import Mapping, Sequence

from matplotlib import figure

from mtl_tf.evaluation import text_analysis
from mtl_tf.reporting.plots import style
from mtl_tf.reporting.plots import word_axis
from mtl_tf.utils import display_names as names_lib

UNFOLDING_FILE = os.path.join("figures", "unfolding.svg")
_LEGEND_CHARACTERS = 40
# Width of a character of the legend, and of the rest of an entry, in inches.
_CHARACTER, _ENTRY = 0.09, 0.6


def draw_analysis(analysis: text_analysis.TextAnalysis) -> figure.Figure:
    """Draws the probabilities of one run: of the last of two labels, or all."""
    return draw(
        analysis.words,
        analysis.unknown,
        analysis.curves(),
        analysis.only_label,
    )


@style.context()
def draw(
    words: Sequence[str],
    unknown: Sequence[bool],
    curves: Mapping[str, Sequence[float]],
    label: str = "",
) -> figure.Figure:
    """Draws probabilities for the text up to each word.

    Args:
      words: words of the text.
      unknown: whether each is out of vocabulary.
      curves: probabilities by name of the curve: of a label, or of a run. Runs
        that read fewer words have shorter curves.
      label: the label that the probabilities are of, if it is the same for all
        curves; they are then drawn against the border of 0.5.
    """
    width = word_axis.width(len(words))
    picture = figure.Figure(figsize=(width, 3.4), layout="constrained")
    axis = picture.subplots()
    if label:
        axis.axhline(0.5, color=style.GRAY, linewidth=1, zorder=0)
    short = names_lib.shorten(curves, _LEGEND_CHARACTERS)
    for index, (name, probabilities) in enumerate(curves.items()):
        axis.plot(
            probabilities,
            marker=".",
            **style.look(index)._asdict(),
            # Matplotlib skips names like `_x`.
            label=f" {short[name]}",
        )
    word_axis.draw(axis, words, unknown)
    axis.set_ylim(-0.02, 1.02)
    axis.set_ylabel(
        f"probability of {names_lib.shorten([label])[label]}"
        if label
        else "probability"
    )
    if list(curves) != [label]:
        entry = _CHARACTER * max(map(len, short.values())) + _ENTRY
        picture.legend(
            fontsize="small",
            frameon=False,
            loc="outside upper left",
            ncols=2 if 2 * entry <= width else 1,
        )
    note = word_axis.note(unknown)
    picture.supxlabel(note, x=0.99, fontsize=7, ha="right")
    return picture
