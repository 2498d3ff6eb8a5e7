"""What a page says of each task beyond its score: labels, trust, texts."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy import stats

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import calibration
from mtl_tf.reporting.plots import confusion as confusion_lib
from mtl_tf.runs import prediction_files
from mtl_tf.utils import display_names as names_lib


@dataclasses.dataclass(frozen=True)
class Label:
    """How a label fared on test.

    Attributes:
      name: the label; of those that are not shown by themselves,
        `names.other`.
      precision: share of its predictions that are right; None without any.
      recall: share of its rows that are predicted right; None without any.
      f1: their harmonic mean, 0 of a label that is nowhere, as macro F1 has
        it; None of several labels together.
      counts: rows of this label by predicted label.
    """

    name: str
    precision: float | None
    recall: float | None
    f1: float | None
    counts: list[int]

    @property
    def shares(self) -> list[float]:
        """`counts` as shares of the label's rows; 0 without any."""
        return [count / max(1, sum(self.counts)) for count in self.counts]


def labels(
    predictions: prediction_files.SavedPredictions, task: tasks_lib.Task
) -> list[Label]:
    """Returns the rows of the confusion matrix, in the task's order of labels.

    Of many labels they are the most frequent ones, and all others together.
    """
    count = len(task.labels)
    kept, confusion = confusion_lib.count(
        count, predictions.gold, predictions.predicted
    )
    correct = predictions.gold[predictions.correct]
    correct, gold, predicted = (
        np.bincount(of_rows, minlength=count).astype(float)
        for of_rows in (correct, predictions.gold, predictions.predicted)
    )
    found = [
        Label(
            task.labels[label],
            correct[label] / predicted[label] if predicted[label] else None,
            correct[label] / gold[label] if gold[label] else None,
            2 * correct[label] / max(1.0, gold[label] + predicted[label]),
            counts.tolist(),
        )
        for label, counts in zip(kept, confusion, strict=False)
    ]
    if len(kept) < count:
        others = names_lib.other(count - len(kept))
        found.append(Label(others, None, None, None, confusion[-1].tolist()))
    return found


@dataclasses.dataclass(frozen=True)
class Calibration:
    """How far a task's probabilities can be trusted.

    Attributes:
      task: its name.
      accuracy: on test.
      confidence: mean probability of the predicted label on test.
      error: expected calibration error on test.
      temperature: fitted on dev.
      scaled_error: expected calibration error on test with that temperature.
      right: bool [rows] of test.
      raw: float64 [rows], confidence.
      scaled: float64 [rows], confidence with the temperature.
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
    """Fits the temperature on dev, and looks at test with and without it."""
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
class Reading:
    """What the encoder read of a task's split.

    Attributes:
      task: its name.
      split: `dev` or `test`.
      texts: number of texts.
      median_tokens: median of the tokens read of a text.
      unknown: share of unknown words among all tokens.
      cut: share of texts of which tokens were cut off.
    """

    task: str
    split: str
    texts: int
    median_tokens: float
    unknown: float
    cut: float


def reading(
    task: str, split: str, predictions: prediction_files.SavedPredictions
) -> Reading:
    """What was read of the texts of a split."""
    counts = predictions.counts
    return Reading(
        task,
        split,
        len(predictions),
        float(np.median(counts["tokens"])),
        float(counts["unknown"].sum() / max(1, counts["tokens"].sum())),
        float((counts["cut"] > 0).mean()),
    )


@dataclasses.dataclass(frozen=True)
class LengthGroup:
    """Test texts of a task that are about as long.

    Attributes:
      shortest: fewest tokens.
      longest: most tokens.
      texts: number of texts.
      accuracy: share of right predictions.
    """

    shortest: int
    longest: int
    texts: int
    accuracy: float


def by_length(
    predictions: prediction_files.SavedPredictions, groups: int = 4
) -> list[LengthGroup]:
    """Accuracy by length, in groups of about as many texts, shortest first.

    Texts of a length are in one group, so that there may be fewer groups.
    """
    tokens = predictions.counts["tokens"]
    # From 0 to 1: the middle place of a text's length in the order of lengths.
    place = (stats.rankdata(tokens) - 0.5) / len(tokens)
    group = (place * groups).astype(int)
    return [
        LengthGroup(
            int(tokens[rows].min()),
            int(tokens[rows].max()),
            int(rows.sum()),
            float(predictions.correct[rows].mean()),
        )
        for rows in (group == number for number in np.unique(group))
    ]


@dataclasses.dataclass(frozen=True)
class Answer:
    """What a run answers to a text.

    Attributes:
      label: the predicted label.
      probability: its probability.
      right: whether it is the true one.
    """

    label: str
    probability: float
    correct: bool


@dataclasses.dataclass(frozen=True)
class Example:
    """A test text, by id, with what runs answer.

    Attributes:
      task: name of its task.
      id: id of its row.
      gold: the true label.
      answers: by run.
    """

    task: str
    id: str
    gold: str
    answers: list[Answer]


def mistakes(
    predictions: prediction_files.SavedPredictions,
    task: tasks_lib.Task,
    count: int = 5,
) -> list[Example]:
    """Wrong predictions of the highest probability, the worst first."""
    wrong = np.flatnonzero(~predictions.correct)
    order = np.argsort(-predictions.confidence[wrong], kind="stable")
    return [_example(task, [predictions], row) for row in wrong[order][:count]]


def disagreements(
    runs: Sequence[Sequence[prediction_files.SavedPredictions]],
    task: tasks_lib.Task,
    count: int = 3,
) -> list[tuple[float, Example]]:
    """Texts that some runs answer rightly and others wrongly.

    Args:
      runs: test predictions of the seeds of each run, of the same rows. The
        answer of several seeds is that of their mean probabilities.
      task: their task.
      count: how many, at most.

    Returns:
      Those for which the probabilities of the true label are furthest apart,
      with that distance, the furthest first.
    """
    means = [_mean(seeds) for seeds in runs]
    correct = np.stack([mean.correct for mean in means])
    rows = np.arange(correct.shape[1])
    of_gold = np.stack([m.probabilities[rows, m.gold] for m in means])
    apart = np.ptp(of_gold, axis=0)
    mixed = np.flatnonzero(correct.any(axis=0) & ~correct.all(axis=0))
    order = np.argsort(-apart[mixed], kind="stable")
    return [
        (float(apart[row]), _example(task, means, row))
        for row in mixed[order][:count]
    ]


def _mean(seeds):
    """Predictions of the mean probabilities."""
    probabilities = np.mean([seed.probabilities for seed in seeds], axis=0)
    return dataclasses.replace(
        seeds[0],
        probabilities=probabilities,
        predicted=probabilities.argmax(axis=1),
    )


def _example(task, runs, row):
    return Example(
        task.name,
        str(runs[0].ids[row]),
        task.labels[runs[0].gold[row]],
        [
            Answer(
                task.labels[run.predicted[row]],
                float(run.confidence[row]),
                bool(run.correct[row]),
            )
            for run in runs
        ],
    )
