"""Processes of a tf.data service: python -m mtl_tf.data.service_process.

Start a dispatcher, then workers that make batches for `--data_service`:

    python -m mtl_tf.data.service_process --port=5050
    python -m mtl_tf.data.service_process --dispatcher=HOST:5050
"""

import errno
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
        _check_free(port)
        kind = "worker" if dispatcher else "dispatcher"
        server, port = _start(dispatcher, port, kind)
        logging.info("The %s listens at %s:%s", kind, flags.FLAGS.host, port)
        # The server has nothing to clean up.
        with interruption.default_actions():
            server.join()
    except (ValueError, OSError) as error:
        return failures.report("mtl_tf.data.service_process", error)
    return 0


def _start(dispatcher, port, kind):
    """Starts a worker or a dispatcher; returns it and its port."""
    # Imported late, as TensorFlow takes seconds to start.
    with entry_point.quiet_tensorflow():
        import tensorflow as tf
    service = tf.data.experimental.service
    try:
        if not dispatcher:
            server = service.DispatchServer(service.DispatcherConfig(port=port))
            return server, server.target.rpartition(":")[2]
        port = port or _free_port()
        config = service.WorkerConfig(
            dispatcher_address=dispatcher,
            worker_address=f"{flags.FLAGS.host}:{port}",
            port=port,
        )
        return service.WorkerServer(config), port
    except tf.errors.OpError as error:
        lines = [type(error).__name__, *str(error).splitlines()]
        raise ValueError(
            f"the {kind} cannot start: {': '.join(lines[:2])}"
        ) from error


def _check_free(port):
    """Checks that no process listens at a port.

    TensorFlow shares a port with another process instead of failing.

    Raises:
      ValueError: if one does, or the port may not be used.
    """
    with socket.socket() as one:
        # A port whose last connections have just ended is free.
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind(("", port))
        except OSError as error:
            reason = error.strerror
            if error.errno == errno.EADDRINUSE:
                reason = "is in use"
            raise ValueError(
                f"port={port} {reason}: choose another one, or leave --port "
                "out for a free one"
            ) from None


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
