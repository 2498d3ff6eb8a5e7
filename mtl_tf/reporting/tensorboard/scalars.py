"""What each curve of TensorBoard is, and what a good one looks like."""

import tensorflow as tf
from tensorboard.plugins.custom_scalar import layout_pb2
from tensorboard.plugins.custom_scalar import summary as custom_scalar

from mtl_tf.metrics import classification


def _describe_metrics():
    found = {}
    for name, metric in classification.METRICS.items():
        meaning = f"{metric.meaning[0].upper()}{metric.meaning[1:]}"
        found[f"dev/{name}"] = f"{meaning}; on a task's dev set."
        found[f"test/{name}"] = (
            f"{meaning}; on test, mean over tasks, which all report it, with "
            "the weights of the best epoch."
        )
    return found


# Markdown, by tag. K is the number of tasks, a group the texts of one task in
# a step. Points of training are means over the steps since the last point.
DESCRIPTIONS = {
    # Of some metrics there is more to say, below.
    **_describe_metrics(),
    "loss/task": (
        "Cross-entropy of the labels, in nats, mean over groups. It begins "
        "near ln(number of labels), 0.69 for two, and falls. Look at "
        "`dev/loss` to see whether what falls here is learnt or memorised."
    ),
    "loss/adversarial": (
        "What the shared encoder is trained against, in nats, mean over "
        "groups. With `reversal` it is the discriminator's cross-entropy, "
        "which the encoder raises; with `confusion` it is the distance from "
        '"it might be any task", which the encoder lowers. Either way ln K '
        "is where the discriminator knows nothing."
    ),
    "loss/orthogonality": (
        "How much shared and private features say the same, mean over "
        "groups. `normalized`: mean square of the overlaps of feature "
        "columns, small and falling. `frobenius`: a sum that grows with batch "
        "and widths, where only the trend means something."
    ),
    "loss/total": (
        "What a step minimizes: sums over the groups of a step, weighted. "
        "With gradient reversal the discriminator's cross-entropy enters "
        "without λ, so about (groups × ln K) of it never goes away."
    ),
    "loss/label_transfer": (
        "Cross-entropy of the label transfer network on the texts that it is "
        "trained on, in nats. It begins near ln(number of the main task's "
        "labels), and falls; 0 before its phase."
    ),
    "loss/pseudo_label": (
        "Squared distance of the main model's probabilities from the "
        "pseudo-labels of the label transfer network, summed over labels, mean "
        "over all texts of a step that have one, of which those below "
        "`pseudo_label_threshold` count as 0 (Eq. 7). From 0, where the two "
        "agree, to 2."
    ),
    "loss_weighted/task": (
        "Sum over the step's groups of α_k times the task loss: what it puts "
        "into the total (Eq. 10). Compare it with the other `loss_weighted`: "
        "a term that is far above it takes over."
    ),
    "loss_weighted/adversarial": (
        "λ times the adversarial loss, summed over the step's groups: what "
        "the shared encoder feels of it."
    ),
    "loss_weighted/orthogonality": (
        "γ times the orthogonality loss, summed over the step's groups. Well "
        "below `loss_weighted/task`, or it decides what is learnt."
    ),
    "loss_weighted/label_transfer": (
        "`transfer_weight` times the loss of the label transfer network: what "
        "it puts into the total."
    ),
    "loss_weighted/pseudo_label": (
        "`pseudo_label_weight` times the loss between main model and "
        "pseudo-labels: what it puts into the total. Above "
        "`loss_weighted/task`, what the network says counts for more than "
        "what people labeled."
    ),
    "pseudo_label/accepted": (
        "Share of texts whose pseudo-label is at or above "
        "`pseudo_label_threshold`; 1 without a threshold. Near 0, the "
        "pseudo-labels teach nothing: lower it."
    ),
    "discriminator/cross_entropy": (
        "Cross-entropy of the task discriminator, in nats. Below "
        "`discriminator/task_prior_entropy` (ln K where tasks are drawn "
        "equally "
        "often) it reads the task from shared features; at it, it knows "
        "nothing; far above, the encoder has run away from it. Near ln K "
        "alone proves nothing: ask fresh probes (`--mode=analyze`)."
    ),
    "discriminator/task_prior_entropy": (
        "Entropy of the tasks of a step, in nats: the cross-entropy of a "
        "discriminator that knows how often each task occurs and nothing "
        "else. ln K, a flat line, where a step holds all tasks alike."
    ),
    "discriminator/accuracy": (
        "Share of texts whose task the discriminator names. Good shared "
        "features keep it near `discriminator/chance`, 1/K."
    ),
    "discriminator/chance": "1/K: the reference of `discriminator/accuracy`.",
    "discriminator/reversal_open": (
        "Share of groups whose gradient is reversed. `reversal` closes for a "
        "group where the discriminator is worse than chance. 1: the encoder "
        "always feels the adversary; between 0 and 1 once both are even; long "
        "at 0: the discriminator does not come back, raise "
        "`discriminator_updates` or its learning rate."
    ),
    "training/accuracy": (
        "Share of right labels in training batches, with dropout on. Far above "
        "`dev/accuracy`: the model overfits."
    ),
    "training/label_transfer_accuracy": (
        "Share of right labels of the label transfer network in training "
        "batches. Beside `training/accuracy`, what the answers to the other "
        "tasks tell of the main one."
    ),
    "training/phase": (
        "Number of the phase. 0: base model; 1: label transfer network beside "
        "it; 2: the main model learns from that network's pseudo-labels too. "
        "A phase begins with the best checkpoint of the one before."
    ),
    "training/gradient_norm": (
        "Norm of all gradients of the model together, before clipping. "
        "Steady or slowly falling; jumps by orders of magnitude ask for "
        "`clip_norm` or a lower learning rate."
    ),
    "training/learning_rate": (
        "The learning rate of the step, after warm-up and decay."
    ),
    "training/tokens": "Tokens in a step, padding not counted.",
    "training/tokens_per_second": (
        "Speed of training over an epoch, padding not counted. A lasting drop "
        "means that something else uses the machine."
    ),
    "dev/average": (
        "What early stopping and the best checkpoint follow: the mean over "
        "tasks of each one's own metric (or the task that `main_task` names), "
        "once an epoch. A metric of which lower is better counts negatively. "
        "Rises, then levels off."
    ),
    "dev/accuracy": "Share of right labels on a task's dev set.",
    "dev/macro_f1": (
        "Mean over labels of F1 on a task's dev set. Well below accuracy: rare "
        "labels are missed."
    ),
    "dev/loss": (
        "Cross-entropy of the labels on a task's dev set, in nats. Rising "
        "while accuracy holds: the model grows too sure of itself."
    ),
    "best/dev_average": (
        "`dev/average` of the best epoch, written once training ends."
    ),
    "best/epoch": (
        "The epoch whose weights are kept and evaluated. If it is the last "
        "one, more epochs may help."
    ),
    "test/accuracy": (
        "Accuracy on test, mean over tasks, with the weights of the best "
        "epoch. By task: `run/test_scores` among the texts."
    ),
    "test/macro_f1": (
        "Mean over labels of F1 on test, mean over tasks, with the weights of "
        "the best epoch."
    ),
}

# Charts of what is to be seen together, by heading and title.
_CHARTS = {
    "learning": {
        "accuracy: training, and dev by task": (
            "training/accuracy",
            "dev/accuracy",
        ),
        "cross-entropy of the labels: training, and dev by task": (
            "loss/task",
            "dev/loss",
        ),
        "terms of the loss, as they enter it": (
            "loss_weighted/task",
            "loss_weighted/adversarial",
            "loss_weighted/orthogonality",
        ),
    },
}
_ADVERSARIAL_CHARTS = {
    "adversary": {
        "discriminator's cross-entropy, beside knowing nothing": (
            "discriminator/cross_entropy",
            "discriminator/task_prior_entropy",
        ),
        "discriminator's accuracy, beside chance": (
            "discriminator/accuracy",
            "discriminator/chance",
        ),
    },
}
_LABEL_TRANSFER_CHARTS = {
    "label transfer": {
        "accuracy: training of main model and label transfer network": (
            "training/accuracy",
            "training/label_transfer_accuracy",
        ),
        "label transfer's terms of the loss, beside the task's": (
            "loss_weighted/task",
            "loss_weighted/label_transfer",
            "loss_weighted/pseudo_label",
        ),
        "accepted pseudo-labels": ("pseudo_label/accepted",),
    },
}


def write(tag: str, value: float) -> None:
    """A point of a curve, with its description, into the default writer."""
    tf.summary.scalar(tag, value, description=DESCRIPTIONS.get(tag))


def write_charts(adversarial: bool, label_transfer: bool = False) -> None:
    """The charts of the tab Custom Scalars, into the default writer.

    Args:
      adversarial: whether there is a discriminator.
      label_transfer: whether there is a label transfer network.
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
            # Regular expressions.
            chart.multiline.tag.extend(f"^{tag}$" for tag in tags)
    tf.summary.experimental.write_raw_pb(
        custom_scalar.pb(layout).SerializeToString(), step=0
    )
