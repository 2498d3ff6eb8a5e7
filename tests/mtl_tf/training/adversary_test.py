import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.training import losses
from tests.helpers import trainers


def discrimination_gradients(trainer, batch, function):
    """Computes gradients of a loss of the logits with TensorFlow."""
    encoder = [
        variable.value
        for variable in trainer.model.trainable_variables
        if "shared_encoder" in variable.path
    ]
    discriminator = [
        v.value for v in trainer.adversary.discriminator.trainable_variables
    ]
    with tf.GradientTape() as tape:
        shared = trainer.model(trainers.inputs(batch), training=True)["shared"]
        kernel, bias = discriminator
        logits = tf.einsum("gbi,ki->gbk", shared, kernel) + bias
        loss = tf.reduce_sum(function(logits, batch["task_ids"]))
    gradients = tape.gradient(loss, encoder + discriminator)
    gradients = [tf.convert_to_tensor(g).numpy() for g in gradients]
    return gradients[: len(encoder)], gradients[len(encoder) :]


def step_changes(trainer, batch):
    """Returns how a step changes the shared encoder and the discriminator."""

    def read():
        encoder = [
            variable.numpy()
            for variable in trainer.model.trainable_variables
            if "shared_encoder" in variable.path
        ]
        both = trainer.adversary.discriminator.trainable_variables
        return encoder, [variable.numpy() for variable in both]

    before = read()
    logs = trainer.train_step(batch)
    after = read()
    return logs, *(
        [new - old for old, new in zip(olds, news, strict=True)]
        for olds, news in zip(before, after, strict=True)
    )


# The shared encoder is only trained by the adversary, by plain gradients.
ADVERSARY_ONLY = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "task_weights": ("a:0", "b:0", "c:0"),
}


def test_reversal_opposes_encoder_and_discriminator():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3,
        adversary="reversal_unbounded",
        **ADVERSARY_ONLY,
    )
    batch = trainers.make_batch()
    encoder, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    logs, encoder_change, discriminator_change = step_changes(trainer, batch)
    trainers.assert_close(encoder_change, [0.3 * g for g in encoder])
    trainers.assert_close(discriminator_change, [-g for g in discriminator])
    assert max(np.abs(g).max() for g in encoder_change) > 1e-4
    assert logs["discriminator/reversal_open"] == 1


def test_reversal_gate_closes_where_the_discriminator_is_worse_than_chance():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3, adversary="reversal", **ADVERSARY_ONLY
    )
    # The discriminator always predicts task 0: it is correct for the first task
    # batch, and its loss is far above ln 3 for the two others.
    kernel, bias = trainer.adversary.discriminator.trainable_variables
    kernel.assign(0.1 * tf.ones_like(kernel))
    bias.assign([5.0, 0.0, 0.0])
    batch = trainers.make_batch()

    def first_batch_loss(logits, task_ids):
        return losses.discrimination_loss(logits, task_ids)[:1]

    encoder, _ = discrimination_gradients(trainer, batch, first_batch_loss)
    _, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    logs, encoder_change, discriminator_change = step_changes(trainer, batch)
    trainers.assert_close(encoder_change, [0.3 * g for g in encoder])
    trainers.assert_close(discriminator_change, [-g for g in discriminator])
    assert float(logs["discriminator/reversal_open"]) == pytest.approx(1 / 3)


def test_confusion_descends_with_the_encoder_and_the_discriminator():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3, adversary="confusion", **ADVERSARY_ONLY
    )
    batch = trainers.make_batch()

    def confusion(logits, task_ids):
        # Mean over tasks of the cross-entropy.
        return sum(
            losses.discrimination_loss(logits, tf.fill(tf.shape(task_ids), k))
            / 3
            for k in range(3)
        )

    encoder, _ = discrimination_gradients(trainer, batch, confusion)
    _, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    _, encoder_change, discriminator_change = step_changes(trainer, batch)
    trainers.assert_close(encoder_change, [-0.3 * g for g in encoder])
    trainers.assert_close(discriminator_change, [-g for g in discriminator])


def test_extra_discriminator_updates_use_the_same_features():
    settings = {"adversarial_weight": 0.3, **ADVERSARY_ONLY}
    batch = trainers.make_batch()
    trainer = trainers.make_trainer(
        discriminator_updates=3, discriminator_learning_rate=0.5, **settings
    )
    shared = trainer.model(trainers.inputs(batch), training=True)[
        "shared"
    ].numpy()
    kernel, bias = (
        v.numpy() for v in trainer.adversary.discriminator.variables
    )
    for _ in range(3):
        # d CE / d logits = (softmax - one hot) / batch, summed over tasks.
        logits = shared @ kernel.T + bias
        error = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
        error -= np.eye(3)[batch["task_ids"]][:, np.newaxis]
        error /= shared.shape[1]
        kernel = kernel - 0.5 * np.einsum("gbk,gbi->ki", error, shared)
        bias = bias - 0.5 * error.sum((0, 1))
    trainer.train_step(batch)
    actual = [v.numpy() for v in trainer.adversary.discriminator.variables]
    trainers.assert_close(actual, [kernel, bias])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
