import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.training import losses
from tests.helpers import trainers


def discrimination_gradients(trainer, batch, function):
    """Gradients of a loss of task scores, by TensorFlow's own derivation."""
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
        scores = tf.einsum("gbi,ki->gbk", shared, kernel) + bias
        loss = tf.reduce_sum(function(scores, batch["task_ids"]))
    gradients = tape.gradient(loss, encoder + discriminator)
    gradients = [tf.convert_to_tensor(g).numpy() for g in gradients]
    return gradients[: len(encoder)], gradients[len(encoder) :]


def step_changes(trainer, batch):
    """What one step adds to the shared encoder and to the discriminator."""

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


# Only the adversary moves the encoder, and by its gradient itself.
ADVERSARY_ALONE = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "task_weights": ("a:0", "b:0", "c:0"),
}


def test_reversal_moves_encoder_up_by_lambda_and_discriminator_down():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3,
        adversary="reversal_unbounded",
        **ADVERSARY_ALONE,
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


def test_reversal_is_closed_where_the_discriminator_is_worse_than_chance():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3, adversary="reversal", **ADVERSARY_ALONE
    )
    # The discriminator says task 0 whatever it sees: right for the first
    # group, and far past ln 3 for the two others.
    kernel, bias = trainer.adversary.discriminator.trainable_variables
    kernel.assign(0.1 * tf.ones_like(kernel))
    bias.assign([5.0, 0.0, 0.0])
    batch = trainers.make_batch()

    def first_group_alone(scores, task):
        return losses.discrimination_loss(scores, task)[:1]

    encoder, _ = discrimination_gradients(trainer, batch, first_group_alone)
    _, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    logs, encoder_change, discriminator_change = step_changes(trainer, batch)
    trainers.assert_close(encoder_change, [0.3 * g for g in encoder])
    trainers.assert_close(discriminator_change, [-g for g in discriminator])
    assert float(logs["discriminator/reversal_open"]) == pytest.approx(1 / 3)


def test_confusion_moves_encoder_down_its_own_loss():
    trainer = trainers.make_trainer(
        adversarial_weight=0.3, adversary="confusion", **ADVERSARY_ALONE
    )
    batch = trainers.make_batch()

    def confusion(scores, task):
        # Mean over tasks of the cross-entropy, in each group.
        return sum(
            losses.discrimination_loss(scores, tf.fill(tf.shape(task), k)) / 3
            for k in range(3)
        )

    encoder, _ = discrimination_gradients(trainer, batch, confusion)
    _, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    _, encoder_change, discriminator_change = step_changes(trainer, batch)
    trainers.assert_close(encoder_change, [-0.3 * g for g in encoder])
    trainers.assert_close(discriminator_change, [-g for g in discriminator])


def test_discriminator_takes_its_further_steps_on_the_same_features():
    settings = {"adversarial_weight": 0.3, **ADVERSARY_ALONE}
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
        # d CE / d scores = (softmax - one hot) / batch, summed over groups.
        scores = shared @ kernel.T + bias
        error = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        error -= np.eye(3)[batch["task_ids"]][:, np.newaxis]
        error /= shared.shape[1]
        kernel = kernel - 0.5 * np.einsum("gbk,gbi->ki", error, shared)
        bias = bias - 0.5 * error.sum((0, 1))
    trainer.train_step(batch)
    found = [v.numpy() for v in trainer.adversary.discriminator.variables]
    trainers.assert_close(found, [kernel, bias])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
