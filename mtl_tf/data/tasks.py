"""Tasks, and the corpus that holds them: what `corpus.json` declares."""

import dataclasses
import json
import os
import re
from collections.abc import Iterable

from mtl_tf.metrics import classification
from mtl_tf.utils import checksums
from mtl_tf.utils import suggestions

CORPUS_FILE = "corpus.json"
VOCABULARY_FILE = "vocabulary.txt"
# By task, how often seq2 of its training rows holds each term.
TERM_COUNTS_FILE = "term_counts.json"
SPLITS = ("train", "dev", "test", "unlabeled")
LABELED_SPLITS = ("train", "dev", "test")
# A file's name has at most 255 bytes, of which the parts that follow the name
# of a task take some forty.
MAX_NAME_LENGTH = 100
_SHOWN_LENGTH = 60
# Windows has no files of these names, whatever their extension.
_DEVICES = frozenset(
    [
        *("con", "prn", "aux", "nul"),
        *(f"{port}{n}" for port in ("com", "lpt") for n in range(10)),
    ]
)
# Folder of the whole run among those of its tasks, in TensorBoard's logs.
_RUN = "run"


@dataclasses.dataclass(frozen=True)
class Task:
    """One classification task: a name, its labels in order, its metric.

    Attributes:
      name: at most 100 letters (A to Z), digits, `_` and `-`, beginning with
        a letter: it becomes part of file names, TensorBoard tags and SavedModel
        signatures. `run` and the names of Windows' devices are reserved.
      labels: the label names; a label's index is its place in this tuple.
      metric: name of the metric that decides for this task, one of
        `metrics.METRICS`. It may need certain labels, or their order.
      pair: whether its texts (seq2) are read against another one (seq1).

    Raises:
      ValueError: if one of them is not as described.
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
                f"task {self.name}: at least 2 labels are needed, got "
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
        """Refuses other types; labels may be a list."""
        if not isinstance(self.metric, str):
            raise ValueError(
                f"task {self.name}: metric: a text is expected, got "
                f"{self.metric!r:.80}"
            )
        if not isinstance(self.labels, list | tuple) or not all(
            isinstance(label, str) for label in self.labels
        ):
            raise ValueError(
                f"task {self.name}: labels: a list of names is expected, got "
                f"{self.labels!r:.80}"
            )
        object.__setattr__(self, "labels", tuple(self.labels))
        if not isinstance(self.pair, bool):
            raise ValueError(
                f"task {self.name}: pair: True or False is expected, got "
                f"{self.pair!r:.80}"
            )

    def label_index(self, label: str) -> int:
        """Place of `label` in `labels`; a ValueError names the nearest."""
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
    """A prepared corpus: what `corpus.json` in its directory says.

    Attributes:
      data_dir: the directory.
      name: name of the corpus, such as `fdu_mtl`.
      tasks: its tasks, sorted by name (saved weights are stacked by task, so
        that the order has to be one that does not change).
      rows: rows by task name and split.
      declaration: the whole of `corpus.json`.
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
          ValueError: if it is missing, broken, or was changed after it was
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
        # Labels in another order would be other answers, without an error.
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
          names: paths below `data_dir`; None: all that are declared.

        Raises:
          ValueError: if a file is missing or not as it was written.
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
          ValueError: if another one was prepared there since it was read.
        """
        if Corpus.read(self.data_dir).declaration != self.declaration:
            raise ValueError(
                f"{self.data_dir} was prepared again with other data while it "
                "was in use: prepare it as it was, and give the same command "
                "again (for the new data, another run_dir)"
            )

    def select(self, names: Iterable[str]) -> tuple[Task, ...]:
        """The tasks of these names (of all, where `names` is empty)."""
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


def check_names(names: Iterable[str]) -> None:
    """Checks that the names of a corpus' tasks differ by more than case.

    Args:
      names: the names, each once.

    Raises:
      ValueError: if two names are the same but for upper and lower case: on
        the disks of Windows and macOS, their files would be the same.
    """
    seen = {}
    for name in names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise ValueError(
                f"tasks {other} and {name} differ in case alone, and so would "
                "the names of their files: rename one"
            )


def show_name(name: object) -> str:
    """Returns a name for a message, however long and whatever it holds."""
    shown = repr(name)
    if len(shown) > _SHOWN_LENGTH:
        shown = f"{shown[:_SHOWN_LENGTH]}..."
    return shown


def _check_name(name):
    where = f"task name {show_name(name)}"
    if not isinstance(name, str) or not re.fullmatch(
        r"[A-Za-z][A-Za-z0-9_-]*", name
    ):
        raise ValueError(
            f"{where}: letters (A to Z), digits, '_' and '-' are allowed, and "
            "the first has to be a letter"
        )
    if len(name) > MAX_NAME_LENGTH:
        raise ValueError(
            f"{where}: at most {MAX_NAME_LENGTH} characters are allowed, got "
            f"{len(name)}: it becomes part of file names"
        )
    if name.lower() in _DEVICES:
        raise ValueError(
            f"{where}: Windows reserves this name: choose another one"
        )
    if name.lower() == _RUN:
        raise ValueError(
            f"{where}: TensorBoard's logs of the whole run have this name: "
            "choose another one"
        )
