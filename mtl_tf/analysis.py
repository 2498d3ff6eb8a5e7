"""What a trained model's features say: probes, and how features correlate.

A discriminator's flat cross-entropy proves nothing about shared features: it
may only have lost to this encoder. So fresh classifiers are fitted to frozen
features, and asked for the task of texts that they have not seen.
"""

import json
import os

import numpy as np
from sklearn import linear_model
from sklearn import neural_network
from sklearn import pipeline
from sklearn import preprocessing

from mtl_tf import checkpoints
from mtl_tf import evaluation
from mtl_tf import experiment as experiment_lib
from mtl_tf import run_directory

ANALYSIS_FILE = "analysis.json"
# Training texts of each task that a probe is fitted to, at most.
PROBE_ROWS = 400


def run(experiment: experiment_lib.Experiment) -> str:
    """Probes the best checkpoint; writes `analysis.json`.

    Raises:
      ValueError: if the run has no checkpoint, or just one task.
    """
    if len(experiment.tasks) < 2:
        raise ValueError(
            "a probe reads the task from features: at least 2 tasks are "
            f"needed, {experiment.config.run_dir} has "
            f"{experiment.tasks[0].name} alone"
        )
    experiment.checkpoints.restore(checkpoints.BEST)
    found = analyze(experiment)
    path = os.path.join(experiment.config.run_dir, ANALYSIS_FILE)
    run_directory.write_json(path, found)
    return _describe(found)


def analyze(experiment: experiment_lib.Experiment) -> dict:
    """What probes and correlations say of the weights as they are."""
    fitted_on, asked = [], []
    for splits in experiment.splits:
        random = np.random.default_rng((experiment.config.seed, 4))
        rows = random.permutation(len(splits["train"]))[:PROBE_ROWS]
        train = experiment.predictor.predict(splits["train"]).features
        fitted_on.append({name: x[rows] for name, x in train.items()})
        asked.append(experiment.predictor.predict(splits["dev"]))
    found = {"schema": run_directory.SCHEMA, "probes": {}}
    for name in fitted_on[0]:
        found["probes"][name] = probe_task(
            [features[name] for features in fitted_on],
            [predictions.features[name] for predictions in asked],
            experiment.config.seed,
        )
    if {"shared", "private"} <= set(fitted_on[0]):
        found["cross_correlation"] = float(
            np.mean([cross_correlation(p) for p in asked])
        )
    return found


def read(run_dir: str) -> dict:
    """What `analysis.json` of a run says."""
    with open(os.path.join(run_dir, ANALYSIS_FILE), encoding="utf-8") as file:
        return json.load(file)


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


def cross_correlation(predictions: evaluation.Predictions) -> float:
    """Mean absolute correlation of shared with private features of a task."""
    shared, private = (
        preprocessing.scale(predictions.features[name].astype(np.float64))
        for name in ("shared", "private")
    )
    return float(np.abs(shared.T @ private / len(shared)).mean())


def _describe(found):
    lines = ["Accuracy with which a fresh probe reads the task:"]
    for name, scores in found["probes"].items():
        lines.append(
            f"  {name:8s} linear {scores['linear']:.3f}  mlp "
            f"{scores['mlp']:.3f}  (largest task {scores['majority']:.3f})"
        )
    if "cross_correlation" in found:
        lines.append(
            "Mean absolute correlation of shared and private features: "
            f"{found['cross_correlation']:.3f}"
        )
    return "\n".join(lines)
