"""Probes: what a classifier reads from frozen features."""

import numpy as np
from sklearn import linear_model
from sklearn import neural_network
from sklearn import pipeline
from sklearn import preprocessing

from mtl_tf.evaluation import predictions as predictions_lib

# Training texts of each task that a probe is fitted to, at most.
PROBE_ROWS = 400


def probe_task(
    train: list[np.ndarray], test: list[np.ndarray], seed: int
) -> dict[str, float]:
    """Accuracy with which fresh probes read the task from features.

    Args:
      train: features that the probes are fitted to, float32 [rows, width],
        by task.
      test: features that they are asked about, by task.
      seed: seed of the multi-layer probe.

    Returns:
      Accuracy of a `linear` and of an `mlp` probe (one hidden layer of 100
      units), and of the task that most test rows are of (`majority`).
    """

    def join(features):
        rows = [len(x) for x in features]
        return np.concatenate(features), np.repeat(np.arange(len(rows)), rows)

    features, tasks = join(train)
    asked, answers = join(test)
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
    found = {
        name: float(
            pipeline.make_pipeline(preprocessing.StandardScaler(), probe)
            .fit(features, tasks)
            .score(asked, answers)
        )
        for name, probe in probes.items()
    }
    found["majority"] = float(np.bincount(answers).max() / len(answers))
    return found


def cross_correlation(predictions: predictions_lib.SplitPredictions) -> float:
    """Mean absolute correlation of shared with private features of a task."""
    shared, private = (
        preprocessing.scale(predictions.features[name].astype(np.float64))
        for name in ("shared", "private")
    )
    return float(np.abs(shared.T @ private / len(shared)).mean())
