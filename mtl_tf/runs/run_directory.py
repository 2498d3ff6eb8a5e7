"""A run's directory: what is written where, and whether a run may go on."""

import dataclasses
import glob
import json
import os
import pathlib
import shutil
import time
from collections.abc import Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import analysis_file
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_id
from mtl_tf.runs import versions
from mtl_tf.utils import checksums
from mtl_tf.utils import files
from mtl_tf.utils import suggestions

SCHEMA = 1
ASSETS_DIR = "assets"
_CHECKPOINTS_DIR = "checkpoints"
CONFIG_FILE = run_id.CONFIG_FILE
RESULTS_FILE = "results.json"
# A run may go on with a copy of its corpus that was prepared elsewhere. Its
# floating-point numbers may differ there, words and their counts may not.
_COMPARED = (tasks_lib.VOCABULARY_FILE, tasks_lib.TERM_COUNTS_FILE)
# What a model needs of its corpus.
_ASSETS = (*_COMPARED, tasks_lib.CORPUS_FILE)
_REMEDY = "put back a copy of the file, or train again in another run_dir"
# What a process that runs in the directory has made before `start`.
_BEFORE_CONFIG = ("lock", "log.txt", "run.flags")
# Where it is the only difference, there is more to say.
OTHER_DATA = "corpus: another one, or other data"


@dataclasses.dataclass(frozen=True)
class Run:
    """A run, as its directory alone tells it.

    Attributes:
      run_dir: the directory.
      config: its settings.
      corpus: the declaration of its corpus, without records.
      tasks: its tasks, in the order of their numbers.
      record: the whole of `config.json`.
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
          ValueError: if there is no run, or a file is missing, broken, or not
            the one that training wrote.
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
        """Directories of the runs that it is made of; see `part_dirs`."""
        return part_dirs(self.config, self.tasks)

    def check_task(self, name: str) -> None:
        """Raises a ValueError that names the nearest, if there is no task."""
        names = [task.name for task in self.tasks]
        if name not in names:
            raise ValueError(
                f"{self.run_dir} has no task {name!r}"
                f"{suggestions.nearest(name, names)}; its tasks are "
                f"{', '.join(names)}"
            )

    @property
    def vocabulary_path(self) -> str:
        """The vocabulary, one token a line."""
        return os.path.join(self.run_dir, ASSETS_DIR, tasks_lib.VOCABULARY_FILE)


def part_dirs(
    config: config_lib.Config, tasks: Sequence[tasks_lib.Task]
) -> dict[str, str]:
    """Directories of the runs that a run is made of.

    Returns:
      Directories by seed (`seeds/N`), or by task (`tasks/NAME`) where each
      task has a model of its own; nothing for a run that is one by itself.
    """
    if config.num_runs > 1:
        folder = "seeds"
        seeds = range(config.seed, config.seed + config.num_runs)
        names = [str(seed) for seed in seeds]
    elif config.sharing == "single_task" and len(tasks) > 1:
        folder = "tasks"
        names = [task.name for task in tasks]
    else:
        return {}
    return {name: os.path.join(config.run_dir, folder, name) for name in names}


def start(
    config: config_lib.Config,
    corpus: tasks_lib.Corpus,
    tasks: Sequence[tasks_lib.Task],
) -> None:
    """Makes the directory, or takes up the run in it; its results are void.

    `config.json` is the first file: with it, the directory is a run's.

    Raises:
      ValueError: as `check`, or if a file of the corpus is missing or damaged,
        or it was prepared with another version of the tokenizer.
    """
    # It needs TensorFlow, which reading a run does not.
    from mtl_tf.data import tokenizer

    check(config, corpus)
    tokenizer.check_version(corpus.declaration, corpus.data_dir)
    corpus.check_files(_COMPARED)
    copied = {name: os.path.join(corpus.data_dir, name) for name in _ASSETS}
    # They would be taken for those of the longer run.
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
    """Checks that the directory can take a run, or holds this very one.

    Raises:
      ValueError: if a run with other settings or another corpus is there, with
        the difference; or it can be no directory, holds files that are no
        run's, or is part of a corpus.
    """
    if not os.path.exists(os.path.join(config.run_dir, CONFIG_FILE)):
        _check_place(config)
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
            f"{config.run_dir} holds a run with other settings (there -> "
            f"here):\n  {lines}\nGive the settings that are there to go on "
            "with it, or another run_dir for a new run."
        )


def read_config(run_dir: str) -> dict:
    """What `config.json` of a run says.

    Raises:
      ValueError: if there is no run, or the file is broken or was changed.
    """
    if not run_dir:
        raise ValueError("a run directory is expected, got an empty path")
    path = os.path.join(run_dir, CONFIG_FILE)
    if not os.path.exists(path):
        raise ValueError(f"{run_dir} holds no run: {CONFIG_FILE} is missing")
    names = ("config", "tasks", "corpus", "fingerprint", "data", "assets")
    record = _read_json(path, names, _REMEDY)
    checksums.check(record, path, _REMEDY)
    return record


def write_config(run_dir: str, record: Mapping) -> None:
    """Writes `config.json`, with a checksum of what it holds."""
    write_json(os.path.join(run_dir, CONFIG_FILE), checksums.sign(record))


def read_results(run_dir: str) -> dict:
    """What `results.json` of a run says.

    Raises:
      ValueError: if the run is not there or has not ended, or the file is
        broken.
    """
    check_ended(run_dir)
    checksum_file.check(run_dir, RESULTS_FILE)
    return _read_json(
        os.path.join(run_dir, RESULTS_FILE),
        ("schema",),
        checksum_file.REMEDY,
    )


def check_ended(run_dir: str) -> None:
    """Raises a ValueError if a directory does not hold the results of a run."""
    if not has_ended(run_dir):
        raise ValueError(
            f"{run_dir} holds no results: {RESULTS_FILE} is missing; a run "
            "writes it when it has ended"
        )


def has_ended(run_dir: str) -> bool:
    """Whether a directory holds the results of a run."""
    return os.path.exists(os.path.join(run_dir, RESULTS_FILE))


def check_writable(run_dir: str, advice: str) -> None:
    """Checks that files can be made in a run directory.

    Args:
      run_dir: the directory, which need not exist.
      advice: what to do otherwise, for the message.

    Raises:
      ValueError: if they cannot.
    """
    reason = files.why_not_writable(run_dir)
    if reason:
        raise ValueError(f"run_dir={run_dir}: {reason}; {advice}")


def write_json(path: str, value: Mapping) -> None:
    """Writes a JSON file as a whole, or not at all."""
    with files.atomic_write(path) as file:
        file.write(format_json(value))


def format_json(value: Mapping) -> str:
    """Returns what `write_json` writes."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def is_finished(config: config_lib.Config, corpus: tasks_lib.Corpus) -> bool:
    """Whether the directory holds the results of this very run."""
    if not has_ended(config.run_dir):
        return False
    there = _config(config.run_dir, read_config(config.run_dir))
    same_length = (there.epochs, there.num_runs) == (
        config.epochs,
        config.num_runs,
    )
    return same_length and not _difference(config, corpus)


def _id(run_dir):
    """The id of the run that is there, which may have none, or a new one."""
    if os.path.exists(os.path.join(run_dir, CONFIG_FILE)):
        return run_id.read(run_dir)
    return run_id.new()


def _config(run_dir, record):
    """The settings in a record, which may be of another version's."""
    try:
        return config_lib.Config.from_dict(record["config"])
    # Values may be of another type, if somebody has edited them.
    except (TypeError, ValueError) as error:
        path = os.path.join(run_dir, CONFIG_FILE)
        raise ValueError(f"{path}: {error}") from None


def _read_json(path, names, remedy):
    """Reads an object that has to have certain names."""
    with open(path, encoding="utf-8") as file:
        try:
            found = json.load(file)
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}: {remedy}") from None
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise ValueError(f"{path}: {name!r} is missing: {remedy}")
    return found


def _check_place(config):
    """Checks that a new run may be where it is to be."""
    run_dir = pathlib.Path(config.run_dir)
    for path in (run_dir, *run_dir.parents):
        if path.exists() and not path.is_dir():
            raise ValueError(
                f"run_dir={config.run_dir}: {path} is a file: give a directory"
            )
    corpus = pathlib.Path(config.data_dir).resolve()
    if run_dir.resolve().is_relative_to(corpus):
        raise ValueError(
            f"run_dir={config.run_dir} is or lies in data_dir="
            f"{config.data_dir}: a corpus directory holds nothing else; give "
            "another run_dir"
        )
    _check_unused(config.run_dir)


def _check_unused(run_dir):
    """Refuses files of somebody else: training would write over them."""
    if not os.path.isdir(run_dir):
        return
    if {ASSETS_DIR, _CHECKPOINTS_DIR} <= set(os.listdir(run_dir)):
        raise ValueError(
            f"{os.path.join(run_dir, CONFIG_FILE)} is missing, and {run_dir} "
            "holds a run: put back a copy of the file; to begin again, remove "
            f"{run_dir} or give another run_dir"
        )
    for name in sorted(os.listdir(run_dir)):
        # Hidden files are such as a file manager leaves.
        if name not in _BEFORE_CONFIG and not name.startswith("."):
            raise ValueError(
                f"run_dir={run_dir} holds {name}, but no run ({CONFIG_FILE} is "
                "missing): training might write over it; give another run_dir, "
                "or an empty one"
            )


def _difference(config, corpus):
    """What makes the run in the directory another one, a line each."""
    there = read_config(config.run_dir)
    settings = _config(config.run_dir, there)
    difference = settings.difference(config)
    if config.epochs < settings.epochs and has_ended(config.run_dir):
        difference.append(
            f"epochs: {settings.epochs} -> {config.epochs}, which are over"
        )
    declared = corpus.declaration
    if there["fingerprint"] != declared["fingerprint"] or any(
        there["data"].get(name) != declared["files"].get(name)
        for name in _COMPARED
    ):
        difference.append(OTHER_DATA)
    return difference


def _remove(path):
    if os.path.exists(path):
        # A link stays, and what comes next goes where it leads.
        os.remove(os.path.realpath(path))


def _sweep(run_dir):
    """Removes what writes that were interrupted have left behind."""
    for folder in ("", ASSETS_DIR):
        pattern = os.path.join(glob.escape(run_dir), folder, ".*.part")
        for path in glob.glob(pattern):
            os.remove(path)
