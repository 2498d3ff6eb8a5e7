"""Child processes that do not outlive their parent."""

import contextlib
import json
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence


class Workers:
    """Child processes that run one job after another.

    Starting a process that loads TensorFlow takes seconds, so a worker that has
    ended a job takes the next one. Several threads may call `run`, and each
    waits for its job.

    A worker reads a job, a JSON object, from a line of its standard input, and
    answers with a line that holds the exit status of the job, 0 for success.

    Args:
      arguments: program and arguments of a worker.
      max_jobs: number of jobs after which a worker is replaced by a new one,
        which bounds its memory.
    """

    def __init__(self, arguments: Sequence[str], max_jobs: int):
        self._arguments = list(arguments)
        self._max_jobs = max_jobs
        self._lock = threading.Lock()
        self._idle: list[_Worker] = []
        self._running: set[_Worker] = set()
        self._ended = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.end()

    def run(self, job: Mapping, log: str) -> int:
        """Runs a job until it ends.

        Args:
          job: the job, in types of JSON.
          log: path of a file to which the worker's output is appended.

        Returns:
          Its exit status; if below 0, the signal that ended the worker.

        Raises:
          RuntimeError: after `end`.
        """
        with self._lock:
            if self._ended:
                raise RuntimeError("the workers have been ended")
            worker = self._idle.pop() if self._idle else None
            if worker is None:
                worker = _Worker(self._arguments, log)
            self._running.add(worker)
        try:
            status = worker.run({**job, "log": log})
        finally:
            with self._lock:
                self._running.discard(worker)
        with self._lock:
            is_usable = worker.num_jobs < self._max_jobs and not status
            if is_usable and not self._ended:
                self._idle.append(worker)
                return status
        worker.leave()
        return status

    def end(self) -> None:
        """Terminates all workers; no more can be started.

        It waits for idle ones only: `run` waits for those that run a job.
        """
        with self._lock:
            self._ended = True
            idle, self._idle = self._idle, []
            for worker in (*self._running, *idle):
                worker.terminate()
        for worker in idle:
            worker.leave()


class _Worker:
    """A process of `Workers`."""

    def __init__(self, arguments, log):
        # Until its first job has begun, its output goes to the job's log.
        with open(log, "ab") as file:
            self._process = subprocess.Popen(
                arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
            )
        self.num_jobs = 0

    def run(self, job):
        self.num_jobs += 1
        try:
            self._process.stdin.write(json.dumps(job) + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline().strip()
        except BrokenPipeError:
            answer = ""
        if answer:
            return int(answer)
        # The process has ended without an answer.
        return self._process.wait() or 1

    def leave(self):
        """Waits until the process has ended by itself."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def terminate(self):
        self._process.terminate()


@contextlib.contextmanager
def sigterm_raises() -> Iterator[None]:
    """Makes SIGTERM raise SystemExit, so that child processes are ended.

    By default it ends the process at once and leaves its children running. An
    existing handler is kept, such as that of `interruption.raised`, under which
    commands run; other threads than the main one have none.
    """
    if (
        threading.current_thread() is not threading.main_thread()
        or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL
    ):
        yield
        return

    def leave(number, frame):
        del frame
        # As in shells.
        raise SystemExit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
