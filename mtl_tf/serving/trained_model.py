"""A trained model in a user's hands: texts in, labels and probabilities out."""

import dataclasses
import os
from collections.abc import Mapping, Sequence

import keras
import numpy as np
import tensorflow as tf
from absl import logging

from mtl_tf.data import diversity_features
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import tokenizer
from mtl_tf.data import values
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import calibration
from mtl_tf.models import label_transfer
from mtl_tf.models import multitask_model
from mtl_tf.runs import checkpoints
from mtl_tf.runs import prediction_files
from mtl_tf.runs import run_directory
from mtl_tf.runs import run_parts
from mtl_tf.serving import text_model as text_model_lib
from mtl_tf.utils import arguments
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import suggestions

# A text, or a pair of seq1 and seq2; bytes serve as well.
Text = str | tuple[str, str]


class TrainedModel:
    """The best checkpoint of a run; made by `load`.

    Attributes:
      run: the run.
      tasks: its tasks. One of pairs is of single texts here, where the model
        reads seq2 alone (`sequences=seq2`).
      text_models: by task, the text model that reads it, and its number there.
      temperatures: what scores are divided by, by name of the task and output;
        nothing for a model that is not calibrated.
      transfer_task: name of the task that has a second output,
        `evaluation.LABEL_TRANSFER`; None without a label transfer network, or
        where its phase of training has not begun.
    """

    def __init__(
        self,
        run: run_directory.Run,
        text_models: Mapping[str, tuple[text_model_lib.TextModel, int]],
        temperatures: Mapping[tuple[str, str], float],
        transfer_task: str | None = None,
    ):
        self.run = run
        reads_pairs = run.config.sequences == "both"
        self.tasks = tuple(
            dataclasses.replace(task, pair=task.pair and reads_pairs)
            for task in run.tasks
        )
        self.text_models = dict(text_models)
        self.temperatures = dict(temperatures)
        self.transfer_task = transfer_task

    def task(
        self, name: str, output: str = predictions_lib.MAIN
    ) -> tasks_lib.Task:
        """The task of a name, which has this output.

        Raises:
          ValueError: if there is no such task, or it has no such output, with
            what there is.
        """
        self.run.check_task(name)
        outputs = self.outputs(name)
        if output not in outputs:
            raise ValueError(
                f"{self.run.run_dir}: task {name} has no output {output!r}"
                f"{suggestions.nearest(output, outputs)}, it has "
                f"{' and '.join(outputs)}{self._who_has(output)}"
            )
        return next(task for task in self.tasks if task.name == name)

    def outputs(self, name: str) -> tuple[str, ...]:
        """What answers for a task: the main model, the label transfer network.

        Returns:
          `evaluation.MAIN`, and `evaluation.LABEL_TRANSFER` if the task has it.
        """
        if name == self.transfer_task:
            return (predictions_lib.MAIN, predictions_lib.LABEL_TRANSFER)
        return (predictions_lib.MAIN,)

    def classify(
        self, name: str, output: str, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """Probabilities of the labels of a task, also within a graph.

        Args:
          name: name of the task.
          output: one of its outputs.
          seq1: string [texts], empty for a task of single texts.
          seq2: string [texts].

        Returns:
          float32 [texts, labels of the task].

        Raises:
          ValueError: as `task`.
        """
        labels = len(self.task(name, output).labels)
        model, number = self.text_models[name]
        if output == predictions_lib.MAIN:
            probabilities = model.classify(number, seq1, seq2)
        else:
            probabilities = model.classify_by_transfer(seq1, seq2)
        return probabilities[:, :labels]

    def predict(
        self,
        task: str,
        texts: Sequence[Text],
        output: str = predictions_lib.MAIN,
    ) -> predictions_lib.Predictions:
        """Labels and probabilities of texts.

        Args:
          task: name of the task.
          texts: texts, or pairs (seq1, seq2) for a task of pairs: a list, an
            array of NumPy or a column of pandas.
          output: `main`, what the main model says, or `label_transfer`, what
            the label transfer network says, of the main task of a run that has
            one.

        Raises:
          ValueError: if there is no such task or output, or the task wants
            pairs and does not get them, or the other way round.
        """
        declared = self.task(task, output)
        seq1, seq2 = _split_texts(texts, declared)
        return predictions_lib.Predictions(
            declared, self.classify(task, output, seq1, seq2).numpy()
        )

    def evaluate(
        self,
        task: str,
        texts: Sequence[Text],
        labels: Sequence[str],
        groups: Sequence[str] | None = None,
        output: str = predictions_lib.MAIN,
    ) -> dict[str, float]:
        """Scores on labeled texts: the metrics, `loss` in nats, and `n`.

        Args:
          task: name of the task.
          texts: as in `predict`.
          labels: the true label of each; 5.0 is the label "5".
          groups: the topic of each, for metrics by topic; None, NaN or an empty
            text where there is none.
          output: as in `predict`.

        Raises:
          ValueError: as `predict`, if there are no texts, not as many labels
            or groups, a label that the task does not have, or no groups where
            its metric needs them.
        """
        declared = self.task(task, output)
        texts = arguments.as_list("texts", texts)
        labels = arguments.as_list("labels", labels)
        if len(texts) != len(labels):
            raise ValueError(
                f"{names_lib.counted(len(texts), 'text')}, but "
                f"{names_lib.counted(len(labels), 'label')}"
            )
        groups = [""] * len(texts) if groups is None else groups
        groups = arguments.as_list("groups", groups)
        if len(texts) != len(groups):
            raise ValueError(
                f"{names_lib.counted(len(texts), 'text')}, but "
                f"{names_lib.counted(len(groups), 'group')}"
            )
        gold = [
            values.label_index(f"labels[{place}]", label, declared)
            for place, label in enumerate(labels)
        ]
        groups = [
            values.to_group(f"groups[{place}]", group)
            for place, group in enumerate(groups)
        ]
        answers = self.predict(task, texts, output)
        return predictions_lib.score(
            answers, np.array(gold, np.int64), np.array(groups, str)
        )

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

    def _who_has(self, output):
        """Where to find an output that a task does not have."""
        if output != predictions_lib.LABEL_TRANSFER:
            return ""
        if self.transfer_task:
            return f"; {output} answers for {self.transfer_task} alone"
        if self.run.config.label_transfer == "none":
            return f": it was trained without {output}"
        return f": the phase that trains {output} has not begun"


def load(
    run_dir: str | os.PathLike[str], *, calibrated: bool = False
) -> TrainedModel:
    """Loads the best checkpoint of a run; needs the run directory alone.

    A run that has not ended gives its best checkpoint so far, with a warning.

    Args:
      run_dir: directory of a run. Where each task has a model of its own, they
        are loaded together.
      calibrated: divide the scores of each output of each task by a
        temperature that is fitted to its predictions on dev.

    Raises:
      ValueError: if there is no run, it has no checkpoint, it is several runs
        of different seeds, or of another version of the tokenizer.
    """
    if not isinstance(run_dir, str | os.PathLike):
        raise ValueError(
            f"run_dir={run_dir!r:.80}: expected a path, got "
            f"{type(run_dir).__name__}"
        )
    run_dir = os.path.expanduser(os.fspath(run_dir))
    run = run_directory.Run.read(run_dir)
    tokenizer.check_version(run.corpus.declaration, run_dir)
    if run.config.num_runs > 1:
        raise ValueError(
            f"{run_dir} holds a run of each seed: give one of "
            f"{', '.join(run.parts.values())}"
        )
    if not run_directory.has_ended(run_dir):
        logging.warning(
            "%s: training has not ended; this is its best checkpoint so far",
            run_dir,
        )
    run_parts.check(run)
    # Of one corpus, so that all parts have the same.
    vocabulary = vocabulary_lib.Vocabulary.read(run.vocabulary_path)
    text_models, temperatures, transfer_task = {}, {}, None
    for part_dir in run.parts.values() or [run_dir]:
        part = run_directory.Run.read(part_dir)
        saved = checkpoints.read(part_dir, checkpoints.BEST, ["model", "fit"])
        model = _load_model(part, saved, len(vocabulary))
        # In the phase before, nothing trains a label transfer network.
        if part.config.label_transfer != "none" and saved.parts["fit"]["phase"]:
            transfer_task = part.config.main_task
        if calibrated:
            temperatures |= _fit_temperatures(part)
        text_model = text_model_lib.TextModel(
            part.config,
            part.tasks,
            vocabulary,
            model,
            temperatures,
            _read_diversity(part),
        )
        for number, task in enumerate(part.tasks):
            text_models[task.name] = (text_model, number)
    return TrainedModel(run, text_models, temperatures, transfer_task)


def _fit_temperatures(run):
    """By task and output, the temperature that fits its predictions on dev."""
    outputs = [(task, predictions_lib.MAIN) for task in run.tasks]
    number = _main_task_number(run)
    if number is not None:
        outputs.append((run.tasks[number], predictions_lib.LABEL_TRANSFER))
    temperatures = {}
    for task, output in outputs:
        dev = prediction_files.read(run.run_dir, task, "dev", output)
        temperatures[task.name, output] = calibration.fit_temperature(
            dev.probabilities, dev.gold
        )
    return temperatures


def _read_diversity(run):
    """The diversity features of the main task; None where they are not read."""
    if not run.config.reads_diversity:
        return None
    number = _main_task_number(run)
    return diversity_features.DiversityFeatures.read(
        run.corpus, run.tasks[number].name
    )


def _load_model(
    run: run_directory.Run, saved: checkpoints.Saved, vocabulary_size: int
) -> keras.Model:
    """The model of a run, with the weights of a checkpoint."""

    def fixed(make, **arguments):
        return make(**arguments | {"trainable": False})

    # Whoever puts an export into a model of their own would else train it:
    # gradients that come back through its loops are zeros.
    with tf.variable_creator_scope(fixed):
        model = multitask_model.build(
            run.config,
            tuple(len(task.labels) for task in run.tasks),
            vocabulary_size,
            _main_task_number(run),
        )
    saved.check_tasks(run.tasks)
    values = saved.parts["model"]
    for name, variable in multitask_model.variables_by_path(
        model.weights
    ).items():
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
    seq1, seq2 = [], []
    for place, entry in enumerate(arguments.as_list("texts", texts)):
        parts = ("", entry) if isinstance(entry, str | bytes) else entry
        if not (
            isinstance(parts, tuple | list)
            and len(parts) == 2
            and all(isinstance(part, str | bytes) for part in parts)
        ):
            raise ValueError(
                f"texts[{place}]: expected a text or a pair (seq1, seq2), "
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


def _main_task_number(run):
    return label_transfer.main_task_index(
        run.config, [task.name for task in run.tasks]
    )
