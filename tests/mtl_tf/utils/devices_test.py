import os

import pytest
import tensorflow as tf
from absl import logging

from mtl_tf.utils import devices


@pytest.fixture
def calls(monkeypatch):
    """What is set: a process can do it once, before its first op."""
    actual = {}
    for name in (
        "set_intra_op_parallelism_threads",
        "set_inter_op_parallelism_threads",
    ):

        def call(threads, name=name):
            actual[name] = threads

        monkeypatch.setattr(tf.config.threading, name, call)
    return actual


@pytest.mark.parametrize(
    ("threads", "expected"), [(3, 3), (1, 1), (0, os.cpu_count())]
)
def test_ops_run_in_parallel_with_one_thread_each(calls, threads, expected):
    devices.configure(threads)
    assert calls == {
        "set_intra_op_parallelism_threads": 1,
        "set_inter_op_parallelism_threads": expected,
    }


def test_gpu_memory_growth_is_enabled(calls, monkeypatch, caplog):
    gpus = [
        tf.config.PhysicalDevice(f"/physical_device:GPU:{index}", "GPU")
        for index in range(2)
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


def test_cpu_is_logged(calls, caplog):
    with caplog.at_level("INFO", logger=logging.get_absl_logger().name):
        devices.configure(1)
    assert caplog.messages == [f"TensorFlow {tf.__version__} on CPU"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
