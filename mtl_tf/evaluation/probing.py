"""Probes: classifiers that predict the task from frozen features."""

import numpy as np
from sklearn import linear_model
from sklearn import neural_network
from sklearn import pipeline
from sklearn import preprocessing

from mtl_tf.evaluation import predictions as predictions_lib

# Maximum number of training texts per task for a probe.
PROBE_ROWS = 400


def probe_task(
    train: list[np.ndarray], test: list[np.ndarray], seed: int
) -> dict[str, float]:
    """Computes the accuracy of probes that predict the task from features.

    Args:
      train: float32 [rows, feature size] by task, to which probes are fitted.
      test: float32 [rows, feature size] by task, on which they are scored.
      seed: seed of the multi-layer probe.

    Returns:
      Accuracy of a `linear` and of an `mlp` probe (one hidden layer of 100
      units), and the frequency of the `majority` task of the test rows.
    """

    def concatenate(features):
        rows = [len(x) for x in features]
        task_ids = np.repeat(np.arange(len(rows)), rows)
        return np.concatenate(features), task_ids

    train_features, train_task_ids = concatenate(train)
    test_features, test_task_ids = concatenate(test)
    probes = {
        "linear": linear_model.LogisticRegression(max_iter=1000),
        "mlp": neural_network.MLPClassifier(
            (100,),
            learning_rate_init=0.01,
            early_stopping=True,
            max_iter=500,
            random_state=seed,
        ),
    }
    accuracies = {
        name: float(
            pipeline.make_pipeline(preprocessing.StandardScaler(), probe)
            .fit(train_features, train_task_ids)
            .score(test_features, test_task_ids)
        )
        for name, probe in probes.items()
    }
    frequencies = np.bincount(test_task_ids) / len(test_task_ids)
    accuracies["majority"] = float(frequencies.max())
    return accuracies


def cross_correlation(predictions: predictions_lib.SplitPredictions) -> float:
    """Computes the mean absolute correlation of shared and private features.

    Args:
      predictions: predictions for a task, with both kinds of features.
    """
    shared, private = (
        preprocessing.scale(predictions.features[name].astype(np.float64))
        for name in ("shared", "private")
    )
    return float(np.abs(shared.T @ private / len(shared)).mean())
