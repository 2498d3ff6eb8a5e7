"""A text word by word, compared with predictions of its prefixes."""

import numpy as np
import pytest

from mtl_tf.serving import text_analysis
from mtl_tf.serving import trained_model
from tests.helpers import generated
from tests.helpers import trained_runs

pytestmark = pytest.mark.slow

SEQ1 = "about2 about0"
WORDS = ("good1", "nowhere", "bad2", "filler3", "good0")
TEXT = " ".join(WORDS)
SHOWN = {"shared": (2, 0), "private": (3,)}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.write_corpus(
        str(tmp_path_factory.mktemp("generated") / "corpus"),
        rows={"train": 24, "dev": 8, "test": 8},
        task_names=("books", "films"),
        pairs=("books",),
    )


@pytest.fixture(scope="module")
def make(corpus, tmp_path_factory):
    """Makes a model with random weights, whose predictions are not sure."""

    def make(**settings):
        run_dir = str(tmp_path_factory.mktemp("run") / "run")
        trained_runs.leave_run(corpus, run_dir, **settings)
        model = trained_model.load(run_dir)
        for weight in model.text_models["films"][0].weights:
            weight.assign(0.07 * weight)
        return model

    return make


@pytest.fixture(scope="module")
def lstm(make):
    return make(encoder="lstm", pooling="last")


@pytest.fixture(scope="module")
def conditional(make):
    return make(encoder="conditional_bilstm", pooling="last")


def prefixes(pair):
    texts = [" ".join(WORDS[: end + 1]) for end in range(len(WORDS))]
    return [(SEQ1, text) for text in texts] if pair else texts


@pytest.mark.parametrize("model", ["lstm", "conditional"])
@pytest.mark.parametrize(("task", "seq1"), [("books", SEQ1), ("films", None)])
def test_probabilities_are_those_of_the_prefixes(model, task, seq1, request):
    model = request.getfixturevalue(model)
    analysis = text_analysis.analyze(model, task, TEXT, seq1)
    expected = [
        model.predict(task, [text]).probabilities[0] for text in prefixes(seq1)
    ]
    np.testing.assert_allclose(analysis.probabilities, expected, atol=1e-6)
    assert np.ptp(analysis.probabilities[:, -1]) > 0.01
    assert analysis.words == WORDS
    assert analysis.labels == generated.LABELS[task]
    assert analysis.seq1 == (seq1 or "")


@pytest.mark.parametrize(("task", "seq1"), [("books", SEQ1), ("films", None)])
def test_states_of_an_lstm_are_the_features_of_the_prefixes(lstm, task, seq1):
    """It reads seq1 and the text as one sequence."""
    analysis = text_analysis.analyze(lstm, task, TEXT, seq1, SHOWN)
    features = lstm.encode(prefixes(seq1))
    shared, private = (analysis.neurons[name] for name in SHOWN)
    np.testing.assert_allclose(
        shared.activations, features[:, [2, 0]], atol=1e-6
    )
    assert np.ptp(shared.activations, axis=0).min() > 0.01
    assert private.activations.shape == (len(WORDS), 1)
    assert (shared.num_neurons, private.num_neurons) == (4, 4)


def test_forward_states_after_a_first_text(conditional):
    neurons = {"shared": (0, 1, 2, 3)}
    analysis = text_analysis.analyze(conditional, "books", TEXT, SEQ1, neurons)
    # The backward direction has read the rest of the text.
    features = conditional.encode(prefixes(True))[:, :4]
    np.testing.assert_allclose(
        analysis.neurons["shared"].activations, features, atol=1e-6
    )
    assert analysis.neurons["shared"].num_neurons == 8


def test_neurons_that_vary_most_by_default(lstm):
    analysis = text_analysis.analyze(lstm, "films", TEXT)
    deviations = lstm.encode(prefixes(False)).std(axis=0)
    order = tuple(np.argsort(-deviations).tolist())
    assert analysis.neurons["shared"].indices == order


def test_words_are_those_that_the_model_reads(lstm):
    text = "good1, " + 8 * "Good1 nowhere "
    analysis = text_analysis.analyze(lstm, "films", text)
    # At most max_tokens of them.
    assert analysis.words == ("good1", ",", *5 * ("good1", "nowhere"))
    assert analysis.unknown == (False, True, *5 * (False, True))


def test_bag_of_words_has_probabilities_alone(make):
    model = make(encoder="bag_of_words", pooling="mean")
    analysis = text_analysis.analyze(model, "films", TEXT)
    assert analysis.neurons == {}
    assert len(analysis.probabilities) == len(WORDS)


def test_single_task_models_are_loaded_together(corpus, tmp_path):
    run_dir = trained_runs.leave_single_task_run(
        corpus, str(tmp_path / "run"), ("books", "films")
    )
    model = trained_model.load(run_dir)
    analysis = text_analysis.analyze(model, "films", TEXT)
    assert set(analysis.neurons) == {"private"}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("bookz", TEXT), "has no task 'bookz'"),
        (("books", TEXT), "expected a pair"),
        (("films", TEXT, SEQ1), "expected a single text"),
        (("films", " \u200b"), "expected at least one word"),
        (("films", TEXT, None, {"shared": (4,)}), "neurons=shared:4: expected"),
        (("films", TEXT, None, {"other": (0,)}), "has no other encoder"),
    ],
)
def test_invalid_texts_are_refused(lstm, arguments, message):
    with pytest.raises(ValueError, match=message):
        text_analysis.analyze(lstm, *arguments)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
