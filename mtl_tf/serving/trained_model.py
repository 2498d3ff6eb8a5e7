"""Trained models: prediction and evaluation of texts."""

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
from mtl_tf.serving import text_pairs
from mtl_tf.utils import arguments
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import suggestions

# A text, or a pair of seq1 and seq2; bytes are accepted too.
Text = str | tuple[str, str]


class TrainedModel:
    """Model of a run's best checkpoint, made by `load`.

    Attributes:
      run: the run.
      tasks: tasks of the run. With `sequences=seq2` a task of pairs is a task
        of single texts here, as the model reads seq2 alone.
      text_models: text model and task id there, by task name.
      temperatures: divisors of logits by task name and output; empty for a
        model that is not calibrated.
      transfer_task: name of the task with a second output,
        `predictions.LABEL_TRANSFER`; None without a label transfer network, or
        before its phase of training.
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
        """Returns the task of a name.

        Args:
          name: name of the task.
          output: an output that the task must have.

        Raises:
          ValueError: if there is no such task, or it has no such output; it
            lists those that exist.
        """
        self.run.check_task(name)
        outputs = self.outputs(name)
        if output not in outputs:
            raise ValueError(
                f"{self.run.run_dir}: task {name} has no output {output!r}"
                f"{suggestions.nearest(output, outputs)}, it has "
                f"{' and '.join(outputs)}{self._explain_missing(output)}"
            )
        return next(task for task in self.tasks if task.name == name)

    def outputs(self, name: str) -> tuple[str, ...]:
        """Returns the outputs of a task.

        Args:
          name: name of the task.

        Returns:
          `predictions.MAIN`, and `predictions.LABEL_TRANSFER` for the main task
          of a label transfer network.
        """
        if name == self.transfer_task:
            return (predictions_lib.MAIN, predictions_lib.LABEL_TRANSFER)
        return (predictions_lib.MAIN,)

    def classify(
        self, name: str, output: str, seq1: tf.Tensor, seq2: tf.Tensor
    ) -> tf.Tensor:
        """Computes label probabilities, eagerly or in a graph.

        Args:
          name: name of the task.
          output: one of its outputs.
          seq1: string [texts], empty strings for a task of single texts.
          seq2: string [texts].

        Returns:
          float32 [texts, labels of the task].

        Raises:
          ValueError: as `task`.
        """
        num_classes = len(self.task(name, output).labels)
        model, task_id = self.text_models[name]
        if output == predictions_lib.MAIN:
            probabilities = model.classify(task_id, seq1, seq2)
        else:
            probabilities = model.classify_by_transfer(seq1, seq2)
        return probabilities[:, :num_classes]

    def predict(
        self,
        task: str,
        texts: Sequence[Text],
        output: str = predictions_lib.MAIN,
    ) -> predictions_lib.Predictions:
        """Predicts labels and probabilities of texts.

        Args:
          task: name of the task.
          texts: texts, or pairs (seq1, seq2) for a task of pairs, as a list, a
            NumPy array or a pandas column.
          output: `main` for the main model, or `label_transfer` for the label
            transfer network, which predicts for the main task of its run.

        Returns:
          The predictions, in the order of the texts.

        Raises:
          ValueError: if there is no such task or output, or if a task of pairs
            gets single texts or vice versa.
        """
        declared = self.task(task, output)
        seq1, seq2 = text_pairs.split(texts, declared)
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
        """Evaluates predictions on labeled texts.

        Args:
          task: name of the task.
          texts: as in `predict`.
          labels: gold label of each text; 5.0 is the label "5".
          groups: topic of each text, for metrics by topic; None, NaN or an
            empty string for none.
          output: as in `predict`.

        Returns:
          The metrics, `loss` in nats, and `n`, the number of texts.

        Raises:
          ValueError: as `predict`; also if there are no texts, the numbers of
            labels or groups differ, a label is unknown, or groups are missing
            that the metric needs.
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
            values.label_index(f"labels[{index}]", label, declared)
            for index, label in enumerate(labels)
        ]
        groups = [
            values.to_group(f"groups[{index}]", group)
            for index, group in enumerate(groups)
        ]
        predictions = self.predict(task, texts, output)
        return predictions_lib.score(
            predictions, np.array(gold, np.int64), np.array(groups, str)
        )

    def encode(self, texts: Sequence[Text]) -> np.ndarray:
        """Computes the features of the shared encoder.

        Args:
          texts: texts, or pairs (seq1, seq2).

        Returns:
          float32 [texts, features].

        Raises:
          ValueError: if the model has no shared encoder.
        """
        model, _ = next(iter(self.text_models.values()))
        if model.features_dim is None:
            raise ValueError(
                f"{self.run.run_dir} is a single-task model: it has no shared "
                "encoder"
            )
        seq1, seq2 = text_pairs.split(texts)
        return model.encode(seq1, seq2).numpy()

    def _explain_missing(self, output):
        """Explains why a task does not have an output."""
        if output != predictions_lib.LABEL_TRANSFER:
            return ""
        if self.transfer_task:
            return f"; {output} is an output of {self.transfer_task} alone"
        if self.run.config.label_transfer == "none":
            return f": it was trained without {output}"
        return f": the phase that trains {output} has not started"


def load(
    run_dir: str | os.PathLike[str], *, calibrated: bool = False
) -> TrainedModel:
    """Loads the best checkpoint of a run.

    If training has not ended, it loads the best checkpoint so far and logs a
    warning. Only the run directory is needed, not the corpus.

    Args:
      run_dir: directory of a run. Single-task models of a run are loaded
        together.
      calibrated: whether to divide the logits of each output of each task by a
        temperature fitted to its predictions on dev.

    Raises:
      ValueError: if there is no run, it has no checkpoint, it consists of runs
        with different seeds, or it was made by another version of the
        tokenizer.
    """
    run = _read_run(run_dir)
    # All parts share the corpus, and so the vocabulary.
    vocabulary = vocabulary_lib.Vocabulary.read(run.vocabulary_path)
    text_models, transfer_task = {}, None
    temperatures: dict[tuple[str, str], float] = {}
    for part_dir in run.parts.values() or [run.run_dir]:
        part = run_directory.Run.read(part_dir)
        saved = checkpoints.read(part_dir, checkpoints.BEST, ["model", "loop"])
        model = _load_model(part, saved, len(vocabulary))
        # The first phase does not train the label transfer network.
        if (
            part.config.label_transfer != "none"
            and saved.parts["loop"]["phase"]
        ):
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
        for task_id, task in enumerate(part.tasks):
            text_models[task.name] = (text_model, task_id)
    return TrainedModel(run, text_models, temperatures, transfer_task)


def _read_run(run_dir):
    """Reads a run of one seed, and checks that it can be loaded."""
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
            f"{run_dir} contains a run for each seed: choose one of "
            f"{', '.join(run.parts.values())}"
        )
    if not run_directory.has_ended(run_dir):
        logging.warning(
            "%s: training has not ended; using its best checkpoint so far",
            run_dir,
        )
    run_parts.check(run)
    return run


def _fit_temperatures(run):
    """Fits a temperature to dev predictions, by task name and output."""
    outputs = [(task, predictions_lib.MAIN) for task in run.tasks]
    main_task = _main_task_index(run)
    if main_task is not None:
        outputs.append((run.tasks[main_task], predictions_lib.LABEL_TRANSFER))
    temperatures = {}
    for task, output in outputs:
        dev = prediction_files.read(run.run_dir, task, "dev", output)
        temperatures[task.name, output] = calibration.fit_temperature(
            dev.probabilities, dev.gold
        )
    return temperatures


def _read_diversity(run):
    """Reads the diversity features of the main task; None if not used."""
    if not run.config.reads_diversity:
        return None
    main_task = run.tasks[_main_task_index(run)]
    return diversity_features.DiversityFeatures.read(run.corpus, main_task.name)


def _load_model(
    run: run_directory.Run,
    saved: checkpoints.CheckpointValues,
    vocabulary_size: int,
) -> keras.Model:
    """Builds the model of a run with the weights of a checkpoint."""

    def freeze(create, **arguments):
        return create(**arguments | {"trainable": False})

    # The packed form runs everywhere: an export may be served on a CPU.
    config = dataclasses.replace(run.config, recurrence="packed")
    # A Keras model that contains an export must not update its weights: their
    # gradients through its loops are zeros.
    with tf.variable_creator_scope(freeze):
        model = multitask_model.build(
            config,
            tuple(len(task.labels) for task in run.tasks),
            vocabulary_size,
            _main_task_index(run),
            tasks_lib.label_ids(run.tasks),
        )
    saved.check_tasks(run.tasks)
    multitask_model.assign(model, saved.parts["model"], saved.path)
    return model


def _main_task_index(run):
    return label_transfer.main_task_index(
        run.config, [task.name for task in run.tasks]
    )
