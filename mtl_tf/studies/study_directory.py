"""The directory of a study: its settings, its table, and its runs.

`study.json` holds what all runs of the study have in common, so that a study
can be continued, and no other one writes to its directory.
"""

import contextlib
import csv
import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.runs import run_id
from mtl_tf.utils import checksums
from mtl_tf.utils import files
from mtl_tf.utils import run_lock

STUDY_FILE = "study.json"
_SCHEMA = 1
_REMEDY = "put back a copy of the file, or give another run_dir"
_ALLOWED = (run_lock.LOCK_FILE,)


@contextlib.contextmanager
def hold(
    study_dir: str, kind: str, settings: Mapping, corpus: tasks_lib.Corpus
) -> Iterator[None]:
    """Locks the directory of a study that starts or continues.

    Args:
      study_dir: the directory; created if missing.
      kind: the kind of study, such as `compare`.
      settings: what all runs of the study have in common, in types of JSON.
      corpus: the corpus.

    Raises:
      ValueError: as `start`, or if another process holds the lock.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    check(study_dir, kind, settings, corpus)
    with run_lock.hold(study_dir):
        start(study_dir, kind, settings, corpus)
        try:
            yield
        except KeyboardInterrupt as interrupt:
            interrupt.add_note(
                "runs that have ended are kept; the same command continues "
                "with the others"
            )
            raise


def start(
    study_dir: str, kind: str, settings: Mapping, corpus: tasks_lib.Corpus
) -> None:
    """Starts or continues a study; writes `study.json` if there is none.

    Args:
      study_dir: the directory; created if missing.
      kind: the kind of study.
      settings: what all runs of the study have in common, in types of JSON.
      corpus: the corpus.

    Raises:
      ValueError: as `check`.
    """
    check(study_dir, kind, settings, corpus)
    path = os.path.join(study_dir, STUDY_FILE)
    if not os.path.exists(path):
        os.makedirs(study_dir, exist_ok=True)
        record = _record(kind, settings, corpus)
        run_directory.write_json(path, checksums.sign(record))


def check(
    study_dir: str, kind: str, settings: Mapping, corpus: tasks_lib.Corpus
) -> None:
    """Checks that a directory is free, or holds this study.

    Args:
      study_dir: the directory.
      kind: the kind of study.
      settings: what all runs of the study have in common, in types of JSON.
      corpus: the corpus.

    Raises:
      ValueError: if the directory is not writable, holds another kind of study,
        one with other settings or of another corpus, a run, or other files; or
        if `study.json` is damaged.
    """
    run_directory.check_writable(study_dir, "give another run_dir")
    path = os.path.join(study_dir, STUDY_FILE)
    if not os.path.exists(path):
        _check_unused(study_dir)
        return
    saved = checksums.read(path, _REMEDY)
    if saved["kind"] != kind:
        raise ValueError(
            f"{study_dir} holds a study of --mode={saved['kind']}: give "
            "another run_dir"
        )
    given = _record(kind, settings, corpus)
    difference = [
        f"{name}: {saved['settings'].get(name)} -> {value}"
        for name, value in given["settings"].items()
        if saved["settings"].get(name) != value
    ]
    if saved["fingerprint"] != given["fingerprint"]:
        difference.append(run_directory.OTHER_DATA)
    if difference:
        lines = "\n  ".join(difference)
        raise ValueError(
            f"{study_dir} holds a study with other settings (saved -> given):"
            f"\n  {lines}\nGive the saved settings to continue it, or another "
            "run_dir for a new one."
        )


def refuse_teachers(config: config_lib.Config, kind: str) -> None:
    """Refuses teachers in a study of what some labels are worth.

    Args:
      config: settings of a run of the study.
      kind: name of the study.

    Raises:
      ValueError: if the run has teachers.
    """
    if config.teachers:
        raise ValueError(
            f"teachers={','.join(config.teachers)} are not used by {kind}: "
            "they may know the labels that it leaves out"
        )


def settings_of(config: config_lib.Config) -> dict:
    """Returns the settings that a continued study may not change, by name."""
    values = config.to_dict()
    return {
        field.name: values[field.name]
        for field in dataclasses.fields(config)
        if not field.metadata["changeable"]
    }


def write_table(study_dir: str, name: str, rows: Sequence[Mapping]) -> str:
    """Writes a tidy table as a CSV file, atomically.

    Args:
      study_dir: the directory.
      name: name of the file, without its extension.
      rows: the rows, with the same keys; None becomes an empty cell.

    Returns:
      The path.
    """
    path = os.path.join(study_dir, f"{name}.csv")
    with files.atomic_write(path) as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return path


def _record(kind, settings, corpus):
    return {
        "schema": _SCHEMA,
        "kind": kind,
        "settings": dict(settings),
        "corpus": corpus.name,
        "fingerprint": corpus.declaration["fingerprint"],
    }


def _check_unused(study_dir):
    """Checks that there are no other files."""
    if not os.path.isdir(study_dir):
        return
    names = sorted(os.listdir(study_dir))
    if run_id.CONFIG_FILE in names:
        raise ValueError(
            f"run_dir={study_dir} holds a run: give another run_dir for the "
            "study"
        )
    for name in names:
        # Hidden files may be those of a file manager.
        if name not in _ALLOWED and not name.startswith("."):
            raise ValueError(
                f"run_dir={study_dir} holds {name}, but no study ({STUDY_FILE} "
                "is missing): give another run_dir, or an empty one"
            )
