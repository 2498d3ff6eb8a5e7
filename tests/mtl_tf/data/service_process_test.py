"""The command that starts processes of a tf.data service."""

import signal
import socket
import types

import pytest
import tensorflow as tf

from mtl_tf.data import service_process
from tests.helpers import preloaded_python
from tests.helpers import service_processes

pytestmark = pytest.mark.slow
_NAME = "mtl_tf.data.service_process"


def run(*arguments):
    return preloaded_python.run(_NAME, *arguments)


def test_wrong_commands_are_explained():
    with socket.socket() as free:
        free.bind(("localhost", 0))
        address = f"localhost:{free.getsockname()[1]}"
    used = listen()
    port = used.getsockname()[1]
    in_use = f"port={port} is in use: choose another one"
    for arguments, message in (
        (["--dispatcher=localhost"], "'localhost' is not HOST:PORT"),
        (["--dispatcher=localhost:0"], "'localhost:0' is not HOST:PORT"),
        ([f"--dispatcher={address}"], f"nothing answers at {address} ("),
        ([f"--port={port}"], in_use),
        ([f"--port={port}", f"--dispatcher=localhost:{port}"], in_use),
        (["5050"], "unexpected argument '5050': flags start with --"),
        (["--port=70000"], "port=70000: expected "),
        (["--prt=1"], "there is no flag --prt (did you mean port"),
    ):
        process = run(*arguments)
        assert process.returncode == 1, process.stderr
        assert process.stdout == ""
        # TensorFlow, loaded before, may tell that there is no GPU.
        assert f"{_NAME}: {message}" in process.stderr
        assert "Traceback" not in process.stderr
    used.close()


def listen():
    """Listens at a port, which other processes may share, as gRPC does."""
    used = socket.socket()
    used.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    used.bind(("", 0))
    used.listen()
    return used


def test_error_of_tensorflow_is_a_message(monkeypatch, capsys):
    def fail(config):
        raise tf.errors.UnknownError(None, None, "no server\nat all")

    monkeypatch.setattr(tf.data.experimental.service, "DispatchServer", fail)
    values = types.SimpleNamespace(port=0, dispatcher="", host="localhost")
    monkeypatch.setattr(service_process.flags, "FLAGS", values)
    assert service_process.main([_NAME]) == 1
    assert capsys.readouterr().err == (
        f"{_NAME}: the dispatcher cannot start: UnknownError: no server\n"
    )


def test_processes_end_with_a_signal(tmp_path):
    with service_processes.service(tmp_path, 1) as service:
        (worker,) = service.workers
        assert worker.poll() is None
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(10) == -signal.SIGTERM


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
