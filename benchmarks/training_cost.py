"""What a run costs, measured in the process that calls this."""

import dataclasses
import tempfile
import time

from absl import logging

from benchmarks import own_process
from data_prep.corpora import custom
from data_prep.pipeline import prepare
from mtl_tf.config import config as config_lib
from mtl_tf.runs import history as history_lib
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import devices


class _Watched(experiment_lib.Experiment):
    """Notes the peak of memory before the results are made."""

    peak_of_training = None

    def evaluate(self):
        self.peak_of_training = own_process.peak_mb()
        return super().evaluate()


def prepare_corpus(task_file: str, out_dir: str) -> None:
    """Prepares a corpus of `generated_corpus`."""
    logging.set_verbosity(logging.ERROR)
    prepare.prepare(custom.make_source(task_file), out_dir)


def measure(settings: dict) -> dict[str, float]:
    """Trains from the beginning to the end; the last epoch is measured.

    The ones before are for what comes once: tracing, and memory's growth to
    where it stays.

    Args:
      settings: of a `Config`, without `run_dir`.

    Returns:
      `tokens`: real tokens of the measured epoch; `seconds` that its steps
      took; `seconds_to_read`: until corpus and model were there, imports apart;
      `seconds_of_run`: from there to the end of the run; and peaks of memory
      in MB: `peak_of_reading`, `peak_of_training` (dev scores among it) and
      `peak`, of the whole run.
    """
    logging.set_verbosity(logging.ERROR)
    config = config_lib.Config.from_dict(settings)
    devices.configure(config.threads)
    with tempfile.TemporaryDirectory() as run_dir:
        began = time.perf_counter()
        experiment = _Watched(dataclasses.replace(config, run_dir=run_dir))
        was_read = time.perf_counter()
        peak_of_reading = own_process.peak_mb()
        experiment.run()
        ended = time.perf_counter()
        last = history_lib.read_history(run_dir)[-1]
    return {
        "tokens": round(last["tokens_per_second"] * last["seconds"]),
        "seconds": last["seconds"],
        "seconds_to_read": was_read - began,
        "seconds_of_run": ended - was_read,
        "peak_of_reading": peak_of_reading,
        "peak_of_training": experiment.peak_of_training,
        "peak": own_process.peak_mb(),
    }
