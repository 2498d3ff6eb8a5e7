"""Analysis of a trained model: probes, words of neurons, labels.

A high cross-entropy of the discriminator does not prove that shared features
carry no information about the task: it may only have lost to this encoder. So
new classifiers (probes) are fitted to frozen features, and predict the task of
texts that they have not seen.

The words that excite shared and private neurons show what the encoders have
divided between them (`neuron_words`).

For runs with a label embedding there are also the nearest labels; for runs with
a label transfer network, how often it, the main model, both or none are
correct.
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
from mtl_tf.training import neuron_words
from mtl_tf.utils import checksums
from mtl_tf.utils import display_names as names_lib


def run(experiment: experiment_lib.Experiment) -> str:
    """Analyzes the best checkpoint; writes `analysis.json` and figures.

    Args:
      experiment: the experiment of a finished run.

    Returns:
      A description of the analysis, for the terminal.

    Raises:
      ValueError: if the run has no checkpoint, lacks files of an evaluation, or
        has nothing to analyze: one task, no label embedding, and an encoder
        without states.
    """
    config = experiment.config
    is_multitask = len(experiment.tasks) > 1
    has_label_embedding = config.output_layer == "label_embedding"
    if not (is_multitask or has_label_embedding or config.has_states):
        raise ValueError(
            "a probe predicts the task from features: expected at least 2 "
            f"tasks, {config.run_dir} has only {experiment.tasks[0].name}; and "
            f"encoder={config.encoder} has no neurons with states"
        )
    experiment.checkpoints.restore(checkpoints.BEST)
    analysis: dict = {"schema": run_directory.SCHEMA}
    text = analysis_file.read_text(config.run_dir)
    if text is not None:
        analysis[analysis_file.TEXT] = text
    if has_label_embedding:
        analysis["labels"] = _analyze_labels(config.run_dir)
    if config.label_transfer != "none":
        analysis["label_transfer"] = _analyze_label_transfer(experiment)
    if is_multitask:
        analysis |= analyze(experiment)
    if config.has_states:
        analysis["neuron_words"] = neuron_words.analyze(experiment)
    path = os.path.join(config.run_dir, analysis_file.ANALYSIS_FILE)
    run_directory.write_json(path, checksums.sign(analysis))
    return _describe(analysis)


def analyze(experiment: experiment_lib.Experiment) -> dict:
    """Probes the features of the current weights.

    Args:
      experiment: an experiment with several tasks.

    Returns:
      `probes`, accuracies by features and probe; `cross_correlation` of shared
      and private features where there are both.
    """
    train_features, dev_predictions = [], []
    for splits in experiment.splits:
        random = np.random.default_rng((experiment.config.seed, 4))
        rows = random.permutation(len(splits["train"]))[: probing.PROBE_ROWS]
        train = experiment.predictor.predict(splits["train"]).features
        train_features.append({name: x[rows] for name, x in train.items()})
        dev_predictions.append(experiment.predictor.predict(splits["dev"]))
    probes = {}
    for name in train_features[0]:
        probes[name] = probing.probe_task(
            [features[name] for features in train_features],
            [predictions.features[name] for predictions in dev_predictions],
            experiment.config.seed,
        )
    analysis: dict = {"probes": probes}
    if {"shared", "private"} <= set(train_features[0]):
        analysis["cross_correlation"] = float(
            np.mean([probing.cross_correlation(p) for p in dev_predictions])
        )
    return analysis


def _analyze_labels(run_dir):
    """Draws the map of the labels; returns the nearest labels of each."""
    label_vectors = label_vectors_lib.read(run_dir)
    if label_vectors.has_plane:
        label_map.write(run_dir)
    return [
        dataclasses.asdict(label)
        for label in label_vectors_lib.nearest(label_vectors)
    ]


def _analyze_label_transfer(experiment):
    """Draws dev scores by epoch; returns the agreement of outputs by split."""
    config = experiment.config
    (main_task,) = (t for t in experiment.tasks if t.name == config.main_task)
    agreements = agreement_lib.read(config.run_dir, main_task)
    transfer_curves.write(config.run_dir)
    return {split: dataclasses.asdict(x) for split, x in agreements.items()}


def _describe(analysis):
    sections = []
    if "probes" in analysis:
        sections.append(_describe_probes(analysis))
    if "neuron_words" in analysis:
        sections.append(neuron_words.describe(analysis["neuron_words"]))
    if "labels" in analysis:
        sections.append(_describe_labels(analysis["labels"]))
    if "label_transfer" in analysis:
        sections.append(_describe_label_transfer(analysis["label_transfer"]))
    return "\n".join(sections)


def _describe_probes(analysis):
    lines = ["Accuracy of probes that predict the task from features:"]
    for name, scores in analysis["probes"].items():
        lines.append(
            f"  {name:8s} linear {scores['linear']:.3f}  mlp "
            f"{scores['mlp']:.3f}  (largest task {scores['majority']:.3f})"
        )
    if "cross_correlation" in analysis:
        lines.append(
            "Mean absolute correlation of shared and private features: "
            f"{analysis['cross_correlation']:.3f}"
        )
    return "\n".join(lines)


def _describe_labels(labels):
    if not any(label["nearest"] for label in labels):
        return (
            "No nearest labels of other tasks: "
            f"{labels[0]['task']} is the only task."
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
    lines = ["Correct predictions by output, in percent:"]
    for split, x in by_split.items():
        lines.append(
            f"  {split:4s}  both {100 * x['both']:.1f}  main only "
            f"{100 * x['main_alone']:.1f}  label transfer only "
            f"{100 * x['label_transfer_alone']:.1f}  none "
            f"{100 * x['neither']:.1f}  (McNemar p = {x['mcnemar']:.3g})"
        )
    return "\n".join(lines)
