"""Time and memory of a training run, measured in the calling process."""

import dataclasses
import os
import tempfile
import time

from absl import logging

from benchmarks import own_process
from data_prep.corpora import custom
from data_prep.pipeline import prepare
from mtl_tf.config import config as config_lib
from mtl_tf.runs import checkpoint_files
from mtl_tf.runs import checkpoints
from mtl_tf.runs import history as history_lib
from mtl_tf.training import experiment as experiment_lib
from mtl_tf.utils import devices


class _Watched(experiment_lib.Experiment):
    """Experiment that measures memory and checkpoints before its evaluation."""

    peak_of_training = None
    checkpoint: dict[str, float]

    def evaluate(self):
        self.peak_of_training = own_process.peak_mb()
        self.checkpoint = self._measure_checkpoint()
        return super().evaluate()

    def _measure_checkpoint(self):
        """Writes and reads the last checkpoint once more."""
        start = time.perf_counter()
        self.checkpoints.save(checkpoints.LAST, int(self.trainer.step.numpy()))
        written = time.perf_counter()
        self.checkpoints.restore(checkpoints.LAST)
        read = time.perf_counter()
        newest = checkpoint_files.find(self.config.run_dir, checkpoints.LAST)[0]
        return {
            "checkpoint": sum(map(os.path.getsize, newest.data_paths)) / 2**20,
            "seconds_to_save": written - start,
            "seconds_to_restore": read - written,
        }


def prepare_corpus(task_file: str, out_dir: str) -> None:
    """Prepares a corpus of `generated_corpus`."""
    logging.set_verbosity(logging.ERROR)
    prepare.prepare(custom.make_source(task_file), out_dir)


def measure(settings: dict) -> dict[str, float]:
    """Trains a model and measures the last epoch.

    The epochs before include tracing and the initial growth of memory.

    Args:
      settings: settings of a `Config`, without `run_dir`.

    Returns:
      `tokens`: tokens of the measured epoch, without padding; `seconds` of its
      steps; `seconds_to_read` corpus and model, without imports;
      `seconds_of_run` from then on; `weights` of the model; the size of a
      `checkpoint` in MB, with the optimizer's variables, `seconds_to_save` and
      `seconds_to_restore` it; and peaks of memory in MB: `peak_of_reading`,
      `peak_of_training`, with dev scores, and `peak`, of the entire run.
    """
    logging.set_verbosity(logging.ERROR)
    config = config_lib.Config.from_dict(settings)
    devices.configure(config.threads)
    with tempfile.TemporaryDirectory() as run_dir:
        start = time.perf_counter()
        experiment = _Watched(dataclasses.replace(config, run_dir=run_dir))
        ready = time.perf_counter()
        peak_of_reading = own_process.peak_mb()
        experiment.run()
        end = time.perf_counter()
        last = history_lib.read_history(run_dir)[-1]
    return {
        "tokens": round(last["tokens_per_second"] * last["seconds"]),
        "seconds": last["seconds"],
        "seconds_to_read": ready - start,
        "seconds_of_run": end - ready,
        "weights": experiment.model.count_params(),
        **experiment.checkpoint,
        "peak_of_reading": peak_of_reading,
        "peak_of_training": experiment.peak_of_training,
        "peak": own_process.peak_mb(),
    }
