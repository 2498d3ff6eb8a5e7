"""Threads and devices of TensorFlow."""

import os

import tensorflow as tf
from absl import logging


def configure(threads: int) -> None:
    """Sets threads and GPU memory growth, and logs the devices.

    It must be called before the first TensorFlow op of the process.

    Ops run in parallel, each in a single thread: the ops of a recurrent loop
    are too small to be divided, and the loops of different encoders, or of the
    two directions of one encoder, are independent.

    Args:
      threads: number of threads; 0: one per core.
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
