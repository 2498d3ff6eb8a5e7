"""Training steps of a model with a label transfer network."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from tests.helpers import trainers

# Tasks a, b and c have 2, 3 and 2 labels; the main task is b.
MAIN = 1
LABELS = (slice(0, 2), slice(2, 5), slice(5, 7))
SETTINGS = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "output_layer": "label_embedding",
    "task_layer_size": 4,
    "init_range": 0.9,
    "transfer_hidden_size": 3,
    "main_task": "b",
    "label_transfer": "semi_supervised",
}
# One gradient step of a single loss.
ONE_LOSS = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "task_weights": ("a:0", "b:0", "c:0"),
}
EQUATION_7 = {"pseudo_label_weight": 0.7, "pseudo_label_threshold": 0.5}
NETWORK = {
    f"model/label_transfer_network/{layer}/{weight}"
    for layer in ("hidden", "output")
    for weight in ("kernel", "bias")
}


def make_trainer(**settings):
    """Returns a trainer at its start.

    A step takes seconds to trace: tests with the same settings share it.
    """
    trainer, start = shared(
        config_lib.Config(**trainers.SETTINGS | SETTINGS | settings)
    )
    trainers.restore(trainer, start)
    return trainer


@functools.cache
def shared(config):
    """Makes a trainer, and copies its variables."""
    # They are an argument, not a setting.
    settings = vars(config) | {"class_weights": None}
    trainer = trainers.make_trainer(**settings)
    return trainer, trainers.values(trainer)


@pytest.fixture(autouse=True, scope="module")
def _memory():
    """Releases the trainers, which hold their traced steps."""
    yield
    shared.cache_clear()


def make_batch(tasks=(0, 1, 2), seed=0, unlabeled=False, batch=4):
    random = np.random.default_rng((seed, 1))
    batch = trainers.make_batch(tasks, batch, seed=seed, unlabeled=unlabeled)
    shape = (*batch["lengths"].shape, 5)
    batch["diversity"] = random.normal(size=shape).astype(np.float32)
    return batch


def softmax(logits):
    e = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def predictions(trainer, batch):
    """Returns probabilities of the network and of the main task's output."""
    batch = {
        **batch,
        "transfer_indices": np.arange(len(batch["task_ids"]), dtype=np.int32),
    }
    actual = trainer.model({name: batch[name] for name in trainer.model.input})
    own = trainer.model.output["transfer_logits"].shape[-1]
    return (
        softmax(actual["transfer_logits"].numpy()),
        softmax(actual["main_task_logits"].numpy())[..., :own],
    )


def updated(trainer, step):
    """Returns the variables of the model that a step updates, and its logs."""
    before = trainers.values(trainer)
    logs = step()
    names = trainers.changed(before, trainers.values(trainer))
    return {name for name in names if name.startswith("model/")}, logs


def updated_rows(trainer, paths, step):
    """Returns the rows of weights that a step updates."""
    variables = [trainer.parts["model"][path] for path in paths]
    before = [variable.numpy() for variable in variables]
    step()
    return [
        set(
            np.flatnonzero(
                (variable.numpy() != start).any(axis=(1, 2)[: start.ndim - 1])
            )
        )
        for variable, start in zip(variables, before, strict=True)
    ]


def test_network_loss_is_of_texts_of_the_main_task():
    weights = np.array([[1, 1, 1], [3, 0.5, 1], [1, 1, 1]])
    trainer = trainers.make_trainer(
        **SETTINGS, transfer_weight=0.3, class_weights=weights
    )
    batch = make_batch(tasks=(1, 0, 1, 2))
    p, _ = predictions(trainer, batch)
    losses, accuracies = [], []
    for task_batch in (0, 2):
        labels = batch["labels"][task_batch]
        true = p[task_batch][range(4), labels]
        losses.append(np.mean(-np.log(true) * weights[MAIN][labels]))
        accuracies.append(np.mean(p[task_batch].argmax(axis=-1) == labels))
    logs = trainer.train_step(batch, "label_transfer")
    assert float(logs["loss/label_transfer"]) == pytest.approx(
        np.mean(losses), rel=1e-5
    )
    assert float(logs["loss_weighted/label_transfer"]) == pytest.approx(
        0.3 * sum(losses), rel=1e-5
    )
    assert float(logs["training/label_transfer_accuracy"]) == pytest.approx(
        np.mean(accuracies)
    )
    total = logs["loss_weighted/task"] + 0.3 * sum(losses)
    assert float(logs["loss/total"]) == pytest.approx(float(total), rel=1e-5)
    assert not any("pseudo" in name for name in logs)


# The network accepts all, some and none of its predictions as pseudo-labels.
@pytest.mark.parametrize(
    ("scale", "first_bias"), [(1.0, 20.0), (1.0, 0.0), (0.0, 0.0)]
)
def test_equation_7_is_of_auxiliary_and_unlabeled_texts(scale, first_bias):
    trainer = make_trainer(**EQUATION_7, unlabeled=True)
    output = trainer.model.get_layer("label_transfer_network").output_layer
    output.kernel.assign(scale * output.kernel)
    output.bias.assign(scale * output.bias + [first_bias, 0, 0])
    # 2 * 4 texts of auxiliary tasks, and 3 * 7 unlabeled ones.
    unlabeled = make_batch(seed=1, unlabeled=True, batch=7)
    batch = make_batch() | {"unlabeled": unlabeled}
    by_text, accepted = [], []
    for batch_part, task_batches in ((batch, (0, 2)), (unlabeled, (0, 1, 2))):
        z, p = predictions(trainer, batch_part)
        for task_batch in task_batches:
            counts = z[task_batch].max(axis=-1) >= 0.5
            squares = np.sum((p[task_batch] - z[task_batch]) ** 2, axis=-1)
            by_text.extend(squares * counts)
            accepted.extend(counts)
    assert len(by_text) == 2 * 4 + 3 * 7
    loss = sum(by_text) / len(by_text)
    share = np.mean(accepted)
    if scale:
        assert share == 1 if first_bias else 0 < share < 1
    else:
        assert share == 0
    logs = trainer.train_step(batch, "semi_supervised")
    assert float(logs["pseudo_label/accepted"]) == pytest.approx(share)
    assert float(logs["loss/pseudo_label"]) == pytest.approx(loss, rel=1e-5)
    assert float(logs["loss_weighted/pseudo_label"]) == pytest.approx(
        0.7 * loss, rel=1e-5
    )
    total = sum(
        logs[f"loss_weighted/{x}"]
        for x in ("task", "label_transfer", "pseudo_label")
    )
    assert float(logs["loss/total"]) == pytest.approx(float(total), rel=1e-5)


@pytest.mark.parametrize("unlabeled", [False, True])
def test_equation_7_does_not_depend_on_the_number_of_task_batches(unlabeled):
    batch = make_batch()
    more = make_batch(seed=1, unlabeled=True)
    actual = []
    # Tasks a and c once, and twice with the same texts.
    for auxiliary in ([0, 2], [0, 2, 0, 2]):
        trainer = make_trainer(**EQUATION_7, unlabeled=unlabeled)
        task_batches = [1, *auxiliary]
        step_batch = {
            name: array[task_batches] for name, array in batch.items()
        }
        if unlabeled:
            step_batch["unlabeled"] = {k: x[auxiliary] for k, x in more.items()}
        logs = trainer.train_step(step_batch, "semi_supervised")
        actual.append(float(logs["loss_weighted/pseudo_label"]))
    assert actual[0] > 0
    assert actual[1] == pytest.approx(actual[0], rel=1e-5)


def test_base_phase_does_not_change_the_network_or_its_slots():
    trainer = make_trainer(optimizer="adam", unlabeled=True)
    batch = make_batch() | {"unlabeled": make_batch(seed=1, unlabeled=True)}
    # Its slots are not 0.
    trainer.train_step(batch, "label_transfer")
    before = trainers.values(trainer)
    logs = trainer.train_step(batch, "base")
    after = trainers.values(trainer)
    own = {name for name in before if "label_transfer" in name}
    assert len(own) == 4 * (1 + 3)
    names = trainers.changed(before, after)
    assert not names & own
    assert "model/head/label_embedding/table" in names
    assert not any("transfer" in x or "pseudo" in x for x in logs)


@pytest.mark.parametrize("gradient", [False, True])
def test_network_loss_trains_the_network_alone_without_gradient(gradient):
    trainer = make_trainer(
        **ONE_LOSS, label_transfer="supervised", transfer_gradient=gradient
    )
    names, _ = updated(
        trainer, lambda: trainer.train_step(make_batch(), "label_transfer")
    )
    everything = {f"model/{x.path}" for x in trainer.model.trainable_variables}
    assert names == (everything if gradient else NETWORK)


@pytest.mark.parametrize("reads_main", [False, True])
def test_network_loss_updates_only_the_tasks_that_the_network_reads(reads_main):
    """It reads predictions of auxiliary tasks, by default of no main task."""
    trainer = make_trainer(
        **ONE_LOSS,
        label_transfer="supervised",
        transfer_main_predictions=reads_main,
    )
    paths = ("encoder/private_encoder/words/kernel", "head/task_layer/kernel")
    paths += ("head/label_embedding/table",)
    actual = updated_rows(
        trainer,
        paths,
        lambda: trainer.train_step(make_batch(), "label_transfer"),
    )
    tasks = {0, 1, 2} if reads_main else {0, 2}
    labels = set(range(7)) if reads_main else {0, 1, 5, 6}
    assert actual == [tasks, tasks, labels]


def equation_7(trainer, batch):
    """Computes Eq. 7 for the texts of auxiliary tasks."""
    z, _ = predictions(trainer, batch)
    as_main = {**batch, "task_ids": np.full_like(batch["task_ids"], MAIN)}
    as_main["transfer_indices"] = np.zeros(1, np.int32)
    logits = trainer.model({k: as_main[k] for k in trainer.model.input})
    p = tf.nn.softmax(logits["logits"])[..., : z.shape[-1]]
    squares = tf.reduce_sum((p - z) ** 2, axis=-1)
    others = np.flatnonzero(batch["task_ids"] != MAIN)
    return tf.reduce_mean(tf.gather(squares, others))


def test_equation_7_has_no_gradient_through_pseudo_labels():
    """The gradient is that of p alone, with pseudo-labels as constants."""
    trainer = make_trainer(**ONE_LOSS, transfer_weight=0.0)
    batch = make_batch()
    variables = trainer.model.trainable_variables
    with tf.GradientTape() as tape:
        loss = equation_7(trainer, batch)
    gradients = tape.gradient(loss, [v.value for v in variables])
    before = [v.numpy() for v in variables]
    trainer.train_step(batch, "semi_supervised")
    for variable, gradient, start in zip(
        variables, gradients, before, strict=True
    ):
        change = variable.numpy() - start
        if gradient is None:
            assert f"model/{variable.path}" in NETWORK
            assert not change.any()
            continue
        gradient = tf.convert_to_tensor(gradient).numpy()
        np.testing.assert_allclose(change, -gradient, atol=1e-6)
        assert gradient.any()
        layer = variable.path.split("/")[1]
        if layer in ("task_layer", "private_encoder"):
            assert not change[[0, 2]].any()
        elif layer == "label_embedding":
            assert not change[[0, 1, 5, 6]].any()


@pytest.mark.parametrize("unlabeled", [False, True])
def test_unlabeled_texts_are_trained_on(unlabeled):
    """That includes unlabeled texts of the main task."""
    trainer = make_trainer(**ONE_LOSS, transfer_weight=0.0, unlabeled=unlabeled)
    batch = make_batch()
    batch["token_ids"] = batch["token_ids"] % 5 + 4
    more = make_batch(tasks=(1,), seed=2, unlabeled=True)
    more["token_ids"] = more["token_ids"] % 5 + 14
    if unlabeled:
        batch["unlabeled"] = more
    (rows,) = updated_rows(
        trainer,
        ["word_embedding/table"],
        lambda: trainer.train_step(batch, "semi_supervised"),
    )
    assert rows & set(range(4, 9))
    assert bool(rows & set(range(14, 19))) == unlabeled


def test_loss_weights_of_0_turn_losses_off():
    trainer = make_trainer(
        **ONE_LOSS, transfer_weight=0.0, pseudo_label_weight=0.0
    )
    names, logs = updated(
        trainer, lambda: trainer.train_step(make_batch(), "semi_supervised")
    )
    assert not names
    assert logs["loss/total"] == 0
    assert logs["loss/pseudo_label"] > 0
    assert logs["loss/label_transfer"] > 0


def test_step_without_the_main_task_does_not_change_the_network():
    trainer = make_trainer(
        label_transfer="supervised",
        sharing="fully_shared",
        update="alternating",
        optimizer="adam",
    )
    measured = {"loss/label_transfer", "training/label_transfer_accuracy"}
    logs = trainer.train_step(make_batch(tasks=(1,)), "label_transfer")
    assert measured <= set(logs)
    before = trainers.values(trainer)
    logs = trainer.train_step(make_batch(tasks=(2,), seed=1), "label_transfer")
    # The mean of no texts is missing; their sum is 0.
    assert not measured & set(logs)
    assert logs["loss_weighted/label_transfer"] == 0
    assert np.isfinite([float(x) for x in logs.values()]).all()
    names = trainers.changed(before, trainers.values(trainer))
    assert not any("label_transfer" in name for name in names)
    assert "model/encoder/shared_encoder/words/kernel" in names


def test_labels_of_auxiliary_tasks_can_train_the_network():
    trainer = make_trainer(
        **ONE_LOSS,
        label_transfer="supervised",
        transfer_trained_on="auxiliary",
    )
    batch = make_batch(tasks=(0, 1, 2))
    p, _ = predictions(trainer, batch)
    losses = [
        np.mean(-np.log(p[task_batch][range(4), batch["labels"][task_batch]]))
        for task_batch in (0, 2)
    ]
    output = trainer.parts["model"]["label_transfer_network/output/kernel"]
    assert output.shape == (7, 3)
    start = output.numpy()
    logs = trainer.train_step(batch, "label_transfer")
    assert float(logs["loss/label_transfer"]) == pytest.approx(
        np.mean(losses), rel=1e-5
    )
    assert float(logs["loss_weighted/label_transfer"]) == pytest.approx(
        sum(losses), rel=1e-5
    )
    is_moved = (output.numpy() != start).any(axis=1)
    assert is_moved.tolist() == [1, 1, 0, 0, 0, 1, 1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
