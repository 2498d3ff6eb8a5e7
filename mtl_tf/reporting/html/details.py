"""Details by task: labels, calibration, input texts and examples."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats
from sklearn import metrics

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import calibration
from mtl_tf.reporting.plots import confusion as confusion_lib
from mtl_tf.runs import prediction_files
from mtl_tf.utils import display_names as names_lib


@dataclasses.dataclass(frozen=True)
class LabelScores:
    """A row of the confusion matrix on test, with the label's scores.

    Attributes:
      name: the label, or `display_names.other` for the remaining labels.
      precision: precision; None for a label that is never predicted.
      recall: recall; None for a label without rows.
      f1: F1, which is 0 for a label that is neither in gold nor predicted, as
        in macro F1; None for the remaining labels.
      counts: number of rows of this label by predicted label.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    counts: list[int]

    @property
    def shares(self) -> list[float]:
        """The counts as shares of the label's rows; 0 without rows."""
        return [count / max(1, sum(self.counts)) for count in self.counts]


def label_scores(
    predictions: prediction_files.SavedPredictions, task: tasks_lib.Task
) -> list[LabelScores]:
    """Computes the rows of the confusion matrix, in the order of the labels.

    Of many labels, only the most frequent ones have a row; the last row has all
    remaining labels.

    Args:
      predictions: predictions on test.
      task: their task.
    """
    num_classes = len(task.labels)
    kept, confusion = confusion_lib.count(
        num_classes, predictions.gold, predictions.predicted
    )
    correct, gold, predicted = (
        np.bincount(of_rows, minlength=num_classes).astype(float)
        for of_rows in (
            predictions.gold[predictions.correct],
            predictions.gold,
            predictions.predicted,
        )
    )
    rows = [
        LabelScores(
            task.labels[label],
            correct[label] / predicted[label] if predicted[label] else None,
            correct[label] / gold[label] if gold[label] else None,
            2 * correct[label] / max(1.0, gold[label] + predicted[label]),
            counts.tolist(),
        )
        for label, counts in zip(kept, confusion, strict=False)
    ]
    if len(kept) < num_classes:
        others = names_lib.other(num_classes - len(kept))
        rows.append(
            LabelScores(others, None, None, None, confusion[-1].tolist())
        )
    return rows


@dataclasses.dataclass(frozen=True)
class Confusion:
    """A true label and a wrong prediction for it.

    Attributes:
      gold: the true label.
      predicted: the predicted label.
      count: number of test rows with both.
      num_rows: number of test rows of the true label.
    """

    gold: str
    predicted: str
    count: int
    num_rows: int


def confusions(
    predictions: prediction_files.SavedPredictions,
    task: tasks_lib.Task,
    count: int = 5,
) -> list[Confusion]:
    """Finds the most frequent confusions of labels.

    Args:
      predictions: predictions on test.
      task: their task.
      count: maximum number of confusions.

    Returns:
      The confusions, the most frequent one first; of equally frequent ones,
      that with the larger share of its true label.
    """
    num_classes = len(task.labels)
    counts = metrics.confusion_matrix(
        predictions.gold, predictions.predicted, labels=np.arange(num_classes)
    )
    num_rows = counts.sum(axis=1)
    np.fill_diagonal(counts, 0)
    gold, predicted = np.nonzero(counts)
    found = [
        Confusion(
            task.labels[row],
            task.labels[column],
            int(counts[row, column]),
            int(num_rows[row]),
        )
        for row, column in zip(gold, predicted, strict=True)
    ]
    found.sort(key=lambda x: (-x.count, x.num_rows))
    return found[:count]


@dataclasses.dataclass(frozen=True)
class Calibration:
    """Calibration of a task's probabilities on test.

    Attributes:
      task: name of the task.
      accuracy: accuracy.
      confidence: mean probability of the predicted label.
      error: expected calibration error.
      temperature: temperature fitted on dev.
      scaled_error: expected calibration error with the temperature.
      correct: bool [rows], whether the predicted label is the true one.
      raw: float64 [rows], probability of the predicted label.
      scaled: float64 [rows], that probability with the temperature.
    """

    task: str
    accuracy: float
    confidence: float
    error: float
    temperature: float
    scaled_error: float
    correct: np.ndarray
    raw: np.ndarray
    scaled: np.ndarray


def calibrate(
    task: str,
    dev: prediction_files.SavedPredictions,
    test: prediction_files.SavedPredictions,
) -> Calibration:
    """Fits a temperature on dev, and measures calibration on test with it.

    Args:
      task: name of the task.
      dev: predictions on dev.
      test: predictions on test.
    """
    temperature = calibration.fit_temperature(dev.probabilities, dev.gold)
    scaled = calibration.scale(test.probabilities, temperature)
    return Calibration(
        task=task,
        accuracy=float(test.correct.mean()),
        confidence=float(test.confidence.mean()),
        error=calibration.expected_calibration_error(
            test.probabilities, test.gold
        ),
        temperature=temperature,
        scaled_error=calibration.expected_calibration_error(scaled, test.gold),
        correct=test.correct,
        raw=test.confidence,
        scaled=scaled.max(axis=1),
    )


@dataclasses.dataclass(frozen=True)
class InputStatistics:
    """Statistics of the encoder's input texts of a split.

    Attributes:
      task: name of the task.
      split: `dev` or `test`.
      num_texts: number of texts.
      median_tokens: median number of tokens of a text, after truncation.
      unknown: share of unknown words among all tokens.
      truncated: share of truncated texts.
    """

    task: str
    split: str
    num_texts: int
    median_tokens: float
    unknown: float
    truncated: float


def input_statistics(
    task: str, split: str, predictions: prediction_files.SavedPredictions
) -> InputStatistics:
    """Computes the statistics of the input texts of a split.

    Args:
      task: name of the task.
      split: `dev` or `test`.
      predictions: predictions on the split.
    """
    counts = predictions.counts
    num_unknown, num_tokens = counts["unknown"].sum(), counts["tokens"].sum()
    return InputStatistics(
        task=task,
        split=split,
        num_texts=len(predictions),
        median_tokens=float(np.median(counts["tokens"])),
        unknown=float(num_unknown / max(1, num_tokens)),
        truncated=float((counts["cut"] > 0).mean()),
    )


@dataclasses.dataclass(frozen=True)
class LengthBin:
    """Test texts of a task with similar lengths.

    Attributes:
      shortest: number of tokens of the shortest text.
      longest: number of tokens of the longest text.
      num_texts: number of texts.
      accuracy: share of correct predictions.
    """

    shortest: int
    longest: int
    num_texts: int
    accuracy: float


def accuracy_by_length(
    predictions: prediction_files.SavedPredictions, bins: int = 4
) -> list[LengthBin]:
    """Computes the accuracy by length, in bins of about as many texts.

    Texts of the same length are in the same bin, so there may be fewer bins.

    Args:
      predictions: predictions on test.
      bins: maximum number of bins.

    Returns:
      The bins, those of the shortest texts first.
    """
    tokens = predictions.counts["tokens"]
    # Texts of the same length have the same quantile.
    quantiles = (stats.rankdata(tokens) - 0.5) / len(tokens)
    bin_ids = (quantiles * bins).astype(int)
    return [
        LengthBin(
            shortest=int(tokens[rows].min()),
            longest=int(tokens[rows].max()),
            num_texts=int(rows.sum()),
            accuracy=float(predictions.correct[rows].mean()),
        )
        for rows in (bin_ids == bin_id for bin_id in np.unique(bin_ids))
    ]


@dataclasses.dataclass(frozen=True)
class PredictedLabel:
    """A run's prediction for a text.

    Attributes:
      label: the predicted label.
      probability: its probability.
      correct: whether it is the true label.
    """

    label: str
    probability: float
    correct: bool


@dataclasses.dataclass(frozen=True)
class Example:
    """A test example with the predictions of runs.

    Attributes:
      task: name of the task.
      id: id of the row.
      gold: the true label.
      predictions: predictions by run.
    """

    task: str
    id: str
    gold: str
    predictions: list[PredictedLabel]


def mistakes(
    predictions: prediction_files.SavedPredictions,
    task: tasks_lib.Task,
    count: int = 5,
) -> list[Example]:
    """Selects the wrong predictions of the highest probability.

    Args:
      predictions: predictions on test.
      task: their task.
      count: maximum number of examples.

    Returns:
      The examples, that of the highest probability first.
    """
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return [_example(task, [predictions], row) for row in wrong[order][:count]]


def disagreements(
    runs: Sequence[Sequence[prediction_files.SavedPredictions]],
    task: tasks_lib.Task,
    count: int = 3,
) -> list[tuple[float, Example]]:
    """Selects examples that some runs predict correctly and others do not.

    Args:
      runs: test predictions by run and seed, in the same order of rows. The
        prediction of several seeds is that of their mean probabilities.
      task: their task.
      count: maximum number of examples.

    Returns:
      The examples with the largest range of the true label's probability over
      runs, each with that range; the largest range first.
    """
    means = [_mean(seeds) for seeds in runs]
    correct = np.stack([mean.correct for mean in means])
    rows = np.arange(correct.shape[1])
    gold_probabilities = np.stack(
        [mean.probabilities[rows, mean.gold] for mean in means]
    )
    ranges = np.ptp(gold_probabilities, axis=0)
    mixed = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    order = np.argsort(-ranges[mixed], kind="stable")
    return [
        (float(ranges[row]), _example(task, means, row))
        for row in mixed[order][:count]
    ]


def _mean(seeds):
    """Averages the probabilities of seeds, and predicts from the mean."""
    probabilities = np.mean([seed.probabilities for seed in seeds], axis=0)
    return dataclasses.replace(
        seeds[0],
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
    )


def _example(task, runs, row):
    """Makes the example of a row."""
    return Example(
        task.name,
        str(runs[0].ids[row]),
        task.labels[runs[0].gold[row]],
        [
            PredictedLabel(
                task.labels[run.predicted[row]],
                float(run.confidence[row]),
                bool(run.correct[row]),
            )
            for run in runs
        ],
    )
