"""Tasks and corpora, as `corpus.json` declares them."""

import dataclasses
import json
import os
import re
from collections.abc import Iterable, Sequence

from mtl_tf.metrics import classification
from mtl_tf.utils import checksums
from mtl_tf.utils import display_names
from mtl_tf.utils import suggestions

CORPUS_FILE = "corpus.json"
VOCABULARY_FILE = "vocabulary.txt"
# Frequency of each term in seq2 of the training rows, by task.
TERM_COUNTS_FILE = "term_counts.json"
SPLITS = ("train", "dev", "test", "unlabeled")
LABELED_SPLITS = ("train", "dev", "test")
# A file name has at most 255 bytes, and some forty follow the name of a task.
MAX_NAME_LENGTH = 100
_MAX_SHOWN_LENGTH = 60
# Windows reserves these names, with any extension.
_DEVICES = frozenset(
    [
        *("con", "prn", "aux", "nul"),
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    ]
)
# In TensorBoard's logs, the folder of the run, next to those of its tasks.
_RUN = "run"


@dataclasses.dataclass(frozen=True)
class Task:
    """One classification task: a name, its labels in order, its metric.

    Attributes:
      name: at most 100 letters (A to Z), digits, `_` and `-`, starting with a
        letter: it becomes part of file names, TensorBoard tags and SavedModel
        signatures. `run` and the names of Windows' devices are reserved.
      labels: the label names; the index of a label is its position.
      metric: name of the task's main metric, one of `classification.METRICS`.
        It may require certain labels, or an order of the labels.
      pair: whether the examples are pairs of texts (seq1 and seq2).

    Raises:
      ValueError: if an attribute is invalid.
    """

    name: str
    labels: tuple[str, ...]
    metric: str = "accuracy"
    pair: bool = False

    def __post_init__(self):
        _check_name(self.name)
        self._check_types()
        if len(self.labels) < 2:
            raise ValueError(
                f"task {self.name}: expected at least 2 labels, got "
                f"{list(self.labels)}"
            )
        repeated = sorted({x for x in self.labels if self.labels.count(x) > 1})
        if repeated:
            raise ValueError(f"task {self.name}: labels repeat: {repeated}")
        if "" in self.labels:
            raise ValueError(f"task {self.name}: a label is empty")
        if self.metric not in classification.METRICS:
            raise ValueError(
                f"there is no metric {self.metric!r}"
                f"{suggestions.nearest(self.metric, classification.METRICS)}; "
                f"the metrics are {', '.join(classification.METRICS)}"
            )
        for label in classification.METRICS[self.metric].needs:
            if classification.fold(self.labels).count(label) != 1:
                raise ValueError(
                    f"task {self.name}: the metric {self.metric} needs a label "
                    f"{label!r}{suggestions.nearest(label, self.labels)}; its "
                    f"labels are {list(self.labels)}"
                )

    def _check_types(self):
        """Checks the types of attributes; converts labels to a tuple."""
        if not isinstance(self.metric, str):
            raise ValueError(
                f"task {self.name}: metric: expected a text, got "
                f"{self.metric!r:.80}"
            )
        if not isinstance(self.labels, list | tuple) or not all(
            isinstance(label, str) for label in self.labels
        ):
            raise ValueError(
                f"task {self.name}: labels: expected a list of names, got "
                f"{self.labels!r:.80}"
            )
        object.__setattr__(self, "labels", tuple(self.labels))
        if not isinstance(self.pair, bool):
            raise ValueError(
                f"task {self.name}: pair: expected True or False, got "
                f"{self.pair!r:.80}"
            )

    def label_index(self, label: str) -> int:
        """Returns the index of a label.

        Raises:
          ValueError: if the task does not have it; names the nearest label.
        """
        try:
            return self.labels.index(label)
        except ValueError:
            raise ValueError(
                f"task {self.name} has no label {label!r}"
                f"{suggestions.nearest(label, self.labels)}; its labels are "
                f"{list(self.labels)}"
            ) from None


@dataclasses.dataclass(frozen=True)
class Corpus:
    """A prepared corpus, as its `corpus.json` declares it.

    Attributes:
      data_dir: the directory.
      name: name of the corpus, such as `fdu_mtl`.
      tasks: the tasks, sorted by name: saved weights are stacked by task, and
        their order must not change.
      rows: number of rows by task name and split.
      declaration: the contents of `corpus.json`.
    """

    data_dir: str
    name: str
    tasks: tuple[Task, ...]
    rows: dict[str, dict[str, int]]
    declaration: dict

    @classmethod
    def read(cls, data_dir: str) -> "Corpus":
        """Reads `corpus.json`.

        Raises:
          ValueError: if it is missing, malformed, or was changed after it was
            written.
        """
        path = os.path.join(data_dir, CORPUS_FILE)
        try:
            with open(path, encoding="utf-8") as file:
                declaration = json.load(file)
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(
                f"{data_dir} holds no prepared corpus ({CORPUS_FILE} is "
                "missing); make one with python -m data_prep.main "
                f"--corpus=NAME --out_dir={data_dir}"
            ) from None
        except ValueError as error:
            raise ValueError(f"{path}: not JSON: {error}") from None
        # Reordered labels would give wrong predictions without an error.
        checksums.check(declaration, path, "prepare the corpus again")
        try:
            tasks = tuple(
                Task(name, tuple(task["labels"]), task["metric"], task["pair"])
                for name, task in sorted(declaration["tasks"].items())
            )
            rows = {
                name: dict(task["splits"])
                for name, task in declaration["tasks"].items()
            }
            name = declaration["corpus"]
        except KeyError as error:
            raise ValueError(
                f"{path}: {error} is missing: prepare the corpus again"
            ) from None
        return cls(data_dir, name, tasks, rows, declaration)

    def check_files(self, names: Iterable[str] | None = None) -> None:
        """Checks files of the corpus against their declared checksums.

        Args:
          names: paths relative to `data_dir`; None for all declared files.

        Raises:
          ValueError: if a file is missing or was changed.
        """
        declared = self.declaration["files"]
        for name in declared if names is None else names:
            path = os.path.join(self.data_dir, name)
            if not os.path.isfile(path):
                raise ValueError(f"{path} is missing: prepare the corpus again")
            if checksums.sha256(path) != declared.get(name):
                raise ValueError(
                    f"{path} was changed after it was written: its sha256 is "
                    f"not the one in {CORPUS_FILE}: prepare the corpus again"
                )

    def check_unchanged(self) -> None:
        """Checks that the directory still holds this corpus.

        Raises:
          ValueError: if another corpus was prepared there in the meantime.
        """
        if Corpus.read(self.data_dir).declaration != self.declaration:
            raise ValueError(
                f"{self.data_dir} was prepared again with other data while it "
                "was in use: restore the previous corpus and repeat the "
                "command, or use another run_dir for the new data"
            )

    def select(self, names: Iterable[str]) -> tuple[Task, ...]:
        """Returns the tasks with these names, or all if there are no names.

        Raises:
          ValueError: if the corpus does not have a task; names the nearest.
        """
        names = list(names)
        by_name = {task.name: task for task in self.tasks}
        for name in names:
            if name not in by_name:
                raise ValueError(
                    f"corpus {self.name} has no task {name!r}"
                    f"{suggestions.nearest(name, by_name)}; its tasks are "
                    f"{', '.join(by_name)}"
                )
        return tuple(t for t in self.tasks if not names or t.name in names)


def label_names(tasks: Iterable[Task]) -> tuple[str, ...]:
    """Returns the distinct names of the labels of tasks, in their order."""
    return tuple(dict.fromkeys(x for task in tasks for x in task.labels))


def label_ids(tasks: Sequence[Task]) -> tuple[int, ...]:
    """Returns the index in `label_names` of each label of all tasks."""
    ids = {name: index for index, name in enumerate(label_names(tasks))}
    return tuple(ids[label] for task in tasks for label in task.labels)


def check_names(names: Iterable[str]) -> None:
    """Checks that the names of a corpus' tasks differ by more than case.

    Args:
      names: the names, without repetitions.

    Raises:
      ValueError: if two names differ in case only: on Windows and macOS, they
        would have the same files.
    """
    seen: dict[str, str] = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"tasks {other} and {name} differ in case only, and so would "
                "the names of their files: rename one of them"
            )


def show_name(name: object) -> str:
    """Returns a name for messages, quoted and shortened."""
    return display_names.ellipsize(repr(name), _MAX_SHOWN_LENGTH)


def _check_name(name):
    where = f"task name {show_name(name)}"
    if not isinstance(name, str) or not re.fullmatch(
        r"[A-Za-z][A-Za-z0-9_-]*", name
    ):
        raise ValueError(
            f"{where}: expected letters (A to Z), digits, '_' and '-', "
            "starting with a letter"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(
            f"{where}: expected at most {MAX_NAME_LENGTH} characters, got "
            f"{len(name)}: it becomes part of file names"
        )
    if name.lower() in _DEVICES:
        raise ValueError(
            f"{where}: this name is reserved by Windows: choose another one"
        )
    if name.lower() == _RUN:
        raise ValueError(
            f"{where}: this name is reserved for TensorBoard's logs of the "
            "run: choose another one"
        )
