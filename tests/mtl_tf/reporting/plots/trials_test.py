"""Dev scores by setting: what is drawn where."""

import numpy as np
import pytest

from mtl_tf.reporting.plots import trials

_SCORES = [71.5, 80.0, 64.2]


@pytest.fixture(scope="module")
def axes():
    picture = trials.draw(
        [
            trials.Setting("learning_rate", [0.001, 0.1, 0.01], log=True),
            trials.Setting("encoder", [0, 1, 1], ["cnn", "lstm"]),
        ],
        _SCORES,
        ["#000000"] * 3,
        ["#trial-0", "#trial-1", "#trial-2"],
        "dev score",
    )
    return picture.axes


def test_trials_are_points_that_link_to_their_rows(axes):
    values = ([0.001, 0.1, 0.01], [0, 1, 1])
    for axis, of_setting in zip(axes, values, strict=True):
        (points,) = axis.collections
        np.testing.assert_allclose(
            points.get_offsets(), np.transpose([of_setting, _SCORES])
        )
        assert points.get_urls() == ["#trial-0", "#trial-1", "#trial-2"]


def test_axes_are_those_of_the_settings(axes):
    rates, encoders = axes
    assert (rates.get_xlabel(), rates.get_xscale()) == (
        "learning_rate",
        "log",
    )
    assert [x.get_text() for x in encoders.get_xticklabels()] == ["cnn", "lstm"]
    assert rates.get_ylabel() == "dev score"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
