"""What label embeddings and label transfer find out where the truth is known.

The corpus is `corpora.synthetic`, whose labels stand for polarities; the
models are small, and trained by `experiment.Experiment` as any other.
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
    "batch_size": 64,
    "learning_rate": 0.01,
    "threads": 1,
    "progress": False,
}
# Answers alone are to tell the main task's label, and the model whose answers
# they are is the same with and without the network.
_TRANSFER = {
    "main_task": _MAIN_TASK,
    "label_transfer": "supervised",
    "transfer_diversity": False,
    "transfer_gradient": False,
    "epochs": 4,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    """All tasks with as many rows."""
    out_dir = str(tmp_path_factory.mktemp("known_truth") / "corpus")
    prepare.prepare(synthetic.make_source(main_rows=2000), out_dir, 2)
    return out_dir


def train(corpus, run_dir, **settings):
    """A run that has ended, with its best checkpoint, and its results."""
    keras.backend.clear_session()
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(run_dir), **_SETTINGS | settings
    )
    experiment = experiment_lib.Experiment(config)
    return experiment, experiment.run()


def share_of_labels_in_place(run_dir):
    """Share of the labels whose nearest label of another task is the right one.

    That is one of the polarity that is nearest to theirs.
    """
    vectors = label_embeddings.read(run_dir)
    polarity = {
        (task, label): value
        for task in vectors.task_names
        for label, value in synthetic.label_polarities(task).items()
    }
    in_place = []
    for (task, label), value in polarity.items():
        distances = {
            other: abs(polarity[other] - value)
            for other in polarity
            if other[0] != task
        }
        nearest = _nearest_by_cosine(vectors, task, label)
        least = min(distances.values())
        in_place.append(distances[nearest] == pytest.approx(least))
    return np.mean(in_place)


def _nearest_by_cosine(vectors, task, label):
    found = list(zip(vectors.tasks, vectors.labels, strict=True))
    own = vectors.vectors[found.index((task, label))]
    cosines = {
        other: own @ vector / np.linalg.norm(own) / np.linalg.norm(vector)
        for other, vector in zip(found, vectors.vectors, strict=True)
        if other[0] != task
    }
    return max(cosines, key=cosines.get)


def test_labels_of_like_polarity_lie_together(corpus, tmp_path):
    train(corpus, tmp_path, epochs=8)
    # 12 of 13. By chance it would be one or two.
    assert share_of_labels_in_place(str(tmp_path)) >= 0.9


def test_labels_of_like_polarity_lie_apart_behind_task_layers(corpus, tmp_path):
    # Each task's layer turns the space as it likes: that labels come to lie
    # together is not of the label embedding alone.
    _, found = train(corpus, tmp_path, epochs=8, task_layer_size=16)
    assert share_of_labels_in_place(str(tmp_path)) < 0.5
    assert found["average"]["main"]["test"]["accuracy"] > 0.8


@pytest.fixture(scope="module")
def transfer(corpus, tmp_path_factory):
    """A run with a label transfer network, and its results."""
    return train(corpus, tmp_path_factory.mktemp("transfer"), **_TRANSFER)


@pytest.fixture(scope="module")
def is_right(transfer):
    """Which test texts of the main task the network is right about."""
    experiment, _ = transfer
    split = main_split(experiment)
    predicted = experiment.predictor.predict_all(split)["label_transfer"]
    return predicted.predicted == split.labels


def main_split(experiment):
    """The main task's test split."""
    names = [task.name for task in experiment.tasks]
    return experiment.splits[names.index(_MAIN_TASK)]["test"]


def is_better(right, than):
    """Whether more are right, by three standard errors of the difference.

    Args:
      right: bool [texts], what one is right about.
      than: bool [texts], what the other is, of the same texts.
    """
    difference = right.astype(float) - than
    error = difference.std(ddof=1) / np.sqrt(len(difference))
    return difference.mean() > 3 * error


def test_the_network_is_better_than_the_majority(transfer, is_right):
    experiment, found = transfer
    scores = found["tasks"][_MAIN_TASK]
    assert scores["label_transfer"]["test"]["accuracy"] == is_right.mean()
    names = [task.name for task in experiment.tasks]
    train_labels = experiment.splits[names.index(_MAIN_TASK)]["train"].labels
    majority = np.bincount(train_labels).argmax()
    labels = main_split(experiment).labels
    assert len(labels) == 500
    assert is_better(is_right, labels == majority)


def test_the_network_reads_the_answers(transfer, is_right):
    # The same network, with the answers to another of the texts.
    experiment, _ = transfer
    split, model = main_split(experiment), experiment.model
    heard = model.get_layer("auxiliary_predictions").output
    listen = keras.Model(model.input, heard)
    asked = model.input["transfer_indices"]
    network = keras.Model([heard, asked], model.output["transfer_logits"])
    answers = np.zeros((len(split), heard.shape[-1]), np.float32)
    for rows, batch in input_pipeline.evaluation_batches(split):
        batch = {**batch, "transfer_indices": np.arange(len(batch["task_ids"]))}
        found = listen({k: batch[k] for k in model.input}).numpy()
        answers[rows] = found.reshape(-1, found.shape[-1])

    def said(answers):
        scores = network([answers[np.newaxis], np.zeros(1, np.int32)])
        return scores.numpy()[0].argmax(-1)

    assert np.array_equal(said(answers) == split.labels, is_right)
    of_others = np.random.default_rng(0).permutation(answers)
    assert is_better(is_right, said(of_others) == split.labels)


def test_a_network_trained_on_the_answers_to_other_texts_is_worse(
    corpus, is_right, tmp_path, monkeypatch
):
    call = concat_task_outputs.ConcatTaskOutputs.call

    def call_with_those_of_the_next_text(*arguments):
        return tf.roll(call(*arguments), 1, axis=1)

    monkeypatch.setattr(
        concat_task_outputs.ConcatTaskOutputs,
        "call",
        call_with_those_of_the_next_text,
    )
    experiment, _ = train(corpus, tmp_path, **_TRANSFER)
    split = main_split(experiment)
    predictions = experiment.predictor.predict_all(split)
    of_others = predictions["label_transfer"].predicted == split.labels
    assert is_better(is_right, of_others)
    # The main model has not been harmed.
    assert is_better(predictions["main"].predicted == split.labels, of_others)
