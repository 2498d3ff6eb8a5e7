"""Label embeddings and label transfer on a corpus with known polarities.

The corpus is `corpora.synthetic`, each of whose labels has a polarity. The
models are small, and trained by `experiment.Experiment`.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.layers import concat_task_outputs
from mtl_tf.runs import label_embeddings
from mtl_tf.training import experiment as experiment_lib

pytestmark = pytest.mark.slow

_MAIN_TASK = synthetic.MAIN_TASK
_SETTINGS = {
    "sharing": "fully_shared",
    "encoder": "bag_of_words",
    "pooling": "mean",
    "output_layer": "label_embedding",
    "hidden_size": 16,
    "embedding_dim": 16,
    "pictures": False,
    "batch_size": 64,
    "learning_rate": 0.01,
    "threads": 1,
    "progress": False,
}
# The only inputs of the network are predictions, and the main model is the same
# with and without the network.
_TRANSFER = {
    "main_task": _MAIN_TASK,
    "label_transfer": "supervised",
    "transfer_diversity": False,
    "transfer_gradient": False,
    "epochs": 4,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """A corpus in which all tasks have equally many rows."""
    out_dir = str(tmp_path_factory.mktemp("known_truth") / "corpus")
    prepare.prepare(synthetic.make_source(main_rows=2000), out_dir, 2)
    return out_dir


def train(corpus, run_dir, **settings):
    """Trains a run; returns the experiment and its results."""
    keras.backend.clear_session()
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **_SETTINGS | settings
    )
    experiment = experiment_lib.Experiment(config)
    return experiment, experiment.run()


def share_of_matched_labels(run_dir):
    """Returns the share of labels whose nearest label has the nearest polarity.

    Only labels of other tasks are compared.
    """
    vectors = label_embeddings.read(run_dir)
    polarity = {
        (task, label): value
        for task in vectors.task_names
        for label, value in synthetic.label_polarities(task).items()
    }
    is_matched = []
    for (task, label), value in polarity.items():
        distances = {
            other: abs(polarity[other] - value)
            for other in polarity
            if other[0] != task
        }
        nearest = _nearest_by_cosine(vectors, task, label)
        least = min(distances.values())
        is_matched.append(distances[nearest] == pytest.approx(least))
    return np.mean(is_matched)


def _nearest_by_cosine(vectors, task, label):
    labels = list(zip(vectors.tasks, vectors.labels, strict=True))
    own = vectors.vectors[labels.index((task, label))]
    cosines = {
        other: own @ vector / np.linalg.norm(own) / np.linalg.norm(vector)
        for other, vector in zip(labels, vectors.vectors, strict=True)
        if other[0] != task
    }
    return max(cosines, key=cosines.get)


def test_labels_of_similar_polarity_are_near(corpus, tmp_path):
    train(corpus, tmp_path, epochs=8)
    # 12 of 13, compared with one or two by chance.
    assert share_of_matched_labels(str(tmp_path)) >= 0.9


def test_labels_of_similar_polarity_are_apart_with_task_layers(
    corpus, tmp_path
):
    # Each task layer is free to rotate the space, so labels of different tasks
    # are not comparable.
    _, run_results = train(corpus, tmp_path, epochs=8, task_layer_size=16)
    assert share_of_matched_labels(str(tmp_path)) < 0.5
    assert run_results["average"]["main"]["test"]["accuracy"] > 0.8


@pytest.fixture(scope="module")
def transfer(corpus, tmp_path_factory):
    """A run with a label transfer network, and its results."""
    return train(corpus, tmp_path_factory.mktemp("transfer"), **_TRANSFER)


@pytest.fixture(scope="module")
def is_correct(transfer):
    """A mask of the test texts that the network predicts correctly."""
    experiment, _ = transfer
    split = main_split(experiment)
    predicted = experiment.predictor.predict_all(split)["label_transfer"]
    return predicted.predicted == split.labels


def main_split(experiment):
    """The main task's test split."""
    names = [task.name for task in experiment.tasks]
    return experiment.splits[names.index(_MAIN_TASK)]["test"]


def is_better(correct, baseline):
    """Returns whether more texts are correct by three standard errors.

    Args:
      correct: bool [texts], which texts a model predicts correctly.
      baseline: bool [texts], the same for another model.
    """
    difference = correct.astype(float) - baseline
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() > 3 * error


def test_network_is_better_than_the_majority(transfer, is_correct):
    experiment, run_results = transfer
    scores = run_results["tasks"][_MAIN_TASK]
    assert scores["label_transfer"]["test"]["accuracy"] == is_correct.mean()
    names = [task.name for task in experiment.tasks]
    train_labels = experiment.splits[names.index(_MAIN_TASK)]["train"].labels
    majority = np.bincount(train_labels).argmax()
    labels = main_split(experiment).labels
    assert len(labels) == 500
    assert is_better(is_correct, labels == majority)


def test_network_depends_on_its_inputs(transfer, is_correct):
    # The same network, with the predictions for another text.
    experiment, _ = transfer
    split, model = main_split(experiment), experiment.model
    predictions = model.get_layer("auxiliary_predictions").output
    predict = keras.Model(model.input, predictions)
    transfer_indices = model.input["transfer_indices"]
    network = keras.Model(
        [predictions, transfer_indices], model.output["transfer_logits"]
    )
    inputs = np.zeros((len(split), predictions.shape[-1]), np.float32)
    for rows, batch in input_pipeline.evaluation_batches(split):
        batch = {**batch, "transfer_indices": np.arange(len(batch["task_ids"]))}
        values = predict({k: batch[k] for k in model.input}).numpy()
        inputs[rows] = values.reshape(-1, values.shape[-1])

    def predicted(inputs):
        logits = network([inputs[np.newaxis], np.zeros(1, np.int32)])
        return logits.numpy()[0].argmax(-1)

    assert np.array_equal(predicted(inputs) == split.labels, is_correct)
    permuted = np.random.default_rng(0).permutation(inputs)
    assert is_better(is_correct, predicted(permuted) == split.labels)


def test_network_trained_on_predictions_for_other_texts_is_worse(
    corpus, is_correct, tmp_path, monkeypatch
):
    call = concat_task_outputs.ConcatTaskOutputs.call

    def call_for_the_next_text(*arguments):
        return tf.roll(call(*arguments), 1, axis=1)

    monkeypatch.setattr(
        concat_task_outputs.ConcatTaskOutputs,
        "call",
        call_for_the_next_text,
    )
    experiment, _ = train(corpus, tmp_path, **_TRANSFER)
    split = main_split(experiment)
    predictions = experiment.predictor.predict_all(split)
    with_other_texts = predictions["label_transfer"].predicted == split.labels
    assert is_better(is_correct, with_other_texts)
    # The main model is not worse.
    assert is_better(
        predictions["main"].predicted == split.labels, with_other_texts
    )
