"""Trainers of tiny models, and batches for them."""

import numpy as np
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.models import multitask_model
from mtl_tf.training import trainer as trainer_lib

WORDS = 30
LABELS = (2, 3, 2)
NAMES = ("a", "b", "c", "d")
SETTINGS = {
    # The quickest one to trace.
    "encoder": "bag_of_words",
    "pooling": "mean",
    "embedding_dim": 4,
    "hidden_size": 5,
}
LSTM = {"encoder": "lstm", "pooling": "last"}


def make_trainer(
    num_classes=LABELS, class_weights=None, replicas=None, **settings
):
    """Makes a trainer of tasks a, b, c and others, if there are more."""
    config = config_lib.Config(**SETTINGS | settings)
    main_task = None
    if config.label_transfer != "none":
        main_task = NAMES.index(config.main_task)
    model = multitask_model.build(config, num_classes, WORDS, main_task)
    texts = {
        "token_ids": tf.TensorSpec([None, None, None], tf.int32),
        "lengths": tf.TensorSpec([None, None], tf.int32),
        "task_ids": tf.TensorSpec([None], tf.int32),
    }
    if config.encodes_pairs:
        texts |= {"seq1": texts["token_ids"], "seq1_lengths": texts["lengths"]}
    if config.reads_diversity:
        texts["diversity"] = tf.TensorSpec([None, None, 5], tf.float32)
    signature = {**texts, "labels": tf.TensorSpec([None, None], tf.int32)}
    if config.unlabeled:
        signature["unlabeled"] = dict(texts)
    if config.teachers:
        signature["unlabeled"]["pseudo_labels"] = tf.TensorSpec(
            [None, None, max(num_classes)], tf.float32
        )
    if class_weights is None:
        class_weights = np.ones((len(num_classes), max(num_classes)))
    return trainer_lib.Trainer(
        config,
        model,
        signature,
        NAMES[: len(num_classes)],
        class_weights,
        10,
        replicas,
    )


def make_batch(tasks=(0, 1, 2), batch=4, seq_len=6, seed=0, unlabeled=False):
    """Makes task batches of random texts."""
    random = np.random.default_rng(seed)
    shape = (len(tasks), batch)
    arrays = {
        "token_ids": random.integers(4, WORDS, (*shape, seq_len)).astype(
            np.int32
        ),
        "lengths": random.integers(1, seq_len + 1, shape).astype(np.int32),
        "task_ids": np.array(tasks, np.int32),
    }
    if not unlabeled:
        arrays["labels"] = random.integers(2, size=shape).astype(np.int32)
    return arrays


def values(trainer):
    """Copies the variables of a trainer, by part and name."""
    return {
        f"{part}/{name}": variable.numpy()
        for part, variables in trainer.parts.items()
        for name, variable in variables.items()
    }


def restore(trainer, values):
    """Assigns what `values` returned."""
    for part, variables in trainer.parts.items():
        for name, variable in variables.items():
            variable.assign(values[f"{part}/{name}"])


def changed(before, after):
    """Returns the names of the variables that differ."""
    return {
        name
        for name, value in before.items()
        if not np.array_equal(value, after[name])
    }


def inputs(batch):
    """Selects the inputs of a model without label transfer."""
    return {name: batch[name] for name in ("token_ids", "lengths", "task_ids")}


def assert_close(actual, expected):
    """Compares arrays one by one."""
    for x, y in zip(actual, expected, strict=True):
        np.testing.assert_allclose(x, y, atol=1e-6)
