import numpy as np
import pytest
import tensorflow as tf

from mtl_tf import config as config_lib
from mtl_tf import losses
from mtl_tf import models
from mtl_tf import training

WORDS = 30
LABELS = (2, 3, 2)
NAMES = ("a", "b", "c")
SIZES = {"word_width": 4, "units": 5}


def make_trainer(label_counts=LABELS, class_weights=None, **settings):
    config = config_lib.Config(**SIZES | settings)
    model = models.build(config, label_counts, WORDS)
    group = {
        "tokens": tf.TensorSpec([None, None, None], tf.int32),
        "lengths": tf.TensorSpec([None, None], tf.int32),
        "task": tf.TensorSpec([None], tf.int32),
    }
    signature = {**group, "labels": tf.TensorSpec([None, None], tf.int32)}
    if config.sequences_apart:
        more = {"seq1": group["tokens"], "seq1_lengths": group["lengths"]}
        group |= more
        signature |= more
    if config.unlabeled:
        signature["unlabeled"] = group
    if class_weights is None:
        class_weights = np.ones((len(label_counts), max(label_counts)))
    return training.Trainer(
        config, model, signature, NAMES[: len(label_counts)], class_weights, 10
    )


def make_batch(tasks=(0, 1, 2), batch=4, time=6, seed=0, unlabeled=False):
    random = np.random.default_rng(seed)
    shape = (len(tasks), batch)
    made = {
        "tokens": random.integers(4, WORDS, (*shape, time)).astype(np.int32),
        "lengths": random.integers(1, time + 1, shape).astype(np.int32),
        "task": np.array(tasks, np.int32),
    }
    if not unlabeled:
        made["labels"] = random.integers(2, size=shape).astype(np.int32)
    return made


def values(trainer):
    return {
        f"{part}/{name}": variable.numpy()
        for part, variables in trainer.parts.items()
        for name, variable in variables.items()
    }


def changed(before, after):
    return {
        name
        for name, value in before.items()
        if not np.array_equal(value, after[name])
    }


def inputs(batch):
    return {name: batch[name] for name in ("tokens", "lengths", "task")}


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
        shared = trainer.model(inputs(batch), training=True)["shared"]
        kernel, bias = discriminator
        scores = tf.einsum("gbi,ki->gbk", shared, kernel) + bias
        loss = tf.reduce_sum(function(scores, batch["task"]))
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
    terms = trainer.train_step(batch)
    after = read()
    return terms, *(
        [new - old for old, new in zip(olds, news, strict=True)]
        for olds, news in zip(before, after, strict=True)
    )


# Only the adversary moves the encoder, and by its gradient itself.
ADVERSARY_ALONE = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "task_weights": ("a:0", "b:0", "c:0"),
}


def assert_close(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-6)


def test_reversal_moves_encoder_up_by_lambda_and_discriminator_down():
    trainer = make_trainer(
        adversarial_weight=0.3,
        adversary="reversal_unbounded",
        **ADVERSARY_ALONE,
    )
    batch = make_batch()
    encoder, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    terms, encoder_change, discriminator_change = step_changes(trainer, batch)
    assert_close(encoder_change, [0.3 * g for g in encoder])
    assert_close(discriminator_change, [-g for g in discriminator])
    assert max(np.abs(g).max() for g in encoder_change) > 1e-4
    assert terms["discriminator/reversal_open"] == 1


def test_reversal_is_closed_where_the_discriminator_is_worse_than_chance():
    trainer = make_trainer(
        adversarial_weight=0.3, adversary="reversal", **ADVERSARY_ALONE
    )
    # The discriminator says task 0 whatever it sees: right for the first
    # group, and far past ln 3 for the two others.
    kernel, bias = trainer.adversary.discriminator.trainable_variables
    kernel.assign(0.1 * tf.ones_like(kernel))
    bias.assign([5.0, 0.0, 0.0])
    batch = make_batch()

    def first_group_alone(scores, task):
        return losses.discrimination_loss(scores, task)[:1]

    encoder, _ = discrimination_gradients(trainer, batch, first_group_alone)
    _, discriminator = discrimination_gradients(
        trainer, batch, losses.discrimination_loss
    )
    terms, encoder_change, discriminator_change = step_changes(trainer, batch)
    assert_close(encoder_change, [0.3 * g for g in encoder])
    assert_close(discriminator_change, [-g for g in discriminator])
    assert float(terms["discriminator/reversal_open"]) == pytest.approx(1 / 3)


def test_confusion_moves_encoder_down_its_own_loss():
    trainer = make_trainer(
        adversarial_weight=0.3, adversary="confusion", **ADVERSARY_ALONE
    )
    batch = make_batch()

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
    assert_close(encoder_change, [-0.3 * g for g in encoder])
    assert_close(discriminator_change, [-g for g in discriminator])


def test_discriminator_takes_its_further_steps_on_the_same_features():
    settings = {"adversarial_weight": 0.3, **ADVERSARY_ALONE}
    batch = make_batch()
    trainer = make_trainer(
        discriminator_steps=3, discriminator_learning_rate=0.5, **settings
    )
    shared = trainer.model(inputs(batch), training=True)["shared"].numpy()
    kernel, bias = (
        v.numpy() for v in trainer.adversary.discriminator.variables
    )
    for _ in range(3):
        # d CE / d scores = (softmax - one hot) / batch, summed over groups.
        scores = shared @ kernel.T + bias
        error = np.exp(scores) / np.exp(scores).sum(-1, keepdims=True)
        error -= np.eye(3)[batch["task"]][:, np.newaxis]
        error /= shared.shape[1]
        kernel = kernel - 0.5 * np.einsum("gbk,gbi->ki", error, shared)
        bias = bias - 0.5 * error.sum((0, 1))
    trainer.train_step(batch)
    found = [v.numpy() for v in trainer.adversary.discriminator.variables]
    assert_close(found, [kernel, bias])


@pytest.mark.parametrize("adversary", losses.ADVERSARIES)
def test_first_step_changes_every_weight(adversary):
    trainer = make_trainer(
        adversary=adversary,
        adversarial_weight=0.05,
        orthogonality_weight=0.01,
        unlabeled=True,
        word_dropout=0.1,
        vector_dropout=0.1,
        recurrent_dropout=0.1,
        feature_dropout=0.1,
    )
    batch = make_batch() | {"unlabeled": make_batch(seed=1, unlabeled=True)}
    before = values(trainer)
    terms = trainer.train_step(batch)
    still = set(before) - changed(before, values(trainer))
    assert not still
    assert np.isfinite([float(v) for v in terms.values()]).all()


def test_a_step_moves_every_weight_of_a_model_of_two_texts():
    trainer = make_trainer(
        encoder="conditional_bilstm",
        skip_connection=True,
        task_layer_units=4,
        output_layer="label_embedding",
        label_bias=True,
        adversarial_weight=0.05,
        orthogonality_weight=0.01,
        unlabeled=True,
    )
    batch = make_batch() | {"unlabeled": make_batch(seed=1, unlabeled=True)}
    for seed, part in ((2, batch), (3, batch["unlabeled"])):
        other = make_batch(seed=seed, time=3)
        part["seq1"], part["seq1_lengths"] = other["tokens"], other["lengths"]
    before = values(trainer)
    terms = trainer.train_step(batch)
    still = set(before) - changed(before, values(trainer))
    # There is no dropout.
    assert all(name.endswith("seed_generator_state") for name in still)
    assert np.isfinite([float(v) for v in terms.values()]).all()
    # Of both texts of what has labels.
    wanted = batch["lengths"].sum() + batch["seq1_lengths"].sum()
    assert float(terms["training/tokens"]) == wanted


def test_absent_tasks_and_words_stay_bit_for_bit_whatever_their_momentum():
    trainer = make_trainer(steps="alternate", optimizer="adamw")
    trainer.train_step(make_batch(tasks=(0, 1, 2)))
    before = values(trainer)
    batch = make_batch(tasks=(1,), seed=1)
    batch["tokens"] = batch["tokens"] % 5 + 4
    trainer.train_step(batch)
    after = values(trainer)
    for name in before:
        old, new = before[name], after[name]
        if "private_encoder" in name and "seed" not in name:
            np.testing.assert_array_equal(old[[0, 2]], new[[0, 2]])
            assert not np.array_equal(old[1], new[1])
        elif "softmax_output" in name:
            # Labels of task b are rows 2 to 4.
            np.testing.assert_array_equal(old[[0, 1, 5, 6]], new[[0, 1, 5, 6]])
            assert not np.array_equal(old[2:5], new[2:5])
        elif "word_embedding/table" in name:
            # Words 4 to 8 are in the step.
            np.testing.assert_array_equal(old[9:], new[9:])
            assert not np.array_equal(old[4:9], new[4:9])


def test_shapes_and_task_mixes_share_one_trace(monkeypatch):
    traces, task_loss = [], losses.task_loss

    def counting(*args):
        traces.append(1)
        return task_loss(*args)

    monkeypatch.setattr(losses, "task_loss", counting)
    trainer = make_trainer(adversarial_weight=0.05, orthogonality_weight=0.01)
    for tasks, batch, time in (((0, 1, 2), 4, 6), ((2,), 3, 9), ((1, 1), 2, 1)):
        trainer.train_step(make_batch(tasks, batch, time))
    assert traces == [1]


def test_task_loss_is_the_weighted_sum_over_tasks():
    trainer = make_trainer(task_weights=("a:2", "c:0.5"))
    batch = make_batch()
    scores = trainer.model(inputs(batch), training=True)["scores"].numpy()
    by_task = []
    for group, labels in zip(scores, batch["labels"], strict=True):
        log = np.log(np.exp(group).sum(-1)) - group[range(4), labels]
        by_task.append(log.mean())
    terms = trainer.train_step(batch)
    expected = 2 * by_task[0] + by_task[1] + 0.5 * by_task[2]
    assert float(terms["loss_weighted/task"]) == pytest.approx(
        expected, rel=1e-5
    )
    assert float(terms["loss/task"]) == pytest.approx(
        np.mean(by_task), rel=1e-5
    )


def test_class_weights_weigh_examples_by_their_label():
    weights = np.array([[3.0, 0.0, 0.0]] * 3)
    trainer = make_trainer(class_weights=weights)
    batch = make_batch()
    scores = trainer.model(inputs(batch), training=True)["scores"].numpy()
    by_task = []
    for group, labels in zip(scores, batch["labels"], strict=True):
        log = np.log(np.exp(group).sum(-1)) - group[range(4), labels]
        by_task.append((3 * log * (labels == 0)).mean())
    terms = trainer.train_step(batch)
    assert float(terms["loss/task"]) == pytest.approx(
        np.mean(by_task), rel=1e-5
    )


def test_total_is_the_sum_of_what_is_minimised():
    trainer = make_trainer(
        adversary="reversal", adversarial_weight=0.05, orthogonality_weight=2.0
    )
    terms = {k: float(v) for k, v in trainer.train_step(make_batch()).items()}
    # Cross-entropy of the discriminator is summed over the 3 groups.
    expected = (
        terms["loss_weighted/task"]
        + 3 * terms["loss/adversarial"]
        + terms["loss_weighted/orthogonality"]
    )
    assert terms["loss/total"] == pytest.approx(expected, rel=1e-5)
    assert terms["loss_weighted/adversarial"] == pytest.approx(
        0.05 * 3 * terms["loss/adversarial"], rel=1e-5
    )
    assert terms["loss_weighted/orthogonality"] == pytest.approx(
        2.0 * 3 * terms["loss/orthogonality"], rel=1e-5
    )
    assert terms["discriminator/mix_entropy"] == pytest.approx(np.log(3))
    assert terms["discriminator/chance"] == pytest.approx(1 / 3)


def test_unlabelled_text_reaches_the_shared_encoder_alone():
    def step(seed):
        trainer = make_trainer(
            adversary="reversal_unbounded",
            adversarial_weight=0.3,
            unlabeled=True,
            optimizer="sgd",
            learning_rate=1.0,
        )
        unlabeled = make_batch(seed=seed, unlabeled=True)
        # The same words, so that the same vectors move.
        trainer.train_step(make_batch() | {"unlabeled": unlabeled})
        return values(trainer)

    differing = changed(step(1), step(2))
    assert any("shared_encoder" in name for name in differing)
    assert not any("private_encoder" in name for name in differing)
    assert not any("softmax_output" in name for name in differing)


def test_variables_of_one_path_are_refused():
    one, other = (tf.Variable(0.0), tf.Variable(1.0))

    class Fake:
        def __init__(self, value):
            self.path, self.value = "same/path", value

    with pytest.raises(ValueError, match=r"two variables .* same/path"):
        models.variables_by_path([Fake(one), Fake(other)])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
