"""The jobs of a table: commands of `mtl_tf.main` that train its models."""

import concurrent.futures
import dataclasses
import os
import shlex
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence

from mtl_tf.utils import subprocesses

RESULTS = "results.json"
# Of a run that `--mode=analyze` analyzes after training.
ANALYSIS = "analysis.json"
_EVERY_FLAG = ("--threads=1", "--nopictures", "--noprogress")
_TRAIN_FLAGS = ("--noexport", "--noreport")
# The end of the output of a job that failed.
_LAST_LINES = 5


@dataclasses.dataclass(frozen=True)
class Job:
    """A command of `mtl_tf.main`. The same command resumes a stopped job.

    Attributes:
      name: name of its directory in `runs_dir`, and of its record.
      corpus: name of the corpus's directory in `data_dir`.
      flags: its flags, without those of directories; `{data_dir}` in a flag is
        the directory of the prepared corpora, `{runs_dir}` that of all jobs.
      outcome: the file in its directory that it writes last: `RESULTS` of a
        run, `ANALYSIS` of a run that is analyzed, or the table of a study.
    """

    name: str
    corpus: str
    flags: tuple[str, ...]
    outcome: str = RESULTS

    @property
    def is_run(self) -> bool:
        """True if the job is a run, false if it is a study of many runs."""
        return self.outcome in (RESULTS, ANALYSIS)

    def directory(self, runs_dir: str) -> str:
        """Returns the directory of the run or study."""
        return os.path.join(runs_dir, self.name)

    def has_ended(self, runs_dir: str) -> bool:
        """Returns whether the outcome is there."""
        return os.path.exists(
            os.path.join(self.directory(runs_dir), self.outcome)
        )

    def arguments(self, data_dir: str, runs_dir: str) -> list[str]:
        """Returns the arguments of `mtl_tf.main`."""
        return [
            *(
                x.replace("{data_dir}", data_dir).replace(
                    "{runs_dir}", runs_dir
                )
                for x in self.flags
            ),
            *_EVERY_FLAG,
            *(_TRAIN_FLAGS if self.is_run else ("--processes=1",)),
            f"--data_dir={os.path.join(data_dir, self.corpus)}",
            f"--run_dir={self.directory(runs_dir)}",
        ]

    def commands(self, data_dir: str, runs_dir: str) -> list[list[str]]:
        """Returns the arguments of each `mtl_tf.main` that it consists of."""
        commands = [self.arguments(data_dir, runs_dir)]
        if self.outcome == ANALYSIS:
            directory = self.directory(runs_dir)
            commands.append(["--mode=analyze", f"--run_dir={directory}"])
        return commands

    def command(self, data_dir: str = "data", runs_dir: str = "runs") -> str:
        """Returns the commands as a line of a shell."""
        main = ["python", "-m", "mtl_tf.main"]
        commands = self.commands(data_dir, runs_dir)
        return " && ".join(shlex.join([*main, *x]) for x in commands)


def run_all(
    jobs: Sequence[Job],
    data_dir: str,
    runs_dir: str,
    processes: int,
    ended: Callable[[Job], None],
) -> None:
    """Runs jobs in child processes, in their order.

    Args:
      jobs: the jobs.
      data_dir: directory of the prepared corpora.
      runs_dir: directory of the jobs' directories.
      processes: number of simultaneous jobs.
      ended: called after each job, one call at a time.

    Raises:
      ValueError: if a job fails; no further one is started then.
    """
    running: set[subprocess.Popen] = set()
    # Held to start a process, so that none starts after the others were ended.
    lock, stopped = threading.Lock(), threading.Event()

    def run(job):
        log = f"{job.directory(runs_dir)}.log"
        os.makedirs(os.path.dirname(log), exist_ok=True)
        for arguments in job.commands(data_dir, runs_dir):
            with lock:
                if stopped.is_set():
                    return None
                process = _start(arguments, log)
                running.add(process)
            status = process.wait()
            running.discard(process)
            if status:
                # Here, before this thread takes the next job.
                stopped.set()
                raise ValueError(_describe(job, status, log))
        return job

    with (
        subprocesses.sigterm_raises(),
        concurrent.futures.ThreadPoolExecutor(processes) as pool,
    ):
        futures = [pool.submit(run, job) for job in jobs]
        try:
            for future in concurrent.futures.as_completed(futures):
                job = future.result()
                if job is not None:
                    ended(job)
        except BaseException:
            with lock:
                stopped.set()
                for process in list(running):
                    process.terminate()
            raise


def _start(arguments, log):
    """Starts a job; its output is appended to a log."""
    with open(log, "ab") as file:
        return subprocess.Popen(
            [sys.executable, "-m", "mtl_tf.main", *arguments],
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def _describe(job, status, log):
    """Returns a message on a job that has failed."""
    with open(log, encoding="utf-8", errors="replace") as file:
        last = "".join(file.readlines()[-_LAST_LINES:])
    return f"{job.name} ended with status {status}; the end of {log}:\n{last}"
