"""A process that trains or evaluates one run after another.

`run_pool` starts it as `python -m mtl_tf.training.worker`, and sends the runs.
"""

import functools
import json
import os
import sys

from absl import logging

from mtl_tf.config import config as config_lib
from mtl_tf.training import run_pool
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption


def main() -> int:
    """Runs the jobs on standard input, as `subprocesses.Workers` sends them.

    Returns:
      The exit status of the last job; of a signal, if one arrives.
    """
    logging.use_absl_handler()
    entry_point.configure_logging()
    # What libraries print to standard output belongs into the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    status = 0
    try:
        with interruption.raised():
            while not status and (line := sys.stdin.readline()):
                job = json.loads(line)
                _redirect(job["log"])
                status = _run(job)
                print(status, file=answers, flush=True)
    except KeyboardInterrupt as interrupt:
        # A signal between two jobs.
        status = failures.report("mtl_tf", interrupt)
    return status


def _redirect(log):
    """Appends all further output to a file."""
    file = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    os.close(file)


@functools.cache
def _launcher(threads):
    """Loads TensorFlow, once; returns the module that runs jobs.

    All jobs of a worker have the same number of threads.
    """
    with entry_point.quiet_tensorflow():
        from mtl_tf.training import launcher
        from mtl_tf.utils import devices
    devices.configure(threads)
    return launcher


def _run(job):
    """Runs a job; returns its exit status."""
    try:
        config = config_lib.Config.from_dict(job["config"])
        launcher = _launcher(config.threads)
        logging.info("%s: %s", job["mode"], config.run_dir)
        {"train": launcher.train, "evaluate": launcher.evaluate}[job["mode"]](
            config
        )
    except BaseException as error:
        status = failures.report("mtl_tf", error, job["config"]["run_dir"])
        is_divergence = isinstance(error, FloatingPointError)
        return run_pool.DIVERGED if is_divergence else status
    return 0


if __name__ == "__main__":
    with interruption.quick_exit():
        sys.exit(main())
