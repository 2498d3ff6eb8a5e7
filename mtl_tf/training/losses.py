"""The losses of both papers.

The losses return one value per task batch, [task_batches], except
`pseudo_label_loss`, a scalar. A task batch holds texts of one task, and its
loss is a mean over its texts. The papers' sums over tasks are sums over the
task batches of a joint step.
"""

import tensorflow as tf

from mtl_tf.config import choices


def task_loss(
    logits: tf.Tensor,
    labels: tf.Tensor,
    class_weights: tf.Tensor | None = None,
) -> tf.Tensor:
    """Computes the cross-entropy of the labels.

        L(y, ŷ) = -Σ_j y_j log ŷ_j,  ŷ = softmax(logits)

    Liu et al. 2017, Eq. 6, as a mean over the texts of each task batch.

    Args:
      logits: float32 [task_batches, batch, num_classes].
      labels: int32 [task_batches, batch].
      class_weights: float32 [task_batches, num_classes], weights of the
        examples of each label; None: all are 1.

    Returns:
      float32 [task_batches].
    """
    losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    if class_weights is not None:
        losses *= tf.gather(class_weights, labels, batch_dims=1)
    return tf.reduce_mean(losses, axis=1)


def pseudo_label_loss(
    logits: tf.Tensor, pseudo_labels: tf.Tensor, accepted: tf.Tensor
) -> tf.Tensor:
    """Computes the squared distance from pseudo-labels.

        L_pseudo = || p - z ||^2,  p = softmax(logits)

    Augenstein et al. 2018, Eq. 7: a sum over labels, and one mean over all
    texts, whatever number of tasks they come from. Texts whose pseudo-label is
    not accepted count as 0. No gradient flows into the pseudo-labels.

    Args:
      logits: float32 [..., at least num_classes].
      pseudo_labels: z, float32 [..., num_classes], probabilities.
      accepted: bool [...], which pseudo-labels count.

    Returns:
      float32 [].
    """
    num_classes = tf.shape(pseudo_labels)[-1]
    probabilities = tf.nn.softmax(logits)[..., :num_classes]
    squares = (probabilities - tf.stop_gradient(pseudo_labels)) ** 2
    distances = tf.reduce_sum(squares, axis=-1)
    return tf.reduce_mean(distances * tf.cast(accepted, tf.float32))


def discrimination_loss(
    discriminator_logits: tf.Tensor, task_ids: tf.Tensor
) -> tf.Tensor:
    """Computes the cross-entropy of the task discriminator.

        L = -Σ_k d_k log D(s)_k,  D(s) = softmax(discriminator_logits)

    Liu et al. 2017, Eq. 12 and 13: d is the one-hot task of a text.

    Args:
      discriminator_logits: float32 [task_batches, batch, num_tasks].
      task_ids: int32 [task_batches], the tasks of the texts.

    Returns:
      float32 [task_batches].
    """
    labels = tf.broadcast_to(
        task_ids[:, tf.newaxis], tf.shape(discriminator_logits)[:2]
    )
    return tf.reduce_mean(
        tf.nn.sparse_softmax_cross_entropy_with_logits(
            labels, discriminator_logits
        ),
        axis=1,
    )


def confusion_loss(discriminator_logits: tf.Tensor) -> tf.Tensor:
    """Computes how far the discriminator's prediction is from uniform.

        L = -1/K Σ_k log D(s)_k = logsumexp(logits) - mean(logits)

    The cross-entropy between the uniform distribution over the K tasks and
    D(s) = softmax(logits). Unlike a reversed cross-entropy it is bounded: its
    minimum is ln(K).

    Args:
      discriminator_logits: float32 [task_batches, batch, num_tasks].

    Returns:
      float32 [task_batches].
    """
    return tf.reduce_mean(
        tf.reduce_logsumexp(discriminator_logits, axis=-1)
        - tf.reduce_mean(discriminator_logits, axis=-1),
        axis=1,
    )


def task_prior_entropy(task_ids: tf.Tensor, num_tasks: int) -> tf.Tensor:
    """Computes the entropy of the tasks in a batch, in nats.

        H = -Σ_k p_k log p_k,  p_k: share of the task batches of task k

    It is the cross-entropy of a discriminator that knows only how often each
    task occurs: ln(num_tasks) if all occur equally often.

    Args:
      task_ids: int32 [task_batches].
      num_tasks: number of tasks.

    Returns:
      float32 [].
    """
    frequencies = tf.reduce_mean(tf.one_hot(task_ids, num_tasks), axis=0)
    return -tf.reduce_sum(tf.math.xlogy(frequencies, frequencies))


def reversal_gate(
    batch_losses: tf.Tensor, entropy: tf.Tensor, adversary: str
) -> tf.Tensor:
    """Computes the factor of the reversed gradient of each task batch.

        gate = 1 if batch_loss < entropy else 0

    The reversed cross-entropy has no upper bound: an encoder can drive it into
    the thousands without removing information about the task from its
    features. `reversal` therefore closes the gate for task batches whose loss
    exceeds `entropy`, where the discriminator is worse than predicting the task
    frequencies. `reversal_unbounded` is exactly Eq. 13: the gate stays open.

    Args:
      batch_losses: float32 [task_batches], from `discrimination_loss`.
      entropy: float32 [], from `task_prior_entropy`.
      adversary: `reversal` or `reversal_unbounded`.

    Returns:
      float32 [task_batches], 0 or 1.

    Raises:
      ValueError: if this adversary reverses no gradient.
    """
    if adversary not in ("reversal", "reversal_unbounded"):
        raise ValueError(f"adversary={adversary!r} reverses no gradient")
    if adversary == "reversal_unbounded":
        return tf.ones_like(batch_losses)
    return tf.cast(batch_losses < entropy, batch_losses.dtype)


def orthogonality_loss(
    shared: tf.Tensor, private: tf.Tensor, kind: str
) -> tf.Tensor:
    """Computes how much shared and private features overlap.

        L_diff = || S^T H ||_F^2

    Liu et al. 2017, Eq. 14: S and H hold one text of the task batch per row.
    `frobenius` is the equation to the letter, which grows with the square of
    the batch size and with both feature sizes. `normalized` first centers the
    features over the batch and scales the rows of S and H to unit length, and
    then takes the mean of the squared entries of S^T H, as Domain Separation
    Networks (Bousmalis et al. 2016), which the paper follows, do.

    Args:
      shared: float32 [task_batches, batch, shared feature size].
      private: float32 [task_batches, batch, private feature size].
      kind: one of `choices.ORTHOGONALITY_LOSSES`.

    Returns:
      float32 [task_batches].

    Raises:
      ValueError: if `kind` is unknown.
    """
    known = choices.ORTHOGONALITY_LOSSES
    if kind not in known:
        raise ValueError(f"kind: expected one of {known}, got {kind!r}")
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
