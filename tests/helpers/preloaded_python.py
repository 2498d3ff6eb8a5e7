"""A Python whose heavy packages are loaded already, for many short commands.

Loading TensorFlow takes longer than most commands of a test. A server loads it
once, and forks for each command. `executable` passes its arguments,
environment, folder, standard streams and signals to the server, and ends with
the status of the fork. The modules of this project are not loaded in the
server.
"""

import array
import atexit
import contextlib
import fcntl
import functools
import json
import os
import pathlib
import runpy
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import traceback

# The client: what it imports is loaded in each command.
_CLIENT = """\
#!{python} -SE
import array, json, os, signal, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    fds = array.array("i", [0, 1, 2])
    server.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    job = [sys.argv[1:], os.getcwd(), dict(os.environ)]
    server.sendall(json.dumps(job).encode() + b"\\n")
    answers = server.makefile()
    pid = int(answers.readline())
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda number, _: os.kill(pid, number))
    status = int(answers.readline())
    if status < 0:
        signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    sys.exit(status)
"""
_ROOT = pathlib.Path(__file__).parents[2]
# What all processes of a run of pytest-xdist have in common.
_RUN = "PYTEST_XDIST_TESTRUNUID"


@functools.cache
def executable() -> str:
    """Starts the server, which ends with this process.

    The processes of pytest-xdist share a server, which ends with their parent.

    Returns:
      The path of an executable `python`, in a folder of its own.
    """
    if _RUN not in os.environ:
        folder, owner = tempfile.mkdtemp(), os.getpid()
    else:
        name = f"preloaded_python_{os.environ[_RUN]}"
        folder, owner = os.path.join(tempfile.gettempdir(), name), os.getppid()
        os.makedirs(folder, mode=0o700, exist_ok=True)
    path = pathlib.Path(folder) / "python"
    with open(os.path.join(folder, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not path.exists():
            _start(path, owner)
    return str(path)


def run(module: str, *arguments: str) -> subprocess.CompletedProcess:
    """Runs a module of the project, since flags are defined once a process."""
    return subprocess.run(
        [executable(), "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=_ROOT,
        # Bazel only sets sys.path.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def _start(path, owner):
    """Starts the server, and writes the executable once it listens."""
    address = str(path.with_name("socket"))
    module = "tests.helpers.preloaded_python"
    server = subprocess.Popen(
        [sys.executable, "-m", module, address, str(owner)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        # A signal to the group of a run would end it before it removes its
        # folder; the client passes signals on.
        start_new_session=owner != os.getpid(),
    )
    if owner == os.getpid():
        atexit.register(server.kill)
        atexit.register(shutil.rmtree, path.parent)
    else:
        _SHARED.append(server)
    assert server.stdout.readline() == "ready\n"
    path.write_text(
        _CLIENT.format(python=sys.executable, address=address), "utf-8"
    )
    path.chmod(0o755)


# Referred to, so that no warning tells that they are not waited for.
_SHARED: list[subprocess.Popen] = []


def _serve(address, owner):
    """Forks for each command that arrives, as long as its owner runs."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        listener.settimeout(1)
        import keras
        import matplotlib.figure
        import tensorflow
        import tensorflow_text

        del keras, matplotlib, tensorflow, tensorflow_text
        print("ready", flush=True)
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                if _is_running(owner):
                    continue
                shutil.rmtree(os.path.dirname(address), ignore_errors=True)
                return
            # A process for each command, which waits for the command's.
            if not os.fork():
                listener.close()
                _answer(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _is_running(pid):
    """Returns whether a process exists and is no zombie."""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text("utf-8")
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"


def _answer(connection):
    """Runs a command in a fork, sends its pid and status; does not return."""
    fds = array.array("i")
    _, ancillary, *_ = connection.recvmsg(1, socket.CMSG_LEN(3 * fds.itemsize))
    fds.frombytes(ancillary[0][2])
    job = json.loads(connection.makefile().readline())
    child = os.fork()
    if not child:
        for target, source in enumerate(fds):
            os.dup2(source, target)
        os._exit(_run(*job))
    connection.sendall(f"{child}\n".encode())
    _, status = os.waitpid(child, 0)
    connection.sendall(f"{os.waitstatus_to_exitcode(status)}\n".encode())
    os._exit(0)


def _run(arguments, folder, environment):
    """Runs a command in this process; returns its exit status."""
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # The server's streams have buffers and positions of their own.
    sys.stdin = os.fdopen(0, "r")
    sys.stdout, sys.stderr = os.fdopen(1, "w"), os.fdopen(2, "w")
    status, is_interrupted = 0, False
    try:
        if arguments[0] == "-m":
            sys.argv = arguments[1:]
            sys.path[0] = os.getcwd()
            runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
        elif arguments[0] in ("-", "-c"):
            code = arguments[1] if arguments[0] == "-c" else sys.stdin.read()
            sys.argv = [arguments[0], *arguments[1:][arguments[0] == "-c" :]]
            sys.path[0] = ""
            exec(compile(code, "<string>", "exec"), {"__name__": "__main__"})
        else:
            sys.argv = arguments
            sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
            runpy.run_path(arguments[0], run_name="__main__")
    except SystemExit as exit_:
        status = exit_.code if isinstance(exit_.code, int) else bool(exit_.code)
        if isinstance(exit_.code, str):
            print(exit_.code, file=sys.stderr)
    except BaseException as error:
        traceback.print_exc()
        status, is_interrupted = 1, isinstance(error, KeyboardInterrupt)
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    if is_interrupted:
        # As Python itself ends.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    return int(status)


if __name__ == "__main__":
    _serve(sys.argv[1], int(sys.argv[2]))
