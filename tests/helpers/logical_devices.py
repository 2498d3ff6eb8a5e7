"""Commands in processes with several logical CPU devices.

TensorFlow divides a CPU before its first operation in a process.
"""

import runpy
import subprocess
import sys

import tensorflow as tf

from tests.helpers import preloaded_python


def run(
    count: int, module: str, *arguments: str
) -> subprocess.CompletedProcess:
    """Runs a module in a new process with `count` logical CPU devices."""
    return preloaded_python.run(
        "tests.helpers.logical_devices", str(count), module, *arguments
    )


def _main(count, module, *arguments):
    (cpu,) = tf.config.list_physical_devices("CPU")
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * int(count)
    )
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
