"""The replicas of `--distribution`."""

import functools

import tensorflow as tf
from absl import logging

from mtl_tf.config import choices
from mtl_tf.config import tf_config
from mtl_tf.training import multi_worker
from mtl_tf.training import replicas


@functools.cache
def make(distribution: str) -> replicas.Replicas:
    """Makes the replicas of the runs of a process.

    Several workers wait for each other here. It must be the first operation of
    TensorFlow in a worker process.

    Args:
      distribution: one of `choices.DISTRIBUTIONS`.

    Returns:
      The replicas, the same for all runs: strategies of a process share the
      communication between its devices.

    Raises:
      ValueError: as `tf_config.read`, if there are several workers.
      multi_worker.LostWorkerError: if another worker cannot be reached.
    """
    if distribution == "one_device":
        return replicas.Replicas()
    if distribution == choices.MULTI_WORKER:
        return multi_worker.connect(tf_config.read())
    devices = tf.config.list_logical_devices("GPU")
    devices = devices or tf.config.list_logical_devices("CPU")
    names = [device.name for device in devices]
    logging.info("Training steps are split among %s", ", ".join(names))
    return replicas.DistributedReplicas(tf.distribute.MirroredStrategy(names))
