import contextlib

import numpy as np
import pytest

from tests.helpers import papers
from tests.helpers import trainers

SMALL = {
    "sharing": "fully_shared",
    "encoder": "bag_of_words",
    "pooling": "mean",
}
DROPOUT = dict.fromkeys(
    ("word_dropout", "vector_dropout", "feature_dropout"), 0.3
)


def make_batches(count, **settings):
    return [trainers.make_batch(seed=seed, **settings) for seed in range(count)]


def weights_of(trainer):
    """Copies the weights of a trainer's model by path."""
    return {
        name: value.numpy()
        for name, value in trainer.parts["model"].items()
        if "seed_generator" not in name
    }


def loss_of(weights, batch, task):
    """Computes the loss of a task of ASP-MTL in NumPy."""
    (index,) = np.flatnonzero(batch["task_ids"] == task)
    losses = []
    for token_ids, length, label in zip(
        batch["token_ids"][index],
        batch["lengths"][index],
        batch["labels"][index],
        strict=True,
    ):
        text = token_ids[:length]
        logits = papers.asp_mtl(weights, text, task, trainers.LABELS)[2]
        losses.append(-np.log(papers.softmax(logits)[label]))
    return np.mean(losses)


def only(batch, task):
    """Returns the batch of one task."""
    (index,) = np.flatnonzero(batch["task_ids"] == task)
    return {name: value[index : index + 1] for name, value in batch.items()}


@contextlib.contextmanager
def unmeasured(trainer):
    """Trains without measurements."""
    affinity, trainer.affinity = trainer.affinity, None
    yield
    trainer.affinity = affinity


def measure(trainer, batch):
    trainer.affinity.measure(batch, trainer.step)
    return trainer.affinity.means


def test_affinity_is_equation_1():
    """The update with the loss of one task is a step of the trainer itself.

    Adam's moments, the sparse rows of words, the weight of a task, and clipping
    belong to it.
    """
    discriminator = {
        "task_discriminator/kernel": np.zeros([3, 5]),
        "task_discriminator/bias": np.zeros(3),
    }
    trainer = trainers.make_trainer(
        affinity_every=1,
        **trainers.LSTM,
        learning_rate=0.05,
        clip_norm=0.1,
        task_weights=("b:3",),
        init_range=1.0,
    )
    first, batch = make_batches(2)
    with unmeasured(trainer):
        trainer.train_step(first)
    measured = measure(trainer, batch)
    weights = weights_of(trainer) | discriminator
    start = trainers.values(trainer)
    expected = np.zeros([3, 3])
    for updated in range(3):
        trainers.restore(trainer, start)
        with unmeasured(trainer):
            trainer.train_step(only(batch, updated))
        shared = {
            name: value
            for name, value in weights_of(trainer).items()
            if name.startswith(("word_embedding", "encoder/shared_encoder"))
        }
        for task in range(3):
            expected[task, updated] = 1 - loss_of(
                weights | shared, batch, task
            ) / loss_of(weights, batch, task)
    np.testing.assert_allclose(measured, expected, atol=2e-6)
    # Far from the tolerance.
    assert abs(expected).min() > 1e-4


@pytest.mark.parametrize(
    "settings",
    [
        {**trainers.LSTM, "adversarial_weight": 0.05, "recurrent_dropout": 0.3},
        {
            **SMALL,
            "output_layer": "label_embedding",
            "label_transfer": "supervised",
            "main_task": "b",
            "transfer_diversity": False,
        },
    ],
    ids=["asp_mtl", "label_transfer"],
)
def test_measuring_does_not_change_training_at_all(settings):
    """Weights, optimizer, and the random state of dropout are bit-equal."""
    trainer = trainers.make_trainer(affinity_every=2, **DROPOUT | settings)
    phase = "supervised" if "label_transfer" in settings else "base"
    start, ends, logs = trainers.values(trainer), [], []
    for context in (unmeasured(trainer), contextlib.nullcontext()):
        trainers.restore(trainer, start)
        with context:
            for batch in make_batches(3):
                of_step = trainer.train_step(batch, phase)
                logs.append({k: float(v) for k, v in of_step.items()})
        ends.append(trainers.values(trainer))
    assert logs[:3] == logs[3:]
    assert trainers.changed(*ends) == {"affinity/sums", "affinity/counts"}
    # Steps 0 and 2.
    np.testing.assert_array_equal(ends[1]["affinity/counts"], 2)


def test_absent_tasks_are_not_measured():
    trainer = trainers.make_trainer(affinity_every=1, **SMALL)
    batch = trainers.make_batch(tasks=(0, 2, 2))
    np.testing.assert_array_equal(
        np.isnan(measure(trainer, batch)),
        [[False, True, False], [True, True, True], [False, True, False]],
    )


def test_means_continue_from_a_checkpoint():
    trainer = trainers.make_trainer(affinity_every=1, **SMALL)
    start, means = trainers.values(trainer), []
    first, second = make_batches(2)
    for batch in (second, first):
        trainers.restore(trainer, start)
        means.append(measure(trainer, batch))
    saved = trainers.values(trainer)
    uninterrupted = measure(trainer, second)
    np.testing.assert_allclose(
        uninterrupted, np.mean(means, axis=0), atol=1e-12
    )
    trainers.restore(trainer, saved)
    np.testing.assert_array_equal(measure(trainer, second), uninterrupted)


@pytest.mark.parametrize("output_layer", ["softmax", "label_embedding"])
def test_tasks_with_the_same_labels_help_each_other(output_layer):
    """The labels of task c contradict those of a and b on the same texts."""
    trainer = trainers.make_trainer(
        (2, 2, 2),
        affinity_every=2,
        output_layer=output_layer,
        learning_rate=0.02,
        init_range=0.5,
        **SMALL,
    )
    # The tasks start from equal output layers.
    for name, variable in weights_of(trainer).items():
        if name.startswith("head/"):
            trainer.parts["model"][name].assign(
                np.concatenate([variable[:2]] * 3)
            )
    for seed in range(8):
        batch = trainers.make_batch(batch=8, seed=seed)
        batch["token_ids"][:] = batch["token_ids"][0]
        batch["lengths"][:] = 6
        # The first word decides.
        labels = (batch["token_ids"][0, :, 0] > 16).astype(np.int32)
        batch["labels"] = np.stack([labels, labels, 1 - labels])
        trainer.train_step(batch)
    a, b, c = range(3)
    affinity = trainer.affinity.means
    for first, second in ((a, b), (b, a)):
        assert affinity[first, second] > 0
        assert affinity[first, c] < affinity[first, second]
    assert (np.diag(affinity) > 0).all()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
