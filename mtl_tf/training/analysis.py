"""What a trained model has learnt: probes, labels, and label transfer.

A discriminator's flat cross-entropy proves nothing about shared features: it
may only have lost to this encoder. So fresh classifiers are fitted to frozen
features, and asked for the task of texts that they have not seen.

Of a run with a label embedding there are also the nearest labels, and of one
with a label transfer network who is right: it, the main model, both or none.
"""

import dataclasses
import os

import numpy as np

from mtl_tf.evaluation import probing
from mtl_tf.reporting.plots import label_map
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.runs import analysis_file
from mtl_tf.runs import checkpoints
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import output_agreement as agreement_lib
from mtl_tf.runs import run_directory
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import checksums
from mtl_tf.utils import display_names as names_lib


def run(experiment: experiment_lib.Experiment) -> str:
    """Analyzes the best checkpoint; writes `analysis.json`, and pictures.

    Raises:
      ValueError: if the run has no checkpoint, or not the files of an
        evaluation that it should have, or there is nothing to say: it has one
        task, and no label embedding.
    """
    config = experiment.config
    several = len(experiment.tasks) > 1
    embedding = config.output_layer == "label_embedding"
    if not several and not embedding:
        raise ValueError(
            "a probe reads the task from features: at least 2 tasks are "
            f"needed, {config.run_dir} has {experiment.tasks[0].name} alone"
        )
    experiment.checkpoints.restore(checkpoints.BEST)
    found = {"schema": run_directory.SCHEMA}
    if embedding:
        found["labels"] = _analyze_labels(config.run_dir)
    if config.label_transfer != "none":
        found["label_transfer"] = _analyze_label_transfer(experiment)
    if several:
        found |= analyze(experiment)
    path = os.path.join(config.run_dir, analysis_file.ANALYSIS_FILE)
    run_directory.write_json(path, checksums.sign(found))
    return _describe(found)


def analyze(experiment: experiment_lib.Experiment) -> dict:
    """What probes and correlations say of the weights as they are."""
    fitted_on, asked = [], []
    for splits in experiment.splits:
        random = np.random.default_rng((experiment.config.seed, 4))
        rows = random.permutation(len(splits["train"]))[: probing.PROBE_ROWS]
        train = experiment.predictor.predict(splits["train"]).features
        fitted_on.append({name: x[rows] for name, x in train.items()})
        asked.append(experiment.predictor.predict(splits["dev"]))
    found = {"probes": {}}
    for name in fitted_on[0]:
        found["probes"][name] = probing.probe_task(
            [features[name] for features in fitted_on],
            [predictions.features[name] for predictions in asked],
            experiment.config.seed,
        )
    if {"shared", "private"} <= set(fitted_on[0]):
        found["cross_correlation"] = float(
            np.mean([probing.cross_correlation(p) for p in asked])
        )
    return found


def _analyze_labels(run_dir):
    """Draws the map of the labels; returns the nearest of each."""
    label_vectors = label_vectors_lib.read(run_dir)
    if label_vectors.has_plane:
        label_map.write(run_dir)
    return [
        dataclasses.asdict(label)
        for label in label_vectors_lib.nearest(label_vectors)
    ]


def _analyze_label_transfer(experiment):
    """Draws the dev scores by epoch; returns who is right, by split."""
    config = experiment.config
    (main_task,) = (t for t in experiment.tasks if t.name == config.main_task)
    found = agreement_lib.read(config.run_dir, main_task)
    transfer_curves.write(config.run_dir)
    return {split: dataclasses.asdict(x) for split, x in found.items()}


def _describe(found):
    parts = []
    if "probes" in found:
        parts.append(_describe_probes(found))
    if "labels" in found:
        parts.append(_describe_labels(found["labels"]))
    if "label_transfer" in found:
        parts.append(_describe_label_transfer(found["label_transfer"]))
    return "\n".join(parts)


def _describe_probes(found):
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


def _describe_labels(labels):
    if not any(label["nearest"] for label in labels):
        return (
            f"No nearest labels of other tasks: {labels[0]['task']} is alone."
        )
    lines = ["Nearest labels of other tasks, with the cosine:"]
    width = max(
        len(f"{x['task']} {names_lib.visible(x['label'])}") for x in labels
    )
    for label in labels:
        nearest = ", ".join(
            f"{names_lib.visible(name)} ({task}) {cosine:.2f}"
            for task, name, cosine in label["nearest"]
        )
        name = f"{label['task']} {names_lib.visible(label['label'])}"
        lines.append(f"  {name:{width}s}  {nearest}")
    return "\n".join(lines)


def _describe_label_transfer(by_split):
    lines = ["Right by the main model, the label transfer network, in percent:"]
    for split, x in by_split.items():
        lines.append(
            f"  {split:4s}  both {100 * x['both']:.1f}  main only "
            f"{100 * x['main_alone']:.1f}  label transfer only "
            f"{100 * x['label_transfer_alone']:.1f}  none "
            f"{100 * x['neither']:.1f}  (McNemar p = {x['mcnemar']:.3g})"
        )
    return "\n".join(lines)
