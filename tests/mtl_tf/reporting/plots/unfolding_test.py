import matplotlib.colors
import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.evaluation import text_analysis
from mtl_tf.reporting.plots import style
from mtl_tf.reporting.plots import unfolding
from mtl_tf.reporting.plots import word_axis

WORDS = ("not", "$good$", "zzyq", "not")
UNKNOWN = (False, False, True, False)


def curves_of(picture):
    return [
        line.get_ydata().tolist()
        for line in picture.axes[0].lines
        if len(line.get_xdata()) != 2
    ]


def names_of(picture):
    return [
        text.get_text().strip()
        for legend in picture.legends
        for text in legend.get_texts()
    ]


def test_curves_of_runs_have_words_below_and_names_above():
    # The second run reads fewer words.
    curves = {"runs/sp": [0.1, 0.2, 0.3, 0.4], "runs/asp": [0.9, 0.8, 0.7]}
    picture = unfolding.draw(WORDS, UNKNOWN, curves, "good")
    assert curves_of(picture) == list(curves.values())
    assert names_of(picture) == list(curves)
    axis = picture.axes[0]
    assert axis.get_ylabel() == "probability of good"
    labels = axis.get_xticklabels()
    assert [label.get_text() for label in labels] == list(WORDS)
    # `$` starts no formula.
    assert not any(label.get_parse_math() for label in labels)
    assert [label.get_color() for label in labels] == [
        style.DARK_GRAY if is_unknown else style.BLACK for is_unknown in UNKNOWN
    ]
    assert picture.get_supxlabel() == "gray: not in the vocabulary"


@pytest.mark.parametrize(
    ("labels", "names", "label"),
    [
        (("bad", "good"), [], "probability of good"),
        (("bad", "so", "good"), ["bad", "so", "good"], "probability"),
    ],
)
def test_labels_of_one_run(labels, names, label):
    probabilities = np.arange(4 * len(labels)).reshape(4, -1) / 20
    analysis = text_analysis.TextAnalysis(
        "films", labels, "", WORDS, (False,) * 4, probabilities, {}
    )
    picture = unfolding.draw_analysis(analysis)
    shown = probabilities.T[-1:] if len(labels) == 2 else probabilities.T
    assert curves_of(picture) == shown.tolist()
    assert names_of(picture) == names
    assert picture.axes[0].get_ylabel() == label
    # The border between two labels.
    borders = [x for x in picture.axes[0].lines if len(x.get_xdata()) == 2]
    assert [x.get_ydata()[0] for x in borders] == [0.5] * (len(labels) == 2)
    assert picture.get_supxlabel() == ""


def test_curves_of_many_labels_differ():
    curves = {f"label {index}": [0.0, 0.1, 0.2] for index in range(20)}
    picture = unfolding.draw(WORDS[:3], UNKNOWN[:3], curves)
    looks = {
        (matplotlib.colors.to_hex(line.get_color()), line.get_linestyle())
        for line in picture.axes[0].lines
    }
    assert len(looks) == 20


@pytest.mark.parametrize("words", [4, 30])
def test_long_names_of_runs_stay_in_the_picture(words):
    names = [f"runs/{x * 9} (adversarial, {x * 15})" for x in ("mm", "ww")]
    curves = {name: [0.5] * words for name in names}
    picture = unfolding.draw(["so"] * words, [False] * words, curves, "good")
    backend_agg.FigureCanvasAgg(picture).draw()
    extent = picture.legends[0].get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= picture.bbox.width


def test_words_of_long_texts_do_not_overlap():
    words = [f"a-rather-long-word-{index}" for index in range(400)]
    picture = unfolding.draw(words, [False] * 400, {"good": [0.5] * 400})
    axis = picture.axes[0]
    canvas = backend_agg.FigureCanvasAgg(picture)
    canvas.draw()
    shown = axis.get_xticklabels()
    assert 100 < len(shown) < 400
    assert picture.get_figwidth() == word_axis.width(400) == 40
    # Slanted lines of text: their distance is at least their height.
    positions = [x.get_window_extent().x1 for x in shown[:2]]
    distance = (positions[1] - positions[0]) * np.sin(np.pi / 4)
    assert distance > shown[0].get_size() * picture.dpi / 72


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
