"""The directory of a run: its files, and whether it fits a new run."""

import dataclasses
import glob
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import analysis_file
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_id
from mtl_tf.runs import run_location
from mtl_tf.runs import versions
from mtl_tf.utils import checksums
from mtl_tf.utils import files
from mtl_tf.utils import suggestions

SCHEMA = 1
ASSETS_DIR = run_location.ASSETS_DIR
# Folders of the parts of a run.
SEEDS_DIR, TASKS_DIR = "seeds", "tasks"
CONFIG_FILE = run_id.CONFIG_FILE
RESULTS_FILE = "results.json"
# A run may resume with a copy of its corpus that was prepared elsewhere.
# Floating-point numbers may differ there, words and their counts may not.
_COMPARED = (tasks_lib.VOCABULARY_FILE, tasks_lib.TERM_COUNTS_FILE)
# The files of a corpus that a model needs.
_ASSETS = (*_COMPARED, tasks_lib.CORPUS_FILE)
_REMEDY = "put back a copy of the file, or train again in another run_dir"
# If this is the only difference, the message explains what to do.
OTHER_DATA = "corpus: another one, or other data"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run as read from its directory.

    Attributes:
      run_dir: the directory.
      config: the settings.
      corpus: the declaration of the corpus, without records.
      tasks: the tasks, in the order of the task ids.
      record: the content of `config.json`.
    """

    run_dir: str
    config: config_lib.Config
    corpus: tasks_lib.Corpus
    tasks: tuple[tasks_lib.Task, ...]
    record: dict

    @classmethod
    def read(cls, run_dir: str) -> "Run":
        """Reads `config.json` and the assets.

        Raises:
          ValueError: if there is no run, or a file is missing, damaged or
            changed.
        """
        record = read_config(run_dir)
        for name, checksum in record["assets"].items():
            path = os.path.join(run_dir, ASSETS_DIR, name)
            if not os.path.exists(path):
                raise ValueError(f"{path} is missing: {_REMEDY}")
            if checksums.sha256(path) != checksum:
                raise ValueError(
                    f"{path} was changed after it was written: its sha256 is "
                    f"not the one in {CONFIG_FILE}: {_REMEDY}"
                )
        corpus = tasks_lib.Corpus.read(os.path.join(run_dir, ASSETS_DIR))
        return cls(
            run_dir,
            # The directory may have been moved.
            dataclasses.replace(_config(run_dir, record), run_dir=run_dir),
            corpus,
            corpus.select(record["tasks"]),
            record,
        )

    @property
    def parts(self) -> dict[str, str]:
        """Directories of the parts of the run; see `part_dirs`."""
        return part_dirs(self.config, self.tasks)

    def check_task(self, name: str) -> None:
        """Checks that the run has a task.

        Raises:
          ValueError: if not; the message suggests the nearest name.
        """
        names = [task.name for task in self.tasks]
        if name not in names:
            raise ValueError(
                f"{self.run_dir} has no task {name!r}"
                f"{suggestions.nearest(name, names)}; its tasks are "
                f"{', '.join(names)}"
            )

    @property
    def vocabulary_path(self) -> str:
        """Path of the vocabulary, one token per line."""
        return os.path.join(self.run_dir, ASSETS_DIR, tasks_lib.VOCABULARY_FILE)


def part_dirs(
    config: config_lib.Config, tasks: Sequence[tasks_lib.Task]
) -> dict[str, str]:
    """Returns the directories of the parts of a run, which are runs themselves.

    Returns:
      Directories by seed (`seeds/N`), or by task (`tasks/NAME`) for single-task
      models; empty for a run without parts.
    """
    if config.num_runs > 1:
        folder = SEEDS_DIR
        seeds = range(config.seed, config.seed + config.num_runs)
        names = [str(seed) for seed in seeds]
    elif config.sharing == "single_task" and len(tasks) > 1:
        folder = TASKS_DIR
        names = [task.name for task in tasks]
    else:
        return {}
    return {name: os.path.join(config.run_dir, folder, name) for name in names}


def start(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
) -> None:
    """Starts or resumes a run: makes its directory, and removes old results.

    `config.json` is the first file: it marks the directory as that of a run.

    Args:
      config: the settings.
      corpus: the corpus.
      tasks: the tasks.

    Raises:
      ValueError: as in `check`, or if a file of the corpus is missing or
        damaged, or another version of the tokenizer prepared it.
    """
    # Imports TensorFlow, which reading a run does not need.
    from mtl_tf.data import tokenizer

    check(config, corpus)
    tokenizer.check_version(corpus.declaration, corpus.data_dir)
    corpus.check_files(_COMPARED)
    copied = {name: os.path.join(corpus.data_dir, name) for name in _ASSETS}
    # They would be mistaken for those of the resumed run.
    for name in (RESULTS_FILE, analysis_file.ANALYSIS_FILE):
        _remove(os.path.join(config.run_dir, name))
    write_config(
        config.run_dir,
        {
            "schema": SCHEMA,
            run_id.KEY: _id(config.run_dir),
            "config": config.to_dict(),
            "tasks": [task.name for task in tasks],
            "corpus": corpus.name,
            "fingerprint": corpus.declaration["fingerprint"],
            "data": corpus.declaration["files"],
            "assets": {
                name: checksums.sha256(path) for name, path in copied.items()
            },
            "versions": versions.packages(),
            "git_revision": versions.git_revision(),
            "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        },
    )
    assets = os.path.join(config.run_dir, ASSETS_DIR)
    os.makedirs(assets, exist_ok=True)
    _sweep(config.run_dir)
    for path in copied.values():
        shutil.copy(path, assets)


def check(config: config_lib.Config, corpus: tasks_lib.Corpus) -> None:
    """Checks that the run directory is unused, or holds the same run.

    Args:
      config: the settings.
      corpus: the corpus.

    Raises:
      ValueError: if it holds a run with other settings or another corpus, or
        other files; or if it is not a directory, or is in a corpus directory.
    """
    if not os.path.exists(os.path.join(config.run_dir, CONFIG_FILE)):
        run_location.check(config)
        return
    difference = _difference(config, corpus)
    if difference == [OTHER_DATA]:
        raise ValueError(
            f"{config.data_dir} holds other data than the run in "
            f"{config.run_dir} was made with: prepare the corpus as it was, or "
            "give the data_dir that holds it (for a new run, another run_dir)"
        )
    if difference:
        lines = "\n  ".join(difference)
        raise ValueError(
            f"{config.run_dir} holds a run with other settings (saved -> "
            f"given):\n  {lines}\nGive the saved settings to continue this "
            "run, or another run_dir for a new one."
        )


def read_config(run_dir: str) -> dict:
    """Reads `config.json` of a run.

    Raises:
      ValueError: if there is no run, or the file is damaged or changed.
    """
    if not run_dir:
        raise ValueError("expected a run directory, got an empty path")
    path = os.path.join(run_dir, CONFIG_FILE)
    if not os.path.exists(path):
        raise ValueError(f"{run_dir} holds no run: {CONFIG_FILE} is missing")
    names = ("config", "tasks", "corpus", "fingerprint", "data", "assets")
    record = _read_json(path, names, _REMEDY)
    checksums.check(record, path, _REMEDY)
    return record


def write_config(run_dir: str, record: Mapping) -> None:
    """Writes `config.json`, with a checksum of its content."""
    write_json(os.path.join(run_dir, CONFIG_FILE), checksums.sign(record))


def read_results(run_dir: str) -> dict:
    """Reads `results.json` of a run.

    Raises:
      ValueError: if the run is missing or has not ended, or the file is
        damaged.
    """
    check_ended(run_dir)
    checksum_file.check(run_dir, RESULTS_FILE)
    return _read_json(
        os.path.join(run_dir, RESULTS_FILE),
        ("schema",),
        checksum_file.REMEDY,
    )


def check_ended(run_dir: str) -> None:
    """Checks that a directory holds the results of a run.

    Raises:
      ValueError: if not.
    """
    if not has_ended(run_dir):
        raise ValueError(
            f"{run_dir} holds no results: {RESULTS_FILE} is missing; a run "
            "writes it at its end"
        )


def has_ended(run_dir: str) -> bool:
    """Returns whether a directory holds the results of a run."""
    return os.path.exists(os.path.join(run_dir, RESULTS_FILE))


def check_writable(run_dir: str, advice: str) -> None:
    """Checks that a run directory is writable.

    Args:
      run_dir: the directory, which need not exist.
      advice: what to do if it is not, for the message.

    Raises:
      ValueError: if it is not writable.
    """
    reason = files.why_not_writable(run_dir)
    if reason:
        raise ValueError(f"run_dir={run_dir}: {reason}; {advice}")


def write_json(path: str, value: Mapping) -> None:
    """Writes a JSON file atomically."""
    with files.atomic_write(path) as file:
        file.write(format_json(value))


def format_json(value: Mapping) -> str:
    """Formats a value as `write_json` does."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def is_finished(config: config_lib.Config, corpus: tasks_lib.Corpus) -> bool:
    """Returns whether the run directory holds the results of this run."""
    if not has_ended(config.run_dir):
        return False
    saved = _config(config.run_dir, read_config(config.run_dir))
    same_length = (saved.epochs, saved.num_runs) == (
        config.epochs,
        config.num_runs,
    )
    return same_length and not _difference(config, corpus)


def _id(run_dir):
    """Returns the id of an existing run, which may be None, or a new id."""
    if os.path.exists(os.path.join(run_dir, CONFIG_FILE)):
        return run_id.read(run_dir)
    return run_id.new()


def _config(run_dir, record):
    """Returns the settings in a record, maybe of another version."""
    try:
        return config_lib.Config.from_dict(record["config"])
    # Edited values may have another type.
    except (TypeError, ValueError) as error:
        path = os.path.join(run_dir, CONFIG_FILE)
        raise ValueError(f"{path}: {error}") from None


def _read_json(path, names, remedy):
    """Reads a JSON object, and checks that it has these names."""
    with open(path, encoding="utf-8") as file:
        try:
            value = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}: {remedy}") from None
    for name in names:
        if not isinstance(value, dict) or name not in value:
            raise ValueError(f"{path}: {name!r} is missing: {remedy}")
    return value


def _difference(config, corpus):
    """Returns the differences to the saved run, one line each."""
    record = read_config(config.run_dir)
    saved = _config(config.run_dir, record)
    difference = saved.difference(config)
    if config.epochs < saved.epochs and has_ended(config.run_dir):
        difference.append(
            f"epochs: {saved.epochs} -> {config.epochs}, but the run has ended"
        )
    declared = corpus.declaration
    if record["fingerprint"] != declared["fingerprint"] or any(
        record["data"].get(name) != declared["files"].get(name)
        for name in _COMPARED
    ):
        difference.append(OTHER_DATA)
    return difference


def _remove(path):
    if os.path.exists(path):
        # A link is kept: the new file replaces its target.
        os.remove(os.path.realpath(path))


def _sweep(run_dir):
    """Removes the files of interrupted writes."""
    for folder in ("", ASSETS_DIR):
        pattern = os.path.join(glob.escape(run_dir), folder, ".*.part")
        for path in glob.glob(pattern):
            os.remove(path)
