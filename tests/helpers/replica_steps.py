"""Training steps on one device and on two, to compare them.

It runs in a process with several logical devices, and pickles what it computes:
with four of them, sums of sparse gradients, else training steps.
"""

import pickle
import sys

import numpy as np
import tensorflow as tf

from mtl_tf.layers import per_task
from mtl_tf.training import replicas as replicas_lib
from tests.helpers import trainers

NUM_STEPS = 50
LABELS = (2, 3, 2, 2)
# Tasks of a step: two task batches of one, and each replica has other tasks.
TASKS = (0, 1, 1, 3)
_TRANSFER = {"main_task": "b", "transfer_diversity": False}
# By name: the phase, the tasks of a step, those of unlabeled texts, settings.
CASES = {
    "reversal": (
        "base",
        TASKS,
        (0, 2),
        {
            "adversarial_weight": 0.05,
            "discriminator_updates": 2,
            "orthogonality_weight": 0.01,
            # Its steps have the same size however small a gradient is, and with
            # it a rounding error.
            "optimizer": "adamw",
            "learning_rate": 0.005,
            "weight_decay": 0.01,
            "clip_norm": 1.0,
            "ema_decay": 0.9,
        },
    ),
    "confusion_lstm": (
        "base",
        TASKS,
        (),
        {
            **trainers.LSTM,
            "sharing": "fully_shared",
            "adversary": "confusion",
            "adversarial_weight": 0.05,
            "optimizer": "adagrad",
        },
    ),
    "teachers": (
        "base",
        TASKS,
        (0, 2),
        {"teachers": ("run",), "pseudo_label_threshold": 0.6},
    ),
    # One replica has no text of the main task.
    "label_transfer": (
        "label_transfer",
        (0, 1, 2, 3),
        (),
        {"label_transfer": "supervised", **_TRANSFER},
    ),
    # One replica has no text with a pseudo-label.
    "semi_supervised": (
        "semi_supervised",
        (0, 1),
        (),
        {
            "label_transfer": "semi_supervised",
            "pseudo_label_weight": 3.0,
            "output_layer": "label_embedding",
            **_TRANSFER,
        },
    ),
    # The replicas have 2 and 1 task batches with pseudo-labels, and 1 more.
    "semi_supervised_unlabeled": (
        "semi_supervised",
        TASKS,
        (0, 2),
        {"label_transfer": "semi_supervised", **_TRANSFER, "main_task": "d"},
    ),
}
# Sparse gradients of a matrix with 5 rows by replica: rows repeat within and
# between replicas, and one replica has none.
ROWS = ((0, 3, 0), (3,), (), (4, 3, 0, 0))


def slices(replica):
    """Makes the values of the sparse gradient of a replica."""
    shape = (len(ROWS[replica]), 2)
    random = np.random.default_rng(replica)
    return random.normal(size=shape).astype(np.float32)


def _batch(step, tasks, unlabeled_tasks, settings):
    batch = trainers.make_batch(tasks, seed=step)
    if unlabeled_tasks:
        unlabeled = trainers.make_batch(
            unlabeled_tasks, seq_len=7, seed=1000 + step, unlabeled=True
        )
        if "teachers" in settings:
            random = np.random.default_rng(step)
            unlabeled["pseudo_labels"] = random.dirichlet(
                [1, 1, 1], unlabeled["lengths"].shape
            ).astype(np.float32)
        batch["unlabeled"] = unlabeled
    return batch


def _train(replicas, phase, tasks, unlabeled_tasks, settings):
    """Returns the logs of each step, and the copies of each variable."""
    with replicas.scope():
        trainer = trainers.make_trainer(
            num_classes=LABELS[: max(tasks) + 1],
            replicas=replicas,
            unlabeled=bool(unlabeled_tasks),
            **{"learning_rate": 0.02, **settings},
        )
    logs = [
        {
            name: float(value)
            for name, value in trainer.train_step(
                _batch(step, tasks, unlabeled_tasks, settings), phase
            ).items()
        }
        for step in range(NUM_STEPS)
    ]
    copies = {
        f"{part}/{name}": [x.numpy() for x in getattr(v, "values", [v])]
        for part, variables in trainer.parts.items()
        for name, v in variables.items()
    }
    return logs, copies


def _add_slices(strategy):
    """Returns the sums of the gradients of `ROWS` on each replica."""
    replicas = replicas_lib.DistributedReplicas(strategy)
    gradients = [
        tf.IndexedSlices(
            tf.constant(slices(replica)),
            tf.constant(rows, tf.int32),
            tf.constant([5, 2]),
        )
        for replica, rows in enumerate(ROWS)
    ]

    @tf.function(autograph=False)
    def add():
        def run():
            context = tf.distribute.get_replica_context()
            index = tf.get_static_value(context.replica_id_in_sync_group)
            mine = gradients[index]
            _, total, dense = replicas.add_gradients(
                [None, mine, tf.convert_to_tensor(mine)]
            )
            return total.indices, total.values, dense

        return strategy.run(run)

    return [
        [x.numpy() for x in strategy.experimental_local_results(value)]
        for value in add()
    ]


def _seeds(strategy):
    """Returns two seeds of each replica, and the states after them."""
    with strategy.scope():
        generator = per_task.seed_generator(5)

    @tf.function(autograph=False)
    def draw():
        return strategy.run(lambda: (generator.next(), generator.next()))

    drawn = [strategy.experimental_local_results(x) for x in draw()]
    states = strategy.experimental_local_results(generator.state.value)
    return [[x.numpy().tolist() for x in values] for values in (*drawn, states)]


def _main(path):
    devices = [x.name for x in tf.config.list_logical_devices("CPU")]
    # A process can have strategies of one number of devices only.
    strategy = tf.distribute.MirroredStrategy(devices)
    results: dict = {}
    if len(devices) == len(ROWS):
        results["slices"] = _add_slices(strategy)
    else:
        results["seeds"] = _seeds(strategy)
        replicas = replicas_lib.DistributedReplicas(strategy)
        for name, case in CASES.items():
            results[name] = (
                _train(replicas_lib.Replicas(), *case),
                _train(replicas, *case),
            )
    with open(path, "wb") as file:
        pickle.dump(results, file)


if __name__ == "__main__":
    _main(*sys.argv[1:])
