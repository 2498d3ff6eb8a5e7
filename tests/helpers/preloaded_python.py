"""A Python whose heavy packages are loaded already, for many short commands.

Loading TensorFlow takes longer than most commands of a test. A server loads it
once, and forks for each command. `executable` passes its arguments,
environment, folder and standard streams to the server, and ends with the status
of the fork. The modules of this project are not loaded in the server.
"""

import array
import atexit
import contextlib
import functools
import json
import os
import pathlib
import runpy
import shutil
import socket
import subprocess
import sys
import tempfile
import traceback

# The client: what it imports is loaded in each command.
_CLIENT = """\
#!{python} -SE
import array, json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    fds = array.array("i", [0, 1, 2])
    server.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, fds)])
    job = [sys.argv[1:], os.getcwd(), dict(os.environ)]
    server.sendall(json.dumps(job).encode() + b"\\n")
    sys.exit(int(server.makefile().readline()))
"""


@functools.cache
def executable() -> str:
    """Starts the server, which ends with this process.

    Returns:
      The path of an executable `python`, in a folder of its own.
    """
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder)
    address = os.path.join(folder, "socket")
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.helpers.preloaded_python", address],
        cwd=pathlib.Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    atexit.register(server.kill)
    # As soon as it listens.
    assert server.stdout.readline() == "ready\n"
    path = pathlib.Path(folder) / "python"
    path.write_text(
        _CLIENT.format(python=sys.executable, address=address), "utf-8"
    )
    path.chmod(0o755)
    return str(path)


def _serve(address):
    """Forks for each command that arrives at a socket."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(16)
        import keras
        import matplotlib.figure
        import tensorflow
        import tensorflow_text

        del keras, matplotlib, tensorflow, tensorflow_text
        print("ready", flush=True)
        while True:
            connection, _ = listener.accept()
            # A process for each command, which waits for the command's.
            if not os.fork():
                listener.close()
                _answer(connection)
            connection.close()
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass


def _answer(connection):
    """Runs a command in a fork, and sends its status; does not return."""
    fds = array.array("i")
    _, ancillary, *_ = connection.recvmsg(1, socket.CMSG_LEN(3 * fds.itemsize))
    fds.frombytes(ancillary[0][2])
    job = json.loads(connection.makefile().readline())
    child = os.fork()
    if not child:
        for target, source in enumerate(fds):
            os.dup2(source, target)
        os._exit(_run(*job))
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
    status = 0
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
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return int(status)


if __name__ == "__main__":
    _serve(sys.argv[1])
