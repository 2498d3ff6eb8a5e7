"""This project's loss and gradients, in the layout that peers compare with."""

import dataclasses

import numpy as np

from benchmarks import groups as groups_lib
from benchmarks import problems
from mtl_tf.models import multitask_model
from tests.helpers import trainers

LABELS = (2, 3, 2)
WORDS = 30
WIDTH, UNITS = 4, 5
MODELS = tuple(problems.MODELS)


@dataclasses.dataclass(frozen=True)
class Reference:
    """What this project says of one batch.

    Attributes:
      problem: the problem, as contenders get it.
      groups: the batch, as contenders get it.
      weights: by name, before the step.
      gradients: of each of them.
      loss: the total loss.
    """

    problem: dict
    groups: list[dict]
    weights: dict
    gradients: dict
    loss: float


def make(model: str) -> Reference:
    """Takes a step of plain gradient descent with a rate of 1.

    The gradient is then what a weight has lost. Large weights, so that no
    term of the loss is too small to be seen.
    """
    sizes = {"hidden_size": UNITS, "embedding_dim": WIDTH, "init_range": 1.0}
    if model == "conditional_lel":
        sizes |= {"task_layer_size": 7, "label_embedding_dim": 7}
    settings = problems.MODELS[model] | sizes
    trainer = trainers.make_trainer(
        LABELS, **settings | {"optimizer": "sgd", "learning_rate": 1.0}
    )
    batch = make_batch(pairs=model == "conditional_lel")
    before = weights(trainer)
    loss = float(trainer.train_step(batch)["loss/total"])
    after = weights(trainer)
    problem = {
        "model": model,
        "precision": "float32",
        "config": problems.make_config(model, **sizes).to_dict(),
        "label_counts": list(LABELS),
        "vocabulary_size": WORDS,
    }
    return Reference(
        problem,
        groups_lib.split(batch),
        before,
        {name: before[name] - after[name] for name in before},
        loss,
    )


def make_batch(pairs: bool, seed: int = 0) -> dict:
    """Texts of several lengths, filled up with padding (0), of all tasks."""
    random = np.random.default_rng(seed)
    batch = trainers.make_batch(seed=seed)
    if pairs:
        other = trainers.make_batch(seq_len=3, seed=seed + 1)
        batch["seq1"], batch["seq1_lengths"] = (
            other["token_ids"],
            other["lengths"],
        )
    for name, lengths in groups_lib.LENGTHS.items():
        if name in batch:
            places = np.arange(batch[name].shape[-1])
            batch[name][places >= batch[lengths][..., np.newaxis]] = 0
    batch["labels"] = np.stack(
        [random.integers(labels, size=4) for labels in LABELS]
    ).astype(np.int32)
    return batch


def weights(trainer) -> dict:
    """Weights of model and discriminator by name, copied."""
    variables = multitask_model.variables_by_path(
        trainer.model.trainable_variables
    )
    if trainer.adversary:
        variables |= multitask_model.variables_by_path(
            trainer.adversary.discriminator.trainable_variables
        )
    return {name: value.numpy() for name, value in variables.items()}


def rows_of_task(task: int) -> slice:
    """Where the labels of a task lie among those of all tasks."""
    first = sum(LABELS[:task])
    return slice(first, first + LABELS[task])
