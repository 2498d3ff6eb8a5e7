"""Curves of TensorBoard with descriptions of what to expect of them."""

import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar

from mtl_tf.metrics import classification


def _describe_metrics():
    """Describes the dev curves, by group, and the test curves, by tag."""
    descriptions = {}
    for name, metric in classification.METRICS.items():
        meaning = f"{metric.meaning[0].upper()}{metric.meaning[1:]}"
        descriptions[f"dev_{name}"] = f"{meaning}, on a task's dev set."
        descriptions[f"test/{name}"] = (
            f"{meaning}, on test, averaged over tasks, with the weights of the "
            "best epoch. Only if all tasks report this metric."
        )
    return descriptions


# Markdown, by tag, or by group for groups with a tag for each task. K is the
# number of tasks; a task batch holds the texts of one task in a step. Points of
# training are means over the steps since the last point.
DESCRIPTIONS = {
    # Some of these are replaced by longer ones below.
    **_describe_metrics(),
    "loss/task": (
        "Cross-entropy of the labels in nats, averaged over task batches. It "
        "starts near ln(number of labels), 0.69 for two labels, and falls. "
        "Compare it with `dev_loss` to detect overfitting."
    ),
    "loss/adversarial": (
        "Adversarial loss of the shared encoder in nats, averaged over task "
        "batches. With `reversal` it is the discriminator's cross-entropy, "
        "which the encoder maximizes; with `confusion` it is the cross-entropy "
        "between the uniform distribution over tasks and the discriminator's, "
        "which the encoder minimizes. In both cases ln K is the value of a "
        "discriminator that predicts all tasks with equal probability."
    ),
    "loss/orthogonality": (
        "Overlap of shared and private features, averaged over task batches. "
        "`normalized`: mean squared inner product of feature columns, small "
        "and falling. `frobenius`: a sum that grows with the batch and feature "
        "sizes, so only its trend is meaningful."
    ),
    "loss/total": (
        "Loss that a step minimizes: the weighted losses, summed over task "
        "batches. With gradient reversal the discriminator's cross-entropy "
        "enters without λ, so the total loss stays above about ln K times the "
        "number of task batches."
    ),
    "loss/label_transfer": (
        "Cross-entropy of the label transfer network on its training texts, in "
        "nats. It starts near ln(number of the main task's labels) and falls. "
        "It is not logged in the base phase, which does not train the "
        "network."
    ),
    "loss/pseudo_label": (
        "Squared distance between the main model's probabilities and the "
        "pseudo-labels of the label transfer network (Augenstein et al. 2018, "
        "Eq. 7), summed over labels and averaged over all pseudo-labeled texts "
        "of a step; texts below `pseudo_label_threshold` count as 0. Between "
        "0, if the two agree, and 2."
    ),
    "loss_weighted/task": (
        "Task loss times α_k, summed over the task batches of a step: its term "
        "of the total loss (Liu et al. 2017, Eq. 10). Compare it with the "
        "other `loss_weighted` curves: a much larger term dominates training."
    ),
    "loss_weighted/adversarial": (
        "Adversarial loss times λ, summed over the task batches of a step: the "
        "strength of the adversary on the shared encoder."
    ),
    "loss_weighted/orthogonality": (
        "Orthogonality loss times γ, summed over the task batches of a step. "
        "It should be well below `loss_weighted/task`; otherwise it dominates "
        "training."
    ),
    "loss_weighted/label_transfer": (
        "Loss of the label transfer network times `transfer_weight`: its term "
        "of the total loss."
    ),
    "loss_weighted/pseudo_label": (
        "Pseudo-label loss times `pseudo_label_weight`: its term of the total "
        "loss. Above `loss_weighted/task`, pseudo-labels have more influence "
        "than gold labels."
    ),
    "pseudo_label/accepted": (
        "Share of texts whose pseudo-label reaches `pseudo_label_threshold`; 1 "
        "without a threshold. Near 0, the pseudo-labels have no effect: lower "
        "the threshold."
    ),
    "discriminator/cross_entropy": (
        "Cross-entropy of the task discriminator in nats. Below "
        "`discriminator/task_prior_entropy` (ln K for equally frequent tasks), "
        "it recognizes tasks by the shared features; at that entropy, it is no "
        "better than predicting the task frequencies; far above it, the "
        "discriminator cannot follow the encoder. "
        "Values near ln K alone do not prove that features are "
        "task-invariant: train probes (`--mode=analyze`)."
    ),
    "discriminator/task_prior_entropy": (
        "Entropy of the task frequencies in a step, in nats: the cross-entropy "
        "of a discriminator that only knows how frequent each task is. "
        "Constantly ln K if all tasks are equally frequent."
    ),
    "discriminator/accuracy": (
        "Share of texts whose task the discriminator predicts correctly. "
        "Task-invariant shared features keep it near `discriminator/chance`, "
        "1/K."
    ),
    "discriminator/chance": (
        "1/K, the chance level of `discriminator/accuracy`."
    ),
    "discriminator/reversal_open": (
        "Share of task batches whose gradient is reversed. `reversal` is off "
        "for task batches whose discriminator cross-entropy exceeds the "
        "entropy of the task frequencies. 1: the adversary always acts on the "
        "encoder; between 0 and 1: encoder and discriminator are balanced; 0 "
        "for long: the discriminator does not recover, so increase "
        "`discriminator_updates` or its learning rate."
    ),
    "training/accuracy": (
        "Share of correct predictions on training batches, with dropout. Far "
        "above `dev_accuracy`, the model overfits."
    ),
    "training/label_transfer_accuracy": (
        "Share of correct predictions of the label transfer network on "
        "training batches. Compared with `training/accuracy`, it shows how "
        "well predictions for the other tasks predict the main task."
    ),
    "training/phase": (
        "Index of the phase. 0: base model; 1: with the label transfer "
        "network; 2: the main model also learns from that network's "
        "pseudo-labels. A phase starts from the best checkpoint of the "
        "previous one."
    ),
    "training/gradient_norm": (
        "Global gradient norm before clipping. It should be constant or fall "
        "slowly. If it jumps by orders of magnitude, set `clip_norm` or lower "
        "the learning rate."
    ),
    "training/learning_rate": (
        "Learning rate of the step, after warm-up and decay."
    ),
    "training/tokens": "Number of tokens in a step, without padding.",
    "training/tokens_per_second": (
        "Training speed over an epoch, without padding. A lasting drop means "
        "that other processes use the machine."
    ),
    "dev/average": (
        "Criterion of early stopping and of the best checkpoint, once per "
        "epoch: the mean over tasks of each task's own metric, or the score of "
        "the task that `main_task` names. Metrics of which lower is better "
        "count negatively. It rises and levels off."
    ),
    "dev_accuracy": "Share of correct predictions on a task's dev set.",
    "dev_macro_f1": (
        "Mean F1 over labels on a task's dev set. Well below accuracy, rare "
        "labels are not recognized."
    ),
    "dev_loss": (
        "Cross-entropy of the labels on a task's dev set, in nats. If it rises "
        "while accuracy is constant, the model becomes overconfident."
    ),
    "best/dev_average": (
        "`dev/average` of the best epoch, written at the end of training."
    ),
    "best/epoch": (
        "Epoch whose weights are kept and evaluated. If it is the last one, "
        "more epochs may help."
    ),
    "test/accuracy": (
        "Accuracy on test, averaged over tasks, with the weights of the best "
        "epoch. Scores by task are in the text `run/test_scores`."
    ),
    "test/macro_f1": (
        "Mean F1 over labels on test, averaged over tasks, with the weights of "
        "the best epoch."
    ),
}

# Charts that compare several curves: tags by title, by heading.
_CHARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "learning": {
        "accuracy: training, and dev by task": (
            "training/accuracy",
            "dev_accuracy",
        ),
        "cross-entropy of the labels: training, and dev by task": (
            "loss/task",
            "dev_loss",
        ),
        "weighted losses": (
            "loss_weighted/task",
            "loss_weighted/adversarial",
            "loss_weighted/orthogonality",
        ),
    },
}
_ADVERSARIAL_CHARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "adversary": {
        "discriminator: cross-entropy, and entropy of the task frequencies": (
            "discriminator/cross_entropy",
            "discriminator/task_prior_entropy",
        ),
        "discriminator: accuracy, and chance level": (
            "discriminator/accuracy",
            "discriminator/chance",
        ),
    },
}
_LABEL_TRANSFER_CHARTS: dict[str, dict[str, tuple[str, ...]]] = {
    "label transfer": {
        "training accuracy: main model and label transfer network": (
            "training/accuracy",
            "training/label_transfer_accuracy",
        ),
        "weighted losses of the task and of label transfer": (
            "loss_weighted/task",
            "loss_weighted/label_transfer",
            "loss_weighted/pseudo_label",
        ),
        "accepted pseudo-labels": ("pseudo_label/accepted",),
    },
}


def write(tag: str, value: float) -> None:
    """Writes a point of a curve into the default writer.

    Args:
      tag: tag of the curve, which determines its description.
      value: the value.
    """
    group = tag.split("/")[0]
    description = DESCRIPTIONS.get(tag) or DESCRIPTIONS.get(group)
    tf.summary.scalar(tag, value, description=description)


def write_charts(adversarial: bool, label_transfer: bool = False) -> None:
    """Writes the charts of the tab Custom Scalars into the default writer.

    Args:
      adversarial: whether the run has a task discriminator.
      label_transfer: whether the run has a label transfer network.
    """
    headings = dict(_CHARTS)
    if adversarial:
        headings |= _ADVERSARIAL_CHARTS
    if label_transfer:
        headings |= _LABEL_TRANSFER_CHARTS
    layout = layout_pb2.Layout()
    for heading, charts in headings.items():
        category = layout.category.add(title=heading)
        for title, tags in charts.items():
            chart = category.chart.add(title=title)
            # Regular expressions. A group has a tag for each task.
            chart.multiline.tag.extend(
                f"^{tag}$" if "/" in tag else f"^{tag}/" for tag in tags
            )
    tf.summary.experimental.write_raw_pb(
        custom_scalar.pb(layout).SerializeToString(), step=0
    )
