"""A run of the model of Augenstein et al. 2018, from training to its export."""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf import export
from mtl_tf import trained_model
from tests import exported_run

_SETTINGS = {
    "encoder": "conditional_bilstm",
    "skip_connection": True,
    "task_layer_units": 3,
    "output_layer": "label_embedding",
    "orthogonality_weight": 0.1,
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return exported_run.write_corpus(str(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    return str(tmp_path_factory.mktemp("run") / "run")


@pytest.fixture(scope="module")
def expected(corpus, run_dir):
    """What the evaluation says of test, by task."""
    return exported_run.train(corpus, run_dir, **_SETTINGS)


def test_it_predicts_what_the_evaluation_says(corpus, run_dir, expected):
    model = trained_model.load(run_dir)
    for task, predictions in expected.items():
        columns = list(exported_run.read_texts(corpus, task).values())
        texts = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
        answers = model.predict(task, list(texts))
        np.testing.assert_allclose(
            answers.probabilities, predictions.probabilities, atol=1e-6
        )
        assert np.ptp(answers.probabilities[:, 0]) > 1e-3


def test_what_is_served_is_what_the_evaluation_says(corpus, run_dir, expected):
    served = tf.saved_model.load(export.write(run_dir))
    for task, predictions in expected.items():
        texts = exported_run.read_texts(corpus, task)
        answers = exported_run.call(served.signatures[f"serve_{task}"], **texts)
        np.testing.assert_allclose(
            answers["probabilities"], predictions.probabilities, atol=1e-6
        )
    # What the text is read against counts.
    one, other = (
        exported_run.call(
            served.signatures["serve_books"], seq1=[seq1], seq2=["good1 bad2"]
        )
        for seq1 in ("about1 about2", "")
    )
    difference = one["probabilities"] - other["probabilities"]
    assert abs(difference.numpy()).max() > 1e-4


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
