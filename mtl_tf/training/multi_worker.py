"""Replicas in several worker processes, on one machine or on several.

All workers run the same program. The chief, the first one, also evaluates the
model and writes the files of the run; the others follow what it decides. If a
worker ends, the others cannot continue: TensorFlow requires that all processes
start again, from the last checkpoint.
"""

import contextlib
import json
from collections.abc import Callable, Iterator

import numpy as np
import tensorflow as tf
from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.config import tf_config
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.training import replicas
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import interruption

# Errors of an operation that needs a worker that has ended.
_ERRORS = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.DeadlineExceededError,
)
_LOST = (
    "the connection to another worker is lost ({}): see the output of the "
    "worker that ended, and start it again; the others must start again, too"
)
_UNREACHABLE = (
    "another worker cannot be reached ({}): check that all are started, with "
    "the same cluster in TF_CONFIG, and that each host can connect to the "
    "addresses of the others; all must start again"
)
# Settings of the host, which may differ between workers.
_OF_HOST = ("data_dir", "run_dir", "data_service", "threads", "progress")


class LostWorkerError(RuntimeError):
    """Another worker has ended or cannot be reached.

    The program must start again in a new process, and so must the others.
    """


class MultiWorkerReplicas(replicas.DistributedReplicas):
    """The replicas of all workers.

    Args:
      strategy: the strategy.
      worker: the worker that this process is.
    """

    def __init__(
        self,
        strategy: tf.distribute.MultiWorkerMirroredStrategy,
        worker: tf_config.Worker,
    ):
        super().__init__(strategy)
        self.num_workers = len(worker.addresses)
        self.worker = worker.index
        self._sum = tf.function(
            self._sum_replicas,
            input_signature=[tf.TensorSpec([None], tf.int32)],
            autograph=False,
        )

    def from_chief(
        self, compute: Callable[[], replicas.Value]
    ) -> replicas.Value:
        """Returns what the chief computes, which it sends as JSON."""
        value, content = None, b""
        if self.is_chief:
            value = compute()
            content = json.dumps(value).encode()
        (size,) = self._sum(tf.constant([len(content)])).numpy()
        # Numbers of four bytes each, as many as the chief has.
        padded = content.ljust(-(-size // 4) * 4, b"\0")
        numbers = self._sum(tf.constant(np.frombuffer(padded, np.int32)))
        if value is not None:
            return value
        return json.loads(numbers.numpy().tobytes()[:size])

    def _sum_replicas(self, numbers):
        """Sums numbers, int32 [any], that are 0 but for those of the chief."""

        def of_replica(numbers):
            context = tf.distribute.get_replica_context()
            # Other replicas of the chief have the same numbers.
            is_first = context.replica_id_in_sync_group == 0
            return context.all_reduce(
                tf.distribute.ReduceOp.SUM,
                tf.where(is_first, numbers, tf.zeros_like(numbers)),
            )

        total = self._strategy.run(of_replica, (numbers,))
        return self._strategy.experimental_local_results(total)[0]


def connect(worker: tf_config.Worker) -> MultiWorkerReplicas:
    """Makes the replicas of all workers, for which it waits.

    Args:
      worker: the worker that this process is.

    Raises:
      LostWorkerError: if another worker cannot be reached.
    """
    with _lost_workers_raised(_UNREACHABLE), interruption.default_actions():
        # A signal ends the process from this line on.
        logging.info(
            "Training steps are split among %s; this is worker %d, %s",
            names_lib.counted(len(worker.addresses), "worker"),
            worker.index,
            worker.addresses[worker.index],
        )
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    return MultiWorkerReplicas(strategy, worker)


@contextlib.contextmanager
def running(made: replicas.Replicas) -> Iterator[None]:
    """Runs what needs all workers.

    Args:
      made: the replicas.

    Raises:
      LostWorkerError: if another worker has ended.
    """
    with contextlib.ExitStack() as stack:
        if made.num_workers > 1:
            stack.enter_context(_lost_workers_raised(_LOST))
        if not made.is_chief:
            # It mostly waits for the chief, and has nothing to clean up.
            stack.enter_context(interruption.default_actions())
        yield


@contextlib.contextmanager
def _lost_workers_raised(message):
    """Raises a `LostWorkerError` where an operation misses another worker.

    Args:
      message: what has happened, and what to do; `{}` is for the kind of error.
    """
    try:
        yield
    except _ERRORS as error:
        raise LostWorkerError(message.format(type(error).__name__)) from error


def check_same_run(
    made: replicas.Replicas, config: config_lib.Config, corpus: tasks_lib.Corpus
) -> None:
    """Checks that all workers train the same run on the same data.

    Args:
      made: the replicas.
      config: settings of the run.
      corpus: its corpus.

    Raises:
      ValueError: if this worker has other settings or data than the chief.
    """
    mine = {
        name: value
        for name, value in config.to_dict().items()
        if name not in _OF_HOST
    }
    mine["corpus"] = corpus.declaration["fingerprint"]
    chief = made.from_chief(lambda: mine)
    difference = [
        f"{name}: {chief.get(name)} -> {value}"
        for name, value in mine.items()
        if chief.get(name) != value
    ]
    if difference:
        lines = "\n  ".join(difference)
        raise ValueError(
            f"worker {made.worker} has other settings or data than worker 0 "
            f"(worker 0 -> this one):\n  {lines}\nGive the same settings to "
            "all workers."
        )
