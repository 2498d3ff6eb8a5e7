"""Words of neurons of a model whose neurons are known."""

import numpy as np
import pytest

from mtl_tf.evaluation import excited_words
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.training import neuron_words
from tests.helpers import generated
from tests.helpers import trained_runs

TASKS = ("books", "films")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.write_corpus(
        str(tmp_path_factory.mktemp("generated") / "corpus"),
        rows={"train": 64, "dev": 64, "test": 8},
        task_names=TASKS,
    )


@pytest.fixture(scope="module")
def experiment(corpus, tmp_path_factory):
    """A CNN whose neuron 0 of each encoder only sees the middle word.

    The shared one is excited by words of a label, those of private encoders by
    words of their task; all other neurons are constant.
    """
    config = trained_runs.make_config(
        corpus,
        str(tmp_path_factory.mktemp("runs") / "run"),
        encoder="cnn",
        pooling="max",
        embedding_dim=3,
        pictures=False,
        hidden_size=1,
    )
    made = experiment_lib.Experiment(config)
    for weight in made.model.get_layer("encoder").weights:
        weight.assign(np.zeros(weight.shape))
    vectors = np.zeros((len(made.vocabulary), 3))
    for index, token in enumerate(made.vocabulary.tokens):
        for column, start in enumerate(("good", *TASKS)):
            # A little less for rarer words, which have higher ids.
            is_excited = token.startswith(start)
            vectors[index, column] = is_excited * (2 - index / 1000)
    made.model.get_layer("word_embedding").table.assign(vectors)
    for name, column in (("shared", [0]), ("private", [1, 2])):
        (kernel,) = (
            x
            for x in made.model.get_layer("encoder").weights
            if x.path == f"encoder/{name}_encoder/convolution/kernel_3"
        )
        value = np.zeros(kernel.shape)
        for task, row in enumerate(column):
            value[task, row, 1] = 1
        kernel.assign(value)
    return made


@pytest.fixture(scope="module")
def result(experiment):
    return neuron_words.analyze(experiment)


def frequent(experiment, start):
    """Returns the words of a start, in the order of their activations."""
    tokens = experiment.vocabulary.tokens
    return [token for token in tokens if token.startswith(start)]


def test_words_of_known_neurons(experiment, result):
    size = excited_words.NEURON_WORDS
    expected = frequent(experiment, "good")[:size]
    assert result["shared"]["by_neuron"] == {"0": expected}
    assert result["shared"]["words"] == expected
    for task in TASKS:
        encoders = result["tasks"][task]["encoders"]
        expected = frequent(experiment, task)[:size]
        assert encoders["private"]["by_neuron"] == {"0": expected}


def test_specific_words_and_overlap(result):
    for name in TASKS:
        task = result["tasks"][name]
        # The words of a label are in all tasks, those of a task in no other.
        assert task["specific_by_encoder"] == {"shared": 0.0, "private": 1.0}
        assert 0 < task["specific"] < 1
        assert task["overlap"] == 0
        assert task["random_overlap"] == pytest.approx(
            excited_words.expected_jaccard(10, task["num_candidates"])
        )
    assert result["specific_by_encoder"] == {"shared": 0.0, "private": 1.0}
    assert result["overlap"] == 0
    by_task = [task["specific"] for task in result["tasks"].values()]
    assert result["specific"] == pytest.approx(np.mean(by_task))


def test_description(experiment, result):
    text = neuron_words.describe(result)
    words = " ".join(frequent(experiment, "films")[:8])
    assert f"  films   {words}\n" in text
    assert "percent: shared 0.0, private 100.0 (of all words" in text
    assert "private neurons: 0.000 (of random words" in text


def test_too_few_words(experiment, monkeypatch):
    monkeypatch.setattr(excited_words, "MIN_COUNT", 10_000)
    assert neuron_words.analyze(experiment) is None
    assert "fewer than 20 words occur 10000 times" in neuron_words.describe(
        None
    )


def test_large_splits_are_sampled(experiment, result, monkeypatch):
    monkeypatch.setattr(neuron_words, "MAX_TEXTS", 20)
    monkeypatch.setattr(excited_words, "MIN_COUNT", 2)
    few = neuron_words.analyze(experiment)["tasks"]
    for name, task in few.items():
        fewer = result["tasks"][name]["num_candidates"]
        assert task["num_candidates"] != fewer


def test_single_task_has_private_words_alone(corpus, tmp_path):
    config = trained_runs.make_config(
        corpus,
        str(tmp_path / "run"),
        tasks=("films",),
        **trained_runs.SINGLE_TASK,
    )
    result = neuron_words.analyze(experiment_lib.Experiment(config))
    assert result["shared"] is None
    task = result["tasks"]["films"]
    assert set(task["encoders"]) == {"private"}
    assert len(task["encoders"]["private"]["by_neuron"]) == 4
    for name in ("overlap", "random_overlap", "specific"):
        assert result[name] is None
    text = neuron_words.describe(result)
    assert "films" in text
    assert "specific" not in text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
