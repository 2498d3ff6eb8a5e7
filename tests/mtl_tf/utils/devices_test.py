import os

import pytest
import tensorflow as tf
from absl import logging

from mtl_tf.utils import devices


@pytest.fixture
def calls(monkeypatch):
    """What is set: a process can do it once, before its first op."""
    found = {}
    for name in (
        "set_intra_op_parallelism_threads",
        "set_inter_op_parallelism_threads",
    ):

        def call(threads, name=name):
            found[name] = threads

        monkeypatch.setattr(tf.config.threading, name, call)
    return found


@pytest.mark.parametrize(
    ("threads", "wanted"), [(3, 3), (1, 1), (0, os.cpu_count())]
)
def test_ops_run_beside_each_other_each_in_one_thread(calls, threads, wanted):
    devices.configure(threads)
    assert calls == {
        "set_intra_op_parallelism_threads": 1,
        "set_inter_op_parallelism_threads": wanted,
    }


def test_gpus_take_memory_as_they_need_it(calls, monkeypatch, caplog):
    gpus = [
        tf.config.PhysicalDevice(f"/physical_device:GPU:{number}", "GPU")
        for number in range(2)
    ]
    grown = []
    monkeypatch.setattr(
        tf.config,
        "list_physical_devices",
        lambda kind: gpus if kind == "GPU" else [],
    )
    monkeypatch.setattr(
        tf.config.experimental,
        "set_memory_growth",
        lambda gpu, enable: grown.append((gpu.name, enable)),
    )
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        devices.configure(1)
    assert grown == [(gpu.name, True) for gpu in gpus]
    assert caplog.messages == [
        f"TensorFlow {tf.__version__} on /physical_device:GPU:0, "
        "/physical_device:GPU:1"
    ]


def test_says_that_there_is_only_a_cpu(calls, caplog):
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        devices.configure(1)
    assert caplog.messages == [f"TensorFlow {tf.__version__} on CPU"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
