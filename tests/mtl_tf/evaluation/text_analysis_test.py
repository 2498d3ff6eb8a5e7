import json

import numpy as np
import pytest

from mtl_tf.evaluation import text_analysis


def make(labels=("bad", "good"), neurons=None):
    probabilities = np.array([[0.25, 0.75], [0.875, 0.125]])
    if len(labels) == 3:
        probabilities = np.array([[0.2, 0.3, 0.5], [0.1, 0.8, 0.1]])
    return text_analysis.TextAnalysis(
        task="films",
        labels=labels,
        seq1="",
        words=("a", "b"),
        unknown=(False, True),
        probabilities=probabilities,
        neurons=neurons or {},
    )


def test_neurons_that_vary_most(monkeypatch):
    monkeypatch.setattr(text_analysis, "SHOWN_NEURONS", 2)
    # A large constant does not vary.
    states = np.float32([[9, 0, 0.1, 1], [9, 2, 0.2, 2], [9, 4, 0.3, 1]])
    neurons = text_analysis.most_variable_neurons(states)
    assert neurons.indices == (1, 3)
    np.testing.assert_array_equal(neurons.activations, states[:, [1, 3]])
    assert neurons.describe() == (
        "the 2 of 4 neurons that vary most over the text"
    )


def test_neurons_that_a_user_chose():
    states = np.float32([[1, 2, 3], [4, 5, 6]])
    neurons = text_analysis.given_neurons(states, (2, 0), "shared")
    assert neurons.activations.tolist() == [[3, 1], [6, 4]]
    assert neurons.describe() == "2 of 3 neurons"
    with pytest.raises(
        ValueError,
        match=r"^neurons=private:3: expected an index from 0 to 2, as the",
    ):
        text_analysis.given_neurons(states, (0, 3), "private")


def test_two_labels_have_a_curve_of_the_last_one():
    analysis = make()
    assert analysis.only_label == "good"
    assert analysis.curves() == {"good": [0.75, 0.125]}
    assert analysis.predicted == "bad"


def test_more_labels_have_a_curve_each():
    analysis = make(("bad", "so", "good"))
    assert analysis.only_label == ""
    assert analysis.curves() == {
        "bad": [0.2, 0.1],
        "so": [0.3, 0.8],
        "good": [0.5, 0.1],
    }
    assert analysis.predicted == "so"


def test_analysis_survives_json():
    neurons = text_analysis.Neurons((3, 1), np.array([[0.5, 1], [2, 3]]), 9)
    analysis = make(neurons={"shared": neurons})
    values = json.loads(json.dumps(analysis.to_dict()))
    copy = text_analysis.TextAnalysis.from_dict(values)
    np.testing.assert_array_equal(copy.probabilities, analysis.probabilities)
    np.testing.assert_array_equal(
        copy.neurons["shared"].activations, neurons.activations
    )
    assert copy.neurons["shared"].indices == (3, 1)
    assert copy.neurons["shared"].describe() == neurons.describe()
    for name in ("task", "labels", "seq1", "words", "unknown"):
        assert getattr(copy, name) == getattr(analysis, name)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
