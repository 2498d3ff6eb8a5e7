"""A joint step of a grouped batch against one step a task with Keras layers.

    python -m benchmarks.joint_step

Both train the same shared-private LSTM on the same texts, with cross-entropy
and Adam: here all tasks in one step of one graph, there, as Keras makes it
natural, a model and a traced function for each task, one after the other. They
run in one process and take turns. Printed are medians over the rounds and the
ratio of each round, and how long each took until its first step had ended.
"""

import time

import keras
import numpy as np
import tensorflow as tf
from absl import app
from absl import flags

from mtl_tf import config as config_lib
from mtl_tf import devices
from mtl_tf import models
from mtl_tf import training

TASKS = flags.DEFINE_integer("tasks", 16, "Number of tasks.")
BATCH = flags.DEFINE_integer("batch", 16, "Texts of a task in a step.")
TIME = flags.DEFINE_integer("time", 128, "Tokens of a text.")
WORD_WIDTH = flags.DEFINE_integer("word_width", 200, "Length of word vectors.")
UNITS = flags.DEFINE_integer("units", 100, "Width of the LSTMs.")
WORDS = flags.DEFINE_integer("words", 10_000, "Size of the vocabulary.")
TRAIN_WORDS = flags.DEFINE_bool(
    "train_words",
    False,
    "Whether word vectors are trained. Keras updates the whole table in each "
    "step, which is all that is measured where the table is large.",
)
ROUNDS = flags.DEFINE_integer("rounds", 7, "Rounds that are counted.")
THREADS = flags.DEFINE_integer("threads", 0, "Threads; 0: as many as cores.")
DEFAULT_THREADS = flags.DEFINE_bool(
    "default_threads",
    False,
    "Leave threads as TensorFlow sets them, which suits Keras's layers better, "
    "and not as this project does (ops in one thread, beside each other).",
)

LABELS = 2


def make_batch(seed: int) -> dict[str, tf.Tensor]:
    """One group of random texts for each task."""
    random = np.random.default_rng(seed)
    shape = (TASKS.value, BATCH.value)
    return {
        "tokens": tf.constant(
            random.integers(4, WORDS.value, (*shape, TIME.value)), tf.int32
        ),
        "lengths": tf.fill(shape, TIME.value),
        "task": tf.range(TASKS.value),
        "labels": tf.constant(random.integers(LABELS, size=shape), tf.int32),
    }


class Joint:
    """This project: all tasks in one step."""

    def __init__(self):
        config = config_lib.Config(
            word_width=WORD_WIDTH.value,
            units=UNITS.value,
            train_word_vectors=TRAIN_WORDS.value,
        )
        model = models.build(config, (LABELS,) * TASKS.value, WORDS.value)
        signature = {
            name: tf.TensorSpec([None] * value.shape.rank, value.dtype)
            for name, value in make_batch(0).items()
        }
        self._trainer = training.Trainer(
            config,
            model,
            signature,
            [f"task_{number}" for number in range(TASKS.value)],
            np.ones((TASKS.value, LABELS)),
            1,
        )

    def step(self, batch) -> float:
        """One joint step; the loss."""
        return float(self._trainer.train_step(batch)["loss/total"])


class OneByOne:
    """Keras layers: a model, a traced function and a step for each task."""

    def __init__(self):
        embedding = keras.layers.Embedding(
            WORDS.value, WORD_WIDTH.value, trainable=TRAIN_WORDS.value
        )
        shared = keras.layers.LSTM(UNITS.value)
        self._steps = [
            self._make_step(embedding, shared) for _ in range(TASKS.value)
        ]

    def _make_step(self, embedding, shared):
        tokens = keras.Input((None,), dtype="int32")
        vectors = embedding(tokens)
        private = keras.layers.LSTM(UNITS.value)
        features = keras.ops.concatenate(
            [shared(vectors), private(vectors)], axis=-1
        )
        model = keras.Model(tokens, keras.layers.Dense(LABELS)(features))
        optimizer = keras.optimizers.Adam(1e-3)
        optimizer.build(model.trainable_variables)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None, None], tf.int32),
                tf.TensorSpec([None], tf.int32),
            ]
        )
        def step(tokens, labels):
            with tf.GradientTape() as tape:
                loss = tf.reduce_mean(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(
                        labels, model(tokens, training=True)
                    )
                )
            variables = model.trainable_variables
            optimizer.apply(tape.gradient(loss, variables), variables)
            return loss

        return step

    def step(self, batch) -> float:
        """One step of each task; the sum of their losses."""
        return sum(
            float(step(batch["tokens"][task], batch["labels"][task]))
            for task, step in enumerate(self._steps)
        )


def main(argv: list[str]) -> None:
    """Measures and prints."""
    del argv
    if not DEFAULT_THREADS.value:
        devices.configure(THREADS.value)
    contenders = {}
    for name, make in (("joint", Joint), ("one by one", OneByOne)):
        began = time.perf_counter()
        contender = make()
        contender.step(make_batch(0))
        print(f"{name}: first step after {time.perf_counter() - began:.1f} s")
        contenders[name] = contender
    seconds = {name: [] for name in contenders}
    for round_ in range(ROUNDS.value):
        batch = make_batch(round_)
        for name, contender in contenders.items():
            began = time.perf_counter()
            contender.step(batch)
            seconds[name].append(time.perf_counter() - began)
    tokens = TASKS.value * BATCH.value * TIME.value
    for name, values in seconds.items():
        print(
            f"{name}: {1000 * np.median(values):.0f} ms a round of all tasks, "
            f"{tokens / np.median(values):,.0f} tokens/s"
        )
    ratios = np.divide(seconds["one by one"], seconds["joint"])
    print(
        f"joint is {np.median(ratios):.2f} times as fast "
        f"({ratios.min():.2f} to {ratios.max():.2f} in {len(ratios)} rounds)"
    )


if __name__ == "__main__":
    app.run(main)
