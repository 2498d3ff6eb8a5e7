"""The loss on pseudo-labels, as a part of the training step."""

from collections.abc import Mapping

import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.training import losses
from mtl_tf.training import replicas as replicas_lib


def compute_losses(
    config: config_lib.Config,
    replicas: replicas_lib.Replicas,
    logits: tf.Tensor,
    pseudo_labels: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """Computes the distance of the main model from pseudo-labels.

        L_pseudo = || p - z ||^2

    Augenstein et al. 2018, Eq. 7: one mean over all texts, whatever their
    number of task batches.

    Args:
      config: the loss's weight, and the threshold of pseudo-labels.
      replicas: the replicas that share a step.
      logits: float32 [..., at least num_classes].
      pseudo_labels: z, float32 [..., num_classes], probabilities.

    Returns:
      Losses and logs, float32 [], by name; see `Trainer`. On several replicas,
      what this one adds to them.
    """
    confidence = tf.reduce_max(pseudo_labels, axis=-1)
    accepted = confidence >= config.pseudo_label_threshold
    loss = losses.pseudo_label_loss(logits, pseudo_labels, accepted)
    means = {
        "loss/pseudo_label": loss,
        "pseudo_label/accepted": tf.reduce_mean(tf.cast(accepted, tf.float32)),
    }
    logs = replicas.share(means, accepted)
    weighted = config.pseudo_label_weight * logs["loss/pseudo_label"]
    return {
        **logs,
        "loss_minimized/pseudo_label": weighted,
        "loss_weighted/pseudo_label": weighted,
    }


def of_transfer_network(
    outputs: Mapping[str, tf.Tensor],
    unlabeled: Mapping[str, tf.Tensor] | None,
    task_ids: tf.Tensor,
    main_task: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Selects the texts with pseudo-labels of a label transfer network.

    Augenstein et al. 2018, section 3.4: they are those of the auxiliary tasks,
    and unlabeled ones.

    Args:
      outputs: outputs for the labeled texts of a step.
      unlabeled: those for unlabeled texts; None without any.
      task_ids: int32 [task_batches], the tasks of the labeled texts.
      main_task: index of the main task.

    Returns:
      Logits of the main model, float32 [texts, most labels], and the network's
      probabilities, float32 [texts, labels of the main task].
    """
    auxiliary = tf.where(task_ids != main_task)[:, 0]

    def logits_of_texts(name):
        logits = [tf.gather(outputs[name], auxiliary)]
        if unlabeled:
            logits.append(unlabeled[name])
        num_classes = outputs[name].shape[-1]
        return tf.concat(
            [tf.reshape(x, [-1, num_classes]) for x in logits], axis=0
        )

    return (
        logits_of_texts("main_task_logits"),
        tf.nn.softmax(logits_of_texts("transfer_logits")),
    )
