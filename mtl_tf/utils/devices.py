"""Threads and devices of a process."""

import os

import tensorflow as tf
from absl import logging


def configure(threads: int) -> None:
    """Sets threads and GPU memory growth, and says what there is.

    Has to come before the first TensorFlow op of the process.

    Ops run beside each other, each in one thread: the ops of a recurrent loop
    are too small to be cut, and the encoders of a model, or the two directions
    of one, are loops that do not wait for each other.

    Args:
      threads: threads; 0: as many as cores.
    """
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(
        threads or os.cpu_count()
    )
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    logging.info(
        "TensorFlow %s on %s",
        tf.__version__,
        ", ".join(gpu.name for gpu in gpus) or "CPU",
    )
