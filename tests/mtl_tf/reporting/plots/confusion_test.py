import numpy as np
import pytest
from matplotlib.backends import backend_agg

from mtl_tf.reporting.plots import confusion

_LABELS = ("bad", "so $so", "good", "never")

_GOLD = np.array([0, 0, 0, 0, 1, 2, 2, 2])
_PREDICTED = np.array([0, 0, 0, 2, 2, 2, 2, 2])
_SHARES = [[0.75, 0, 0.25, 0], [0, 0, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]


def test_cells_have_shares_of_the_true_label_and_counts():
    picture = confusion.draw("films, test", _LABELS, _GOLD, _PREDICTED)
    (axis,) = picture.axes
    (image,) = axis.images
    np.testing.assert_allclose(image.get_array(), _SHARES)
    texts = {text.get_position(): text.get_text() for text in axis.texts}
    assert len(texts) == 16
    # Positions are (predicted, true).
    assert texts[0, 0] == "75%\n3"
    assert texts[2, 0] == "25%\n1"
    assert texts[2, 1] == "100%\n1"
    assert texts[1, 1] == "0%\n0"
    # A label without texts has no shares.
    assert texts[0, 3] == texts[3, 3] == "–\n0"
    assert axis.get_title() == "films, test"
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("predicted", "true")
    for ticks in (axis.get_xticklabels(), axis.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == list(_LABELS)


def test_text_contrasts_with_its_cell():
    picture = confusion.draw("films, test", _LABELS, _GOLD, _PREDICTED)
    (image,) = picture.axes[0].images
    for text in picture.axes[0].texts:
        column, row = text.get_position()
        color = image.cmap(image.norm(image.get_array()[row, column]))
        dark = np.mean(color[:3]) < 0.55
        assert text.get_color() == ("white" if dark else "black")


def test_labels_with_dollar_signs_are_not_formulas(tmp_path):
    confusion.draw("t", ("$a_{$", "b"), _GOLD[:4] * 0, _GOLD[:4] * 0).savefig(
        tmp_path / "picture.png"
    )


def test_long_labels_are_shortened():
    labels = tuple(f"{index} {'long ' * 15}end" for index in range(7))
    picture = confusion.draw("t", labels, np.arange(7), np.arange(7))
    # A layout that does not fit is a warning here, and so an error.
    backend_agg.FigureCanvasAgg(picture).draw()
    (axis,) = picture.axes
    assert min(axis.get_window_extent().size / picture.dpi) > 4
    for ticks in (axis.get_xticklabels(), axis.get_yticklabels()):
        assert [tick.get_text() for tick in ticks] == [
            f"{index} long long l…ng end" for index in range(7)
        ]


@pytest.mark.parametrize(("num_classes", "num_texts"), [(12, 144), (13, 0)])
def test_many_labels_have_a_color_bar_instead_of_text(num_classes, num_texts):
    names = tuple(f"label{index}" for index in range(num_classes))
    rows = np.arange(num_classes)
    picture = confusion.draw("many", names, rows, rows)
    assert len(picture.axes[0].texts) == num_texts
    assert len(picture.axes) == (1 if num_texts else 2)


def test_short_and_long_names_are_at_their_rows():
    labels = ("a label that is too long", "short")
    picture = confusion.draw("t", labels, np.array([0]), np.array([1]))
    ticks = [x.get_text() for x in picture.axes[0].get_yticklabels()]
    assert ticks == ["a label that …o long", "short"]
    np.testing.assert_allclose(picture.axes[0].images[0].get_array()[0], [0, 1])


def test_the_most_frequent_of_many_labels_are_shown():
    names = tuple(f"label{index}" for index in range(500))
    # Label n has n rows; half of them are predicted as the next label.
    gold = np.repeat(np.arange(500), np.arange(500))
    predicted = np.where(np.arange(len(gold)) % 2, gold, (gold + 1) % 500)
    picture = confusion.draw("t, test", names, gold, predicted)
    backend_agg.FigureCanvasAgg(picture).draw()
    axis = picture.axes[0]
    assert axis.get_title() == "t, test: 40 most frequent of 500 labels"
    ticks = [tick.get_text() for tick in axis.get_yticklabels()]
    assert ticks == [*names[460:], "other (460)"]
    shares = axis.images[0].get_array()
    assert shares.shape == (41, 41)
    rows = gold == 485
    correct = (predicted[rows] == 485).mean()
    np.testing.assert_allclose(shares[25, 25:27], [correct, 1 - correct])
    # Rows of the last label predicted as the first are in the last column.
    correct = (predicted[gold == 499] == 499).mean()
    np.testing.assert_allclose(shares[39, 39:], [correct, 1 - correct])
    # Of the remaining labels, only 459 is predicted as a shown one, 460.
    share = ((gold == 459) & (predicted == 460)).sum() / (gold < 460).sum()
    np.testing.assert_allclose(shares[40, [0, 40]], [share, 1 - share])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
