import numpy as np
import pytest

from mtl_tf.evaluation import text_analysis
from mtl_tf.reporting.plots import neurons

SHARED = np.array([[0.5, -0.25], [0.1, 0.2], [0.0, 0.3]])
PRIVATE = np.array([[-0.75], [0.1], [0.2]])


def make(**encoders):
    return text_analysis.TextAnalysis(
        task="films",
        labels=("bad", "good"),
        seq1="",
        words=("a", "b", "c"),
        unknown=(False, True, False),
        probabilities=np.full((3, 2), 0.5),
        neurons=encoders,
    )


def test_maps_of_both_encoders_have_the_same_colors():
    picture = neurons.draw(
        make(
            shared=text_analysis.Neurons((7, 3), SHARED, 9),
            private=text_analysis.Neurons((5,), PRIVATE, 6, is_given=True),
        )
    )
    first, second = (axis for axis in picture.axes if axis.images)
    for axis, activations in ((first, SHARED), (second, PRIVATE)):
        (image,) = axis.images
        np.testing.assert_array_equal(image.get_array(), activations.T)
        # 0 is in the middle, the largest activation of all at an end.
        assert image.get_clim() == (-0.75, 0.75)
    titles = [axis.get_title(loc="left") for axis in (first, second)]
    assert titles == [
        "shared: the 2 of 9 neurons that vary most over the text",
        "private: 1 of 6 neurons",
    ]
    assert [x.get_text() for x in first.get_yticklabels()] == ["7", "3"]
    assert [x.get_text() for x in second.get_yticklabels()] == ["5"]
    words = [x.get_text() for x in second.get_xticklabels()]
    assert words == ["a", "b", "c"]


def test_one_encoder_without_any_activation():
    picture = neurons.draw(
        make(private=text_analysis.Neurons((0,), np.zeros((3, 1)), 1))
    )
    (axis,) = (axis for axis in picture.axes if axis.images)
    assert (axis.images[0].get_array() == 0).all()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
