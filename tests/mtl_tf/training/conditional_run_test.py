"""A combination of both papers, from training to export.

The adversary and the orthogonality loss of Liu et al. 2017 for shared and
private encoders of pairs, with the label embedding and the label transfer
network of Augenstein et al. 2018.
"""

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.runs import prediction_files
from mtl_tf.serving import saved_model
from mtl_tf.serving import trained_model
from tests.helpers import exported_run

pytestmark = pytest.mark.slow

_SETTINGS = {
    "encoder": "conditional_bilstm",
    "pooling": "last",
    "skip_connection": True,
    "task_layer_size": 3,
    "output_layer": "label_embedding",
    "orthogonality_weight": 0.1,
    "main_task": "books",
    "label_transfer": "supervised",
}
_OUTPUTS = [
    ("books", predictions_lib.MAIN),
    ("films", predictions_lib.MAIN),
    ("books", predictions_lib.LABEL_TRANSFER),
]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return exported_run.write_corpus(str(tmp_path_factory.mktemp("corpus")))


@pytest.fixture(scope="module")
def run_dir(corpus, tmp_path_factory):
    run_dir = str(tmp_path_factory.mktemp("run") / "run")
    exported_run.train(corpus, run_dir, **_SETTINGS)
    return run_dir


@pytest.fixture(scope="module")
def model(run_dir):
    return trained_model.load(run_dir)


@pytest.fixture(scope="module")
def expected(run_dir, model):
    """Probabilities of test texts by the evaluation."""
    return {
        (task, output): prediction_files.read(
            run_dir, model.task(task), "test", output
        ).probabilities
        for task, output in _OUTPUTS
    }


@pytest.mark.parametrize(("task", "output"), _OUTPUTS)
def test_loaded_model_predicts_like_the_evaluation(
    corpus, model, expected, task, output
):
    columns = list(exported_run.read_texts(corpus, task).values())
    texts = columns[0] if len(columns) == 1 else zip(*columns, strict=True)
    predictions = model.predict(task, list(texts), output)
    np.testing.assert_allclose(
        predictions.probabilities, expected[task, output], atol=2e-6
    )
    assert np.ptp(predictions.probabilities[:, 0]) > 1e-3


def test_saved_model_predicts_like_the_evaluation(corpus, run_dir, expected):
    served = tf.saved_model.load(saved_model.write(run_dir))
    for (task, output), probabilities in expected.items():
        name = f"serve_{task}"
        name += "" if output == predictions_lib.MAIN else f"_{output}"
        texts = exported_run.read_texts(corpus, task)
        outputs = exported_run.call(served.signatures[name], **texts)
        np.testing.assert_allclose(
            outputs["probabilities"], probabilities, atol=2e-6
        )
    # The first text of a pair matters.
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
