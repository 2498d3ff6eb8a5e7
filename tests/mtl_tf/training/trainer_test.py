import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import choices
from mtl_tf.models import multitask_model
from mtl_tf.training import losses
from tests.helpers import trainers


@pytest.mark.parametrize(
    ("adversary", "encoder"),
    [
        (choices.ADVERSARIES[0], trainers.LSTM | {"recurrent_dropout": 0.1}),
        *((adversary, {}) for adversary in choices.ADVERSARIES[1:]),
    ],
    ids=choices.ADVERSARIES,
)
def test_first_step_changes_every_weight(adversary, encoder):
    trainer = trainers.make_trainer(
        **encoder,
        adversary=adversary,
        adversarial_weight=0.05,
        orthogonality_weight=0.01,
        unlabeled=True,
        word_dropout=0.1,
        vector_dropout=0.1,
        feature_dropout=0.1,
    )
    batch = trainers.make_batch() | {
        "unlabeled": trainers.make_batch(seed=1, unlabeled=True)
    }
    before = trainers.values(trainer)
    logs = trainer.train_step(batch)
    unchanged = set(before) - trainers.changed(before, trainers.values(trainer))
    assert not unchanged
    assert np.isfinite([float(v) for v in logs.values()]).all()


@pytest.mark.slow
def test_first_step_changes_every_weight_of_a_pair_model():
    trainer = trainers.make_trainer(
        encoder="conditional_bilstm",
        pooling="last",
        skip_connection=True,
        task_layer_size=4,
        output_layer="label_embedding",
        label_bias=True,
        adversarial_weight=0.05,
        orthogonality_weight=0.01,
        unlabeled=True,
        label_transfer="semi_supervised",
        transfer_diversity=False,
        main_task="b",
    )
    batch = trainers.make_batch() | {
        "unlabeled": trainers.make_batch(seed=1, unlabeled=True)
    }
    for seed, texts in ((2, batch), (3, batch["unlabeled"])):
        other = trainers.make_batch(seed=seed, seq_len=3)
        texts["seq1"], texts["seq1_lengths"] = (
            other["token_ids"],
            other["lengths"],
        )
    before = trainers.values(trainer)
    logs = trainer.train_step(batch, "semi_supervised")
    unchanged = set(before) - trainers.changed(before, trainers.values(trainer))
    # Without dropout its seeds do not change.
    assert all(name.endswith("seed_generator_state") for name in unchanged)
    assert np.isfinite([float(v) for v in logs.values()]).all()
    # Tokens of both texts of labeled pairs.
    expected = batch["lengths"].sum() + batch["seq1_lengths"].sum()
    assert float(logs["training/tokens"]) == expected


def test_absent_tasks_and_words_do_not_change_at_all():
    trainer = trainers.make_trainer(update="alternating", optimizer="adamw")
    trainer.train_step(trainers.make_batch(tasks=(0, 1, 2)))
    before = trainers.values(trainer)
    batch = trainers.make_batch(tasks=(1,), seed=1)
    batch["token_ids"] = batch["token_ids"] % 5 + 4
    trainer.train_step(batch)
    after = trainers.values(trainer)
    for name in before:
        old, new = before[name], after[name]
        if "private_encoder" in name and "seed" not in name:
            np.testing.assert_array_equal(old[[0, 2]], new[[0, 2]])
            assert not np.array_equal(old[1], new[1])
        elif "softmax_head" in name:
            # Labels of task b are rows 2 to 4.
            np.testing.assert_array_equal(old[[0, 1, 5, 6]], new[[0, 1, 5, 6]])
            assert not np.array_equal(old[2:5], new[2:5])
        elif "word_embedding/table" in name:
            # Words 4 to 8 are in the step.
            np.testing.assert_array_equal(old[9:], new[9:])
            assert not np.array_equal(old[4:9], new[4:9])


def test_batches_of_all_shapes_and_tasks_share_one_trace(monkeypatch):
    traces, task_loss = [], losses.task_loss

    def counting(*args):
        traces.append(1)
        return task_loss(*args)

    monkeypatch.setattr(losses, "task_loss", counting)
    trainer = trainers.make_trainer(
        adversarial_weight=0.05, orthogonality_weight=0.01
    )
    for tasks, batch, time in (((0, 1, 2), 4, 6), ((2,), 3, 9), ((1, 1), 2, 1)):
        trainer.train_step(trainers.make_batch(tasks, batch, time))
    assert traces == [1]


def test_task_loss_is_the_weighted_sum_over_tasks():
    trainer = trainers.make_trainer(task_weights=("a:2", "c:0.5"))
    batch = trainers.make_batch()
    logits = trainer.model(trainers.inputs(batch), training=True)[
        "logits"
    ].numpy()
    by_task = []
    for task_logits, labels in zip(logits, batch["labels"], strict=True):
        log = (
            np.log(np.exp(task_logits).sum(-1)) - task_logits[range(4), labels]
        )
        by_task.append(log.mean())
    logs = trainer.train_step(batch)
    expected = 2 * by_task[0] + by_task[1] + 0.5 * by_task[2]
    assert float(logs["loss_weighted/task"]) == pytest.approx(
        expected, rel=1e-5
    )
    assert float(logs["loss/task"]) == pytest.approx(np.mean(by_task), rel=1e-5)


def test_class_weights_apply_to_examples_of_their_label():
    weights = np.array([[3.0, 0.0, 0.0]] * 3)
    trainer = trainers.make_trainer(class_weights=weights)
    batch = trainers.make_batch()
    logits = trainer.model(trainers.inputs(batch), training=True)[
        "logits"
    ].numpy()
    by_task = []
    for task_logits, labels in zip(logits, batch["labels"], strict=True):
        log = (
            np.log(np.exp(task_logits).sum(-1)) - task_logits[range(4), labels]
        )
        by_task.append((3 * log * (labels == 0)).mean())
    logs = trainer.train_step(batch)
    assert float(logs["loss/task"]) == pytest.approx(np.mean(by_task), rel=1e-5)


def test_total_is_the_weighted_sum_of_losses():
    trainer = trainers.make_trainer(
        adversary="reversal", adversarial_weight=0.05, orthogonality_weight=2.0
    )
    logs = {
        k: float(v)
        for k, v in trainer.train_step(trainers.make_batch()).items()
    }
    # Cross-entropy of the discriminator is summed over the 3 task batches.
    expected = (
        logs["loss_weighted/task"]
        + 3 * logs["loss/adversarial"]
        + logs["loss_weighted/orthogonality"]
    )
    assert logs["loss/total"] == pytest.approx(expected, rel=1e-5)
    assert logs["loss_weighted/adversarial"] == pytest.approx(
        0.05 * 3 * logs["loss/adversarial"], rel=1e-5
    )
    assert logs["loss_weighted/orthogonality"] == pytest.approx(
        2.0 * 3 * logs["loss/orthogonality"], rel=1e-5
    )
    assert logs["discriminator/task_prior_entropy"] == pytest.approx(np.log(3))
    assert logs["discriminator/chance"] == pytest.approx(1 / 3)


def test_unlabeled_text_only_trains_the_shared_encoder():
    def step(seed):
        trainer = trainers.make_trainer(
            adversary="reversal_unbounded",
            adversarial_weight=0.3,
            unlabeled=True,
            optimizer="sgd",
            learning_rate=1.0,
        )
        unlabeled = trainers.make_batch(seed=seed, unlabeled=True)
        # The same words, so that the same vectors change.
        trainer.train_step(trainers.make_batch() | {"unlabeled": unlabeled})
        return trainers.values(trainer)

    differing = trainers.changed(step(1), step(2))
    assert any("shared_encoder" in name for name in differing)
    assert not any("private_encoder" in name for name in differing)
    assert not any("softmax_head" in name for name in differing)


def test_variables_with_equal_paths_are_refused():
    one, other = (tf.Variable(0.0), tf.Variable(1.0))

    class Fake:
        def __init__(self, value):
            self.path, self.value = "same/path", value

    with pytest.raises(ValueError, match="two variables same/path"):
        multitask_model.variables_by_path([Fake(one), Fake(other)])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
