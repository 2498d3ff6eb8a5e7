"""Threads and devices of a process."""

import tensorflow as tf
from absl import logging


def configure(threads: int) -> None:
    """Sets threads and GPU memory growth, and says what there is.

    Has to come before the first TensorFlow op of the process.

    Args:
      threads: threads of each of TensorFlow's pools; 0: as many as cores.
    """
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    logging.info(
        "TensorFlow %s on %s",
        tf.__version__,
        ", ".join(gpu.name for gpu in gpus) or "CPU",
    )
