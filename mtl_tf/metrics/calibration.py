"""Calibration of predicted probabilities (Guo et al., ICML 2017)."""

import dataclasses

import numpy as np
from scipy import optimize
from scipy import special

# Prediction files may hold a probability of 0, which has no logarithm.
_MIN_PROBABILITY = 1e-12
# Bounds of `fit_temperature`. Without them the likelihood would drive the
# temperature to 0 where every prediction is correct, and to infinity where the
# model is no better than chance.
_MIN_TEMPERATURE, _MAX_TEMPERATURE = 0.05, 20.0


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy by bin of the confidence.

    Attributes:
      confidence: float64 [bins], mean probability of the predicted label; nan
        for an empty bin.
      accuracy: float64 [bins], share of correct predictions; nan for an empty
        bin.
      count: int64 [bins], number of rows.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def fit_temperature(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """Fits the temperature T > 0 to the gold labels (Guo et al., section 4.2).

    Minimizes the negative log-likelihood of softmax(log p / T) for T between
    0.05 and 20. Fit it on held-out rows, not on those it is applied to.

    Args:
      probabilities: float64 [rows, num_classes].
      gold: int [rows], indices of the true labels.

    Returns:
      T.

    Raises:
      ValueError: if there are no rows.
    """
    _check_rows(gold)
    rows = np.arange(len(gold))

    def loss(log_temperature):
        scaled = scale(probabilities, np.exp(log_temperature))
        return -np.log(np.maximum(scaled[rows, gold], _MIN_PROBABILITY)).mean()

    optimum = optimize.minimize_scalar(
        loss,
        bounds=(np.log(_MIN_TEMPERATURE), np.log(_MAX_TEMPERATURE)),
        method="bounded",
    )
    return float(np.exp(optimum.x))


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """Computes softmax(log p / T): flatter for T > 1, sharper for T < 1.

    Args:
      probabilities: float64 [rows, num_classes].
      temperature: T, above 0.

    Returns:
      float64 [rows, num_classes].
    """
    logits = np.log(np.maximum(probabilities, _MIN_PROBABILITY)) / temperature
    return special.softmax(logits, axis=1)


def reliability(
    probabilities: np.ndarray, gold: np.ndarray, bins: int = 15
) -> Reliability:
    """Computes confidence and accuracy in bins of equal size.

    Bin m of M holds confidences in ((m - 1) / M, m / M] (Guo et al., section
    2).

    Args:
      probabilities: float64 [rows, num_classes].
      gold: int [rows], indices of the true labels.
      bins: M.

    Returns:
      The reliability by bin.

    Raises:
      ValueError: if there are no rows.
    """
    return reliability_from_confidence(
        probabilities.max(axis=1), probabilities.argmax(axis=1) == gold, bins
    )


def reliability_from_confidence(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> Reliability:
    """Computes `reliability` for rows of tasks with different label sets.

    Args:
      confidence: float64 [rows], probability of the predicted label.
      correct: bool [rows], whether the predicted label is the true one.
      bins: number of bins.

    Returns:
      The reliability by bin.

    Raises:
      ValueError: if there are no rows.
    """
    _check_rows(correct)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    bin_ids = np.digitize(confidence, edges, right=True)
    count = np.bincount(bin_ids, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            confidence=np.bincount(bin_ids, confidence, bins) / count,
            accuracy=np.bincount(bin_ids, correct, bins) / count,
            count=count,
        )


def expected_calibration_error(
    probabilities: np.ndarray, gold: np.ndarray, bins: int = 15
) -> float:
    """Computes the mean gap of confidence and accuracy (Guo et al., Eq. 3).

    Args:
      probabilities: float64 [rows, num_classes].
      gold: int [rows], indices of the true labels.
      bins: number of bins.

    Returns:
      The error, between 0 and 1.

    Raises:
      ValueError: if there are no rows.
    """
    by_bin = reliability(probabilities, gold, bins)
    nonempty = by_bin.count > 0
    gaps = np.abs(by_bin.accuracy[nonempty] - by_bin.confidence[nonempty])
    return float(np.average(gaps, weights=by_bin.count[nonempty]))


def _check_rows(rows):
    """Raises a ValueError if there are no rows."""
    if not len(rows):
        raise ValueError("calibration needs at least one row, got 0")
