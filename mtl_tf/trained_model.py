"""A trained model in a user's hands: texts in, labels and probabilities out."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from mtl_tf import calibration
from mtl_tf import checkpoints
from mtl_tf import metrics
from mtl_tf import models
from mtl_tf import prediction_files
from mtl_tf import run_directory
from mtl_tf import serving
from mtl_tf import tasks as tasks_lib
from mtl_tf import text

# A text, or a pair of seq1 and seq2; bytes serve as well.
Text = str | tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Answers:
    """What a model says of texts.

    Attributes:
      task: the task that was asked about.
      probabilities: float32 [texts, labels of the task], in their order.
    """

    task: tasks_lib.Task
    probabilities: np.ndarray

    @property
    def labels(self) -> list[str]:
        """The most probable label of each text."""
        best = self.probabilities.argmax(axis=1)
        return [self.task.labels[label] for label in best]

    def __len__(self) -> int:
        return len(self.probabilities)

    def __iter__(self) -> Iterator[dict]:
        """Of each text: `task`, `predicted`, `probabilities` by label."""
        for label, row in zip(self.labels, self.probabilities, strict=True):
            yield {
                "task": self.task.name,
                "predicted": label,
                "probabilities": {
                    name: float(f"{probability:.6g}")
                    for name, probability in zip(
                        self.task.labels, row, strict=True
                    )
                },
            }


class TrainedModel:
    """The best checkpoint of a run; made by `load`.

    Attributes:
      run: the run.
      tasks: its tasks. One of pairs is of single texts here, where the model
        reads seq2 alone (`sequences=seq2`).
      text_models: by task, the text model that reads it, and its number there.
      temperatures: what the scores of each task are divided by, by its name;
        nothing for a model that is not calibrated.
    """

    def __init__(
        self,
        run: run_directory.Run,
        text_models: Mapping[str, tuple[serving.TextModel, int]],
        temperatures: Mapping[str, float],
    ):
        self.run = run
        reads_pairs = run.config.sequences == "both"
        self.tasks = tuple(
            dataclasses.replace(task, pair=task.pair and reads_pairs)
            for task in run.tasks
        )
        self.text_models = dict(text_models)
        self.temperatures = dict(temperatures)

    def task(self, name: str) -> tasks_lib.Task:
        """The task of a name; a ValueError says which there are."""
        for task in self.tasks:
            if task.name == name:
                return task
        raise ValueError(
            f"{self.run.run_dir} has no task {name!r}"
            f"{tasks_lib.nearest(name, self.text_models)}; its tasks are "
            f"{', '.join(self.text_models)}"
        )

    def predict(self, task: str, texts: Sequence[Text]) -> Answers:
        """Labels and probabilities of texts.

        Args:
          task: name of the task.
          texts: texts, or pairs (seq1, seq2) for a task of pairs.

        Raises:
          ValueError: if there is no such task, or it wants pairs and does not
            get them, or the other way round.
        """
        declared = self.task(task)
        seq1, seq2 = _split_texts(texts, declared)
        model, number = self.text_models[task]
        probabilities = model.classify(number, seq1, seq2).numpy()
        return Answers(declared, probabilities[:, : len(declared.labels)])

    def evaluate(
        self,
        task: str,
        texts: Sequence[Text],
        labels: Sequence[str],
        groups: Sequence[str] | None = None,
    ) -> dict[str, float]:
        """Scores on labelled texts: the metrics, `loss` in nats, and `n`.

        Args:
          task: name of the task.
          texts: as in `predict`.
          labels: the true label of each.
          groups: the topic of each, for metrics by topic.

        Raises:
          ValueError: as `predict`, if there are no texts, not as many labels
            or groups, a label that the task does not have, or no groups where
            its metric needs them.
        """
        declared = self.task(task)
        if len(texts) != len(labels):
            raise ValueError(f"{len(texts)} texts, but {len(labels)} labels")
        groups = [""] * len(texts) if groups is None else groups
        if len(texts) != len(groups):
            raise ValueError(f"{len(texts)} texts, but {len(groups)} groups")
        gold = np.array([declared.label_index(x) for x in labels], np.int64)
        return score(self.predict(task, texts), gold, np.array(groups, str))

    def encode(self, texts: Sequence[Text]) -> np.ndarray:
        """Features of the shared encoder, float32 [texts, width].

        Args:
          texts: texts, or pairs (seq1, seq2).

        Raises:
          ValueError: if the model has no shared encoder.
        """
        model, _ = next(iter(self.text_models.values()))
        if model.encoder_width is None:
            raise ValueError(
                f"{self.run.run_dir} is a single-task model: it has no shared "
                "encoder"
            )
        seq1, seq2 = _split_texts(texts)
        return model.encode(seq1, seq2).numpy()


def load(run_dir: str, *, calibrated: bool = False) -> TrainedModel:
    """Loads the best checkpoint of a run; needs the run directory alone.

    A run that has not ended gives its best checkpoint so far, with a warning.

    Args:
      run_dir: directory of a run. Where each task has a model of its own, they
        are loaded together.
      calibrated: divide the scores of each task by a temperature that is
        fitted to its predictions on dev.

    Raises:
      ValueError: if there is no run, it has no checkpoint, or it is several
        runs of different seeds.
    """
    run = run_directory.Run.read(run_dir)
    if run.config.seeds > 1:
        raise ValueError(
            f"{run_dir} holds a run of each seed: give one of "
            f"{', '.join(run.parts.values())}"
        )
    if not run_directory.has_ended(run_dir):
        logging.warning(
            "%s: training has not ended; this is its best checkpoint so far",
            run_dir,
        )
    # Of one corpus, so that all parts have the same.
    vocabulary = text.Vocabulary.read(run.vocabulary_path)
    text_models, temperatures = {}, {}
    for part_dir in run.parts.values() or [run_dir]:
        part = run_directory.Run.read(part_dir)
        model = _load_model(part, len(vocabulary))
        if calibrated:
            temperatures |= _fit_temperatures(part)
        text_model = serving.TextModel(
            part.config, part.tasks, vocabulary, model, temperatures
        )
        for number, task in enumerate(part.tasks):
            text_models[task.name] = (text_model, number)
    return TrainedModel(run, text_models, temperatures)


def score(
    answers: Answers, gold: np.ndarray, groups: np.ndarray
) -> dict[str, float]:
    """The task's metrics, `loss` (mean cross-entropy, nats), and `n`.

    Args:
      answers: what the model says.
      gold: int [texts], indices of the true labels.
      groups: str [texts], empty where a text has no topic.

    Raises:
      ValueError: if there are no texts, or no groups where the task's metric
        needs them.
    """
    task = answers.task
    predicted = answers.probabilities.argmax(axis=1)
    scores = metrics.compute(task.metric, task.labels, gold, predicted, groups)
    right = answers.probabilities[np.arange(len(gold)), gold]
    smallest = np.finfo(np.float32).tiny
    loss = -np.log(np.maximum(right, smallest, dtype=np.float64)).mean()
    return {**scores, "loss": float(loss), "n": len(gold)}


def _fit_temperatures(run: run_directory.Run) -> dict[str, float]:
    """By task, the temperature that fits its predictions on dev."""
    temperatures = {}
    for task in run.tasks:
        dev = prediction_files.read(run.run_dir, task, "dev")
        temperatures[task.name] = calibration.fit_temperature(
            dev.probabilities, dev.gold
        )
    return temperatures


def _load_model(run: run_directory.Run, vocabulary_size: int) -> keras.Model:
    """The model of a run, with the weights of its best checkpoint."""

    def fixed(make, **arguments):
        return make(**arguments | {"trainable": False})

    # Whoever puts an export into a model of their own would else train it:
    # gradients that come back through its loops are zeros.
    with tf.variable_creator_scope(fixed):
        model = models.build(
            run.config,
            tuple(len(task.labels) for task in run.tasks),
            vocabulary_size,
        )
    saved = checkpoints.read(run.run_dir, checkpoints.BEST, ["model"])
    names = tuple(task.name for task in run.tasks)
    if saved.task_names != names:
        raise ValueError(
            f"{saved.path} is of the tasks {', '.join(saved.task_names)}, "
            f"{run_directory.CONFIG_FILE} says {', '.join(names)}"
        )
    values = saved.parts["model"]
    for name, variable in models.variables_by_path(model.weights).items():
        if name not in values or values[name].shape != variable.shape:
            raise ValueError(
                f"{saved.path} is of another model: {name} "
                + (
                    f"has the shape {values[name].shape}, not {variable.shape}"
                    if name in values
                    else "is missing"
                )
            )
        variable.assign(values[name])
    return model


def _split_texts(texts, task=None):
    """Of texts or pairs: seq1 and seq2, string [texts] each.

    Args:
      texts: texts or pairs.
      task: the task that says which of both; either will do if None.
    """
    if isinstance(texts, str | bytes):
        raise ValueError("texts: a list of texts is expected, got one text")
    seq1, seq2 = [], []
    for place, entry in enumerate(texts):
        parts = ("", entry) if isinstance(entry, str | bytes) else entry
        if not (
            isinstance(parts, tuple | list)
            and len(parts) == 2
            and all(isinstance(part, str | bytes) for part in parts)
        ):
            raise ValueError(
                f"texts[{place}]: a text or a pair (seq1, seq2) is expected, "
                f"got {entry!r:.80}"
            )
        if task is not None and task.pair == (parts is not entry):
            raise ValueError(
                f"texts[{place}]: task {task.name} is of "
                + ("pairs (seq1, seq2)" if task.pair else "single texts")
                + f", got {entry!r:.80}"
            )
        seq1.append(_to_bytes(parts[0]))
        seq2.append(_to_bytes(parts[1]))
    return tf.constant(seq1, tf.string), tf.constant(seq2, tf.string)


def _to_bytes(text):
    """UTF-8; halves of characters, as JSON may hold, become broken bytes."""
    if isinstance(text, bytes):
        return text
    return text.encode("utf-8", "surrogatepass")
