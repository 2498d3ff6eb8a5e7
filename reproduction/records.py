"""Records of ended jobs: what pages are made from, small enough to keep.

A record is a JSON file of about ten kilobytes: the command, date, processor and
seconds of a job, and its outcome. The outcome of a run is its `results.json`,
and whether its prediction for each test text is correct, which paired tests
need. The outcome of a study is the rows of its table.
"""

import base64
import csv
import dataclasses
import datetime
import json
import os

import numpy as np

from benchmarks import machine
from mtl_tf.runs import analysis_file
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import versions
from mtl_tf.utils import files
from reproduction import jobs as jobs_lib

# Digits of scores after the decimal point.
_DIGITS = 6
# Attributes of a record that are masks by task.
_MASKS = ("correct", "transfer_correct")


@dataclasses.dataclass(frozen=True)
class Record:
    """The part of an ended job that is kept.

    Attributes:
      command: the command, as a line of a shell.
      date: date of its end, as YYYY-MM-DD.
      processor: the processor it ran on.
      revision: git revision of the source.
      seconds: duration of training.
      results: of a run, the content of `results.json`; else empty.
      correct: of a run of one seed, whether each test prediction is correct, by
        task, bool [rows]; else empty.
      transfer_correct: the same of a label transfer network, for its main task.
      probes: of a run that is analyzed, accuracies by features and probe.
      rows: of a study, the rows of its table; else empty.
    """

    command: str
    date: str
    processor: str
    revision: str
    seconds: float
    results: dict = dataclasses.field(default_factory=dict)
    correct: dict[str, np.ndarray] = dataclasses.field(default_factory=dict)
    transfer_correct: dict[str, np.ndarray] = dataclasses.field(
        default_factory=dict
    )
    probes: dict = dataclasses.field(default_factory=dict)
    rows: list[dict[str, str]] = dataclasses.field(default_factory=list)


def of_job(job: jobs_lib.Job, runs_dir: str) -> Record:
    """Makes the record of a job that has just ended.

    Raises:
      ValueError: if a file of a run is missing or damaged.
    """
    directory = job.directory(runs_dir)
    outcome: dict
    if job.is_run:
        results = run_directory.read_results(directory)
        outcome = {
            "results": _round(results),
            "correct": _correct(directory, results_lib.MAIN),
            "transfer_correct": _correct(directory, results_lib.LABEL_TRANSFER),
            "seconds": round(results["seconds"], 1),
        }
        if job.outcome == jobs_lib.ANALYSIS:
            outcome["probes"] = _round(analysis_file.read(directory)["probes"])
    else:
        path = os.path.join(directory, job.outcome)
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        outcome = {"rows": rows, "seconds": _seconds_of_runs(directory)}
    return Record(
        command=job.command(),
        date=datetime.date.today().isoformat(),
        processor=machine.describe()["processor"],
        revision=versions.git_revision(),
        **outcome,
    )


def path_of(records_dir: str, name: str) -> str:
    """Returns the path of the record of a job."""
    return os.path.join(records_dir, f"{name}.json")


def write(path: str, record: Record) -> None:
    """Writes a record, atomically."""
    values = dataclasses.asdict(record)
    for name in _MASKS:
        by_task = getattr(record, name)
        values[name] = {task: _encode(mask) for task, mask in by_task.items()}
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with files.atomic_write(path) as file:
        json.dump(values, file, ensure_ascii=False, separators=(",", ":"))
        file.write("\n")


def read(path: str) -> Record:
    """Reads a record.

    Raises:
      ValueError: if it is damaged; the message has the file.
    """
    try:
        with open(path, encoding="utf-8") as file:
            values = json.load(file)
        for name in _MASKS:
            by_task = values[name]
            values[name] = {task: _decode(x) for task, x in by_task.items()}
        return Record(**values)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is not a record of a job: {error}") from None


def _correct(run_dir, output):
    """Reads which test predictions of an output are correct, by task.

    It is empty for a run with several seeds.
    """
    run = run_directory.Run.read(run_dir)
    if run.config.num_runs > 1:
        return {}
    results = run_directory.read_results(run_dir)["tasks"]
    correct = {}
    for task in run.tasks:
        if output not in results[task.name]:
            continue
        part = run.parts.get(task.name, run_dir)
        saved = prediction_files.read(part, task, results_lib.TEST, output)
        correct[task.name] = saved.correct
    return correct


def _seconds_of_runs(study_dir):
    """Returns the sum of the durations of a study's runs."""
    seconds = 0.0
    for folder, subfolders, names in os.walk(study_dir):
        if jobs_lib.RESULTS in names:
            seconds += run_directory.read_results(folder)["seconds"]
            # The seconds of a run contain those of its parts.
            subfolders.clear()
    return round(seconds, 1)


def _round(value):
    """Rounds all numbers of a JSON value."""
    if isinstance(value, dict):
        return {key: _round(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_round(item) for item in value]
    return round(value, _DIGITS) if isinstance(value, float) else value


def _encode(correct):
    """Encodes bool [rows] as text: the number of rows, and their bits."""
    bits = np.packbits(correct).tobytes()
    return f"{len(correct)}:{base64.b64encode(bits).decode('ascii')}"


def _decode(text):
    """Reads bool [rows] from the text of `_encode`."""
    count, _, bits = text.partition(":")
    packed = np.frombuffer(base64.b64decode(bits, validate=True), np.uint8)
    return np.unpackbits(packed, count=int(count)).astype(bool)
