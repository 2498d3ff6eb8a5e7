"""Processes of a tf.data service: python -m mtl_tf.data.service_process.

Start a dispatcher, then workers that make batches for `--data_service`:

    python -m mtl_tf.data.service_process --port=5050
    python -m mtl_tf.data.service_process --dispatcher=HOST:5050
"""

import socket

from absl import flags
from absl import logging

from mtl_tf.utils import addresses
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption


def main(argv: list[str]) -> int:
    """Runs a dispatcher or a worker until a signal; returns the status."""
    try:
        entry_point.refuse_arguments(argv)
        port, dispatcher = flags.FLAGS.port, flags.FLAGS.dispatcher
        if dispatcher:
            addresses.check_reachable(dispatcher)
        # Imported late, as TensorFlow takes seconds to start.
        with entry_point.quiet_tensorflow():
            from tensorflow.data.experimental import service
        if dispatcher:
            port = port or _free_port()
            server = service.WorkerServer(
                service.WorkerConfig(
                    dispatcher_address=dispatcher,
                    worker_address=f"{flags.FLAGS.host}:{port}",
                    port=port,
                )
            )
        else:
            server = service.DispatchServer(service.DispatcherConfig(port=port))
            port = server.target.rpartition(":")[2]
        kind = "worker" if dispatcher else "dispatcher"
        logging.info("The %s listens at %s:%s", kind, flags.FLAGS.host, port)
        # The server has nothing to clean up.
        with interruption.default_actions():
            server.join()
    except (ValueError, OSError) as error:
        return failures.report("mtl_tf.data.service_process", error)
    return 0


def _free_port():
    """Finds a port for a worker, which has to tell it before it listens."""
    with socket.socket() as free:
        free.bind(("", 0))
        return free.getsockname()[1]


def run() -> None:
    """Parses the flags and runs the process."""
    flags.DEFINE_integer(
        "port", 0, "Port to listen at; 0: a free one.", 0, (1 << 16) - 1
    )
    flags.DEFINE_string(
        "host", "localhost", "Name of this host for the other processes."
    )
    flags.DEFINE_string(
        "dispatcher",
        "",
        "HOST:PORT of the dispatcher of a worker; empty: be the dispatcher.",
    )
    flags.FLAGS.set_default("logtostderr", True)
    entry_point.configure_logging()
    entry_point.run(main, "mtl_tf.data.service_process", __name__)


if __name__ == "__main__":
    run()
