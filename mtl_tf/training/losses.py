"""Losses. Each but `pseudo_label_loss` returns a value a group, [task_batches].

A group holds texts of one task, and its value is a mean over its texts; the
sums over tasks that the papers print are sums over the groups of a joint step.
"""

import tensorflow as tf

from mtl_tf.config import choices


def task_loss(
    scores: tf.Tensor,
    labels: tf.Tensor,
    class_weights: tf.Tensor | None = None,
) -> tf.Tensor:
    """Cross-entropy of the labels (Liu et al. 2017, Eq. 6).

    Args:
      scores: float32 [task_batches, batch, most labels], before the softmax.
      labels: int32 [task_batches, batch].
      class_weights: float32 [task_batches, most labels]: weight of the
      examples of
        each label; 1 where it is None.
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, scores)
    if class_weights is not None:
        losses *= tf.gather(class_weights, labels, batch_dims=1)
    return tf.reduce_mean(losses, axis=1)


def pseudo_label_loss(
    scores: tf.Tensor, pseudo_labels: tf.Tensor, accepted: tf.Tensor
) -> tf.Tensor:
    """Computes || p - z ||^2 (Augenstein et al. 2018, Eq. 7).

    The distance of probabilities from pseudo-labels, summed over labels; one
    mean over all texts, of which those that are not accepted count as 0. It
    does not grow with the number of tasks that the texts come from. No gradient
    flows into the pseudo-labels.

    Args:
      scores: float32 [texts, labels or more], before the softmax that gives p.
      pseudo_labels: z, float32 [texts, labels], probabilities.
      accepted: bool [texts], which pseudo-labels count.

    Returns:
      float32 [].
    """
    labels = tf.shape(pseudo_labels)[-1]
    answers = tf.nn.softmax(scores)[..., :labels]
    squares = (answers - tf.stop_gradient(pseudo_labels)) ** 2
    by_text = tf.reduce_sum(squares, axis=-1) * tf.cast(accepted, tf.float32)
    return tf.reduce_mean(by_text)


def discrimination_loss(
    discriminator_logits: tf.Tensor, task: tf.Tensor
) -> tf.Tensor:
    """Cross-entropy of the task discriminator (Liu et al. 2017, Eq. 13).

    Args:
      discriminator_logits: float32 [task_batches, batch, tasks], before the
      softmax.
      task: int32 [task_batches], the task of the group's texts.
    """
    labels = tf.broadcast_to(
        task[:, tf.newaxis], tf.shape(discriminator_logits)[:2]
    )
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels, discriminator_logits
        ),
        axis=1,
    )


def confusion_loss(discriminator_logits: tf.Tensor) -> tf.Tensor:
    """How far the discriminator's answer is from "it might be any task".

    logsumexp(D(s)) - mean(D(s)): the cross-entropy between the uniform
    distribution over tasks and softmax(D(s)). Unlike a reversed cross-entropy
    it has a minimum, ln(tasks), and so can't run away.

    Args:
      discriminator_logits: float32 [task_batches, batch, tasks], before the
      softmax.
    """
    return tf.reduce_mean(
        tf.reduce_logsumexp(discriminator_logits, axis=-1)
        - tf.reduce_mean(discriminator_logits, axis=-1),
        axis=1,
    )


def task_prior_entropy(task: tf.Tensor, tasks: int) -> tf.Tensor:
    """Entropy (nats) of the task mix of a batch: ln(tasks) if all are alike.

    It is the cross-entropy of a discriminator that knows how often each task
    occurs and nothing else.

    Args:
      task: int32 [task_batches].
      tasks: number of tasks.
    """
    share = tf.reduce_mean(tf.one_hot(task, tasks), axis=0)
    return -tf.reduce_sum(tf.math.xlogy(share, share))


def reversal_gate(
    group_losses: tf.Tensor, entropy: tf.Tensor, adversary: str
) -> tf.Tensor:
    """Whether the reversal is open for each group: 1 or 0, [task_batches].

    The reversed cross-entropy has no upper bound: an encoder that follows it
    can drive it into the thousands without its features saying less about the
    task. So `reversal` closes it for groups whose loss is past `entropy`,
    where the discriminator is worse than one that knows nothing;
    `reversal_unbounded` is Eq. 13 to the letter.

    Args:
      group_losses: float32 [task_batches], of `discrimination_loss`.
      entropy: float32, of `task_prior_entropy`.
      adversary: `reversal` or `reversal_unbounded`.

    Raises:
      ValueError: if the adversary is not one with a reversal.
    """
    if adversary not in ("reversal", "reversal_unbounded"):
        raise ValueError(f"adversary={adversary!r} reverses no gradient")
    if adversary == "reversal_unbounded":
        return tf.ones_like(group_losses)
    return tf.cast(group_losses < entropy, group_losses.dtype)


def orthogonality_loss(
    shared: tf.Tensor, private: tf.Tensor, kind: str
) -> tf.Tensor:
    """Keeps shared and private features apart (Liu et al. 2017, Eq. 14).

    `frobenius` is the equation to the letter, || S^T H ||_F^2: S and H hold a
    text of the group in each row. It grows with the square of the batch and
    with both widths. `normalized` takes the mean over features from S and H,
    scales their rows to unit length, and is the mean of the squares of S^T H:
    what Domain Separation Networks (Bousmalis et al. 2016) do, which the paper
    says it follows.

    Args:
      shared: float32 [task_batches, batch, shared width].
      private: float32 [task_batches, batch, private width].
      kind: one of `choices.ORTHOGONALITY_LOSSES`.

    Raises:
      ValueError: if there is no such kind.
    """
    known = choices.ORTHOGONALITY_LOSSES
    if kind not in known:
        raise ValueError(f"kind: one of {known}, got {kind!r}")
    if kind == "normalized":
        shared, private = (
            tf.math.l2_normalize(
                x - tf.reduce_mean(x, axis=1, keepdims=True),
                axis=-1,
                epsilon=1e-6,
            )
            for x in (shared, private)
        )
    squares = tf.matmul(shared, private, transpose_a=True) ** 2
    if kind == "normalized":
        return tf.reduce_mean(squares, axis=[1, 2])
    return tf.reduce_sum(squares, axis=[1, 2])
