"""Worker processes of `tf.distribute` on this machine."""

import contextlib
import json
import os
import pathlib
import re
import runpy
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence

from tests.helpers import preloaded_python

# After as many seconds the system ends a worker, wherever it waits.
_LIMIT = 100
# Names the file for the paths that a worker changes.
_CHANGES = "MTL_TF_TEST_CHANGES"
_CHANGE_EVENTS = ("os.mkdir", "os.remove", "os.rename", "os.rmdir")
_ROOT = pathlib.Path(__file__).parents[2]


class Cluster:
    """Workers that know each other's addresses.

    Args:
      folder: where their output goes.
      count: number of workers.
    """

    def __init__(self, folder: pathlib.Path, count: int = 2):
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        ports = _free_ports(count)
        self._addresses = [f"localhost:{port}" for port in ports]
        self._processes: list[subprocess.Popen] = []

    def start(
        self, index: int, *arguments: str, python: str = ""
    ) -> subprocess.Popen:
        """Starts a worker.

        Args:
          index: index of the worker.
          *arguments: module and its arguments.
          python: the interpreter; by default one whose TensorFlow is loaded,
            which neither can be killed nor executes itself again.
        """
        environment = {
            **os.environ,
            _CHANGES: str(self._path(index, "changes")),
            "PYTHONPATH": os.pathsep.join(sys.path),
            "TF_CONFIG": json.dumps(
                {
                    "cluster": {"worker": self._addresses},
                    "task": {"type": "worker", "index": index},
                }
            ),
        }
        with (
            self._path(index, "out").open("ab") as out,
            self._path(index, "err").open("ab") as err,
        ):
            process = subprocess.Popen(
                [
                    python or preloaded_python.executable(),
                    *("-m", "tests.helpers.worker_processes"),
                    *arguments,
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                cwd=_ROOT,
                env=environment,
            )
        self._processes.append(process)
        return process

    def output(self, index: int) -> str:
        """Returns what a worker has printed on standard output."""
        return self._path(index, "out").read_text("utf-8")

    def errors(self, index: int) -> str:
        """Returns what a worker has printed on standard error.

        A command hides TensorFlow's message that there is no GPU while it loads
        TensorFlow, which these processes have loaded before.
        """
        return re.sub(
            r"^E0000 .* failed call to cuInit: .*\n",
            "",
            self._path(index, "err").read_text("utf-8"),
            flags=re.MULTILINE,
        )

    def changes(self, index: int) -> list[str]:
        """Returns the files and folders that a worker's Python has changed."""
        return self._path(index, "changes").read_text("utf-8").splitlines()

    def check(self, processes: Sequence[subprocess.Popen]) -> None:
        """Waits for workers, each of which must succeed."""
        for index, process in enumerate(processes):
            assert process.wait(_LIMIT) == 0, self.errors(index)

    def kill(self) -> None:
        """Kills the workers that are left."""
        for process in self._processes:
            process.kill()
            process.wait()

    def _path(self, index, stream):
        return self._folder / f"worker{index}.{stream}"


@contextlib.contextmanager
def cluster(folder: pathlib.Path, count: int = 2) -> Iterator[Cluster]:
    """Makes a cluster whose workers do not outlive the context."""
    made = Cluster(folder, count)
    try:
        yield made
    finally:
        made.kill()


def run(folder: pathlib.Path, *arguments: str) -> Cluster:
    """Runs the same module in two workers until it ends."""
    with cluster(folder) as made:
        made.check([made.start(index, *arguments) for index in (0, 1)])
    return made


def _free_ports(count):
    """Finds ports that no process listens to."""
    with contextlib.ExitStack() as stack:
        sockets = [
            stack.enter_context(socket.socket(socket.AF_INET))
            for _ in range(count)
        ]
        for one in sockets:
            one.bind(("localhost", 0))
        return [one.getsockname()[1] for one in sockets]


def _record_changes(path):
    """Writes the paths that Python changes from now on to a file."""
    output = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def record(event, arguments):
        # That of `open` has a mode and flags.
        is_change = event in _CHANGE_EVENTS or (
            event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR)
        )
        if is_change and isinstance(arguments[0], str | os.PathLike):
            os.write(output, os.fsencode(arguments[0]) + b"\n")

    sys.addaudithook(record)


def _main(module, *arguments):
    # It also limits what the process executes in its place.
    signal.alarm(_LIMIT)
    # It is ignored where tests run in the background of a shell.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _record_changes(os.environ[_CHANGES])
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    _main(*sys.argv[1:])
