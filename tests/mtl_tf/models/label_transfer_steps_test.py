"""Training steps of a model with a label transfer network."""

import numpy as np
import pytest
import tensorflow as tf

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
# One gradient step, of what a test is about alone.
ONE_LOSS = {
    "optimizer": "sgd",
    "learning_rate": 1.0,
    "task_weights": ("a:0", "b:0", "c:0"),
}
NETWORK = {
    f"model/label_transfer_network/{layer}/{weight}"
    for layer in ("hidden", "output")
    for weight in ("kernel", "bias")
}


def make_trainer(**settings):
    return trainers.make_trainer(**SETTINGS | settings)


def make_batch(tasks=(0, 1, 2), seed=0, unlabeled=False, batch=4):
    random = np.random.default_rng((seed, 1))
    batch = trainers.make_batch(tasks, batch, seed=seed, unlabeled=unlabeled)
    shape = (*batch["lengths"].shape, 5)
    batch["diversity"] = random.normal(size=shape).astype(np.float32)
    return batch


def softmax(scores):
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def answers(trainer, batch):
    """What the network says of all groups, and the main task's own output."""
    batch = {
        **batch,
        "transfer_indices": np.arange(len(batch["task_ids"]), dtype=np.int32),
    }
    found = trainer.model({name: batch[name] for name in trainer.model.input})
    own = trainer.model.output["transfer_logits"].shape[-1]
    return (
        softmax(found["transfer_logits"].numpy()),
        softmax(found["main_task_logits"].numpy())[..., :own],
    )


def moved(trainer, step):
    """The variables of the model that a step moves, and its terms."""
    before = trainers.values(trainer)
    logs = step()
    names = trainers.changed(before, trainers.values(trainer))
    return {name for name in names if name.startswith("model/")}, logs


def moved_rows(trainer, paths, step):
    """Rows that a step moves, of each of these weights."""
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


def test_the_networks_loss_is_that_of_the_main_tasks_texts():
    weights = np.array([[1, 1, 1], [3, 0.5, 1], [1, 1, 1]])
    trainer = make_trainer(transfer_weight=0.3, class_weights=weights)
    batch = make_batch(tasks=(1, 0, 1, 2))
    p, _ = answers(trainer, batch)
    losses, right = [], []
    for group in (0, 2):
        labels = batch["labels"][group]
        true = p[group][range(4), labels]
        losses.append(np.mean(-np.log(true) * weights[MAIN][labels]))
        right.append(np.mean(p[group].argmax(axis=-1) == labels))
    logs = trainer.train_step(batch, "label_transfer")
    assert float(logs["loss/label_transfer"]) == pytest.approx(
        np.mean(losses), rel=1e-5
    )
    assert float(logs["loss_weighted/label_transfer"]) == pytest.approx(
        0.3 * sum(losses), rel=1e-5
    )
    assert float(logs["training/label_transfer_accuracy"]) == pytest.approx(
        np.mean(right)
    )
    total = logs["loss_weighted/task"] + 0.3 * sum(losses)
    assert float(logs["loss/total"]) == pytest.approx(float(total), rel=1e-5)
    assert not any("pseudo" in name for name in logs)


# At which all, some and none of these texts' pseudo-labels are accepted.
@pytest.mark.parametrize("threshold", [0.0, 0.5, 0.999])
def test_equation_7_is_of_auxiliary_and_unlabeled_texts(threshold):
    trainer = make_trainer(
        pseudo_label_weight=0.7,
        pseudo_label_threshold=threshold,
        unlabeled=True,
    )
    # 2 * 4 texts of auxiliary tasks, and 3 * 7 unlabeled ones.
    unlabeled = make_batch(seed=1, unlabeled=True, batch=7)
    batch = make_batch() | {"unlabeled": unlabeled}
    by_text, accepted = [], []
    for part, groups in ((batch, (0, 2)), (unlabeled, (0, 1, 2))):
        z, p = answers(trainer, part)
        for group in groups:
            counts = z[group].max(axis=-1) >= threshold
            squares = np.sum((p[group] - z[group]) ** 2, axis=-1)
            by_text.extend(squares * counts)
            accepted.extend(counts)
    assert len(by_text) == 2 * 4 + 3 * 7
    loss = sum(by_text) / len(by_text)
    share = np.mean(accepted)
    assert {0.0: share == 1, 0.5: 0 < share < 1, 0.999: share == 0}[threshold]
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
def test_equation_7_weighs_the_same_with_twice_as_many_groups(unlabeled):
    batch = make_batch()
    more = make_batch(seed=1, unlabeled=True)
    found = []
    # As if there were the tasks a and c twice, with the same texts.
    for auxiliary in ([0, 2], [0, 2, 0, 2]):
        trainer = make_trainer(unlabeled=unlabeled)
        groups = [1, *auxiliary]
        of_step = {name: array[groups] for name, array in batch.items()}
        if unlabeled:
            of_step["unlabeled"] = {k: x[auxiliary] for k, x in more.items()}
        logs = trainer.train_step(of_step, "semi_supervised")
        found.append(float(logs["loss_weighted/pseudo_label"]))
    assert found[0] > 0
    assert found[1] == pytest.approx(found[0], rel=1e-5)


def test_the_base_phase_leaves_the_network_and_its_slots_as_they_are():
    trainer = make_trainer(optimizer="adam", unlabeled=True)
    batch = make_batch() | {"unlabeled": make_batch(seed=1, unlabeled=True)}
    # Its slots hold something.
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
def test_what_the_networks_loss_trains(gradient):
    trainer = make_trainer(
        **ONE_LOSS, label_transfer="supervised", transfer_gradient=gradient
    )
    names, _ = moved(
        trainer, lambda: trainer.train_step(make_batch(), "label_transfer")
    )
    everything = {f"model/{x.path}" for x in trainer.model.trainable_variables}
    assert names == (everything if gradient else NETWORK)


@pytest.mark.parametrize("reads_main", [False, True])
def test_the_networks_loss_reaches_what_it_reads_alone(reads_main):
    """The answers of the auxiliary tasks, and not the main task's own."""
    trainer = make_trainer(
        **ONE_LOSS,
        label_transfer="supervised",
        transfer_main_predictions=reads_main,
    )
    paths = ("encoder/private_encoder/words/kernel", "head/task_layer/kernel")
    paths += ("head/label_embedding/table",)
    found = moved_rows(
        trainer,
        paths,
        lambda: trainer.train_step(make_batch(), "label_transfer"),
    )
    tasks = {0, 1, 2} if reads_main else {0, 2}
    labels = set(range(7)) if reads_main else {0, 1, 5, 6}
    assert found == [tasks, tasks, labels]


def equation_7(trainer, batch):
    """Eq. 7 of the texts that are not of the main task, by its own output."""
    z, _ = answers(trainer, batch)
    as_main = {**batch, "task_ids": np.full_like(batch["task_ids"], MAIN)}
    as_main["transfer_indices"] = np.zeros(1, np.int32)
    scores = trainer.model({k: as_main[k] for k in trainer.model.input})
    p = tf.nn.softmax(scores["logits"])[..., : z.shape[-1]]
    squares = tf.reduce_sum((p - z) ** 2, axis=-1)
    others = np.flatnonzero(batch["task_ids"] != MAIN)
    return tf.reduce_mean(tf.gather(squares, others))


def test_equation_7_trains_what_the_main_task_reads_alone():
    """No gradient flows into the pseudo-labels: it is that of p alone."""
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
def test_unlabeled_text_is_learnt_from(unlabeled):
    """That of the main task, too: it has no label but the pseudo-label."""
    trainer = make_trainer(**ONE_LOSS, transfer_weight=0.0, unlabeled=unlabeled)
    batch = make_batch()
    batch["token_ids"] = batch["token_ids"] % 5 + 4
    more = make_batch(tasks=(1,), seed=2, unlabeled=True)
    more["token_ids"] = more["token_ids"] % 5 + 14
    if unlabeled:
        batch["unlabeled"] = more
    (rows,) = moved_rows(
        trainer,
        ["word_embedding/table"],
        lambda: trainer.train_step(batch, "semi_supervised"),
    )
    assert rows & set(range(4, 9))
    assert bool(rows & set(range(14, 19))) == unlabeled


def test_weights_of_0_leave_the_losses_out():
    trainer = make_trainer(
        **ONE_LOSS, transfer_weight=0.0, pseudo_label_weight=0.0
    )
    names, logs = moved(
        trainer, lambda: trainer.train_step(make_batch(), "semi_supervised")
    )
    assert not names
    assert logs["loss/total"] == 0
    assert logs["loss/pseudo_label"] > 0
    assert logs["loss/label_transfer"] > 0


def test_a_step_without_the_main_task_leaves_the_network_alone():
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
    # No text, no mean; the sum of none is 0.
    assert not measured & set(logs)
    assert logs["loss_weighted/label_transfer"] == 0
    assert np.isfinite([float(x) for x in logs.values()]).all()
    names = trainers.changed(before, trainers.values(trainer))
    assert not any("label_transfer" in name for name in names)
    assert "model/encoder/shared_encoder/words/kernel" in names


def test_as_in_the_code_the_others_labels_train_the_network():
    trainer = make_trainer(
        **ONE_LOSS,
        label_transfer="supervised",
        transfer_trained_on="auxiliary",
    )
    batch = make_batch(tasks=(0, 1, 2))
    p, _ = answers(trainer, batch)
    losses = [
        np.mean(-np.log(p[group][range(4), batch["labels"][group]]))
        for group in (0, 2)
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
