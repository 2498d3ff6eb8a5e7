"""Whether probabilities mean what they say (Guo et al., ICML 2017)."""

import dataclasses

import numpy as np
from scipy import optimize

# Files of predictions may hold a probability of 0, which has no logarithm.
_SMALLEST = 1e-12
# Temperatures between which `fit_temperature` looks: where every answer is
# right, the likelihood would lead it to 0, where the model knows nothing, to
# infinity.
_COLDEST, _HOTTEST = 0.05, 20.0


@dataclasses.dataclass(frozen=True)
class Reliability:
    """Confidence and accuracy by bin of the confidence.

    Attributes:
      confidence: float64 [bins], mean probability of the predicted label; nan
        in a bin without rows.
      accuracy: float64 [bins], share of right predictions; nan likewise.
      count: int64 [bins], rows.
    """

    confidence: np.ndarray
    accuracy: np.ndarray
    count: np.ndarray


def fit_temperature(probabilities: np.ndarray, gold: np.ndarray) -> float:
    """The temperature T > 0 that fits gold labels best (Guo et al., 4.2).

    It minimizes the negative log-likelihood of softmax(log p / T), between
    0.05 and 20. It is to be fitted on other rows than it is used on.

    Args:
      probabilities: float64 [rows, labels].
      gold: int [rows], indices of the true labels.

    Raises:
      ValueError: if there are no rows.
    """
    _check_rows(gold)
    rows = np.arange(len(gold))

    def loss(log_temperature):
        scaled = scale(probabilities, np.exp(log_temperature))
        return -np.log(np.maximum(scaled[rows, gold], _SMALLEST)).mean()

    found = optimize.minimize_scalar(
        loss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
    )
    return float(np.exp(found.x))


def scale(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """softmax(log p / T): flatter for T > 1, sharper for T < 1.

    Args:
      probabilities: float64 [rows, labels].
      temperature: T, above 0.

    Returns:
      float64 [rows, labels].
    """
    scores = np.log(np.maximum(probabilities, _SMALLEST)) / temperature
    scores = np.exp(scores - scores.max(axis=1, keepdims=True))
    return scores / scores.sum(axis=1, keepdims=True)


def reliability(
    probabilities: np.ndarray, gold: np.ndarray, bins: int = 15
) -> Reliability:
    """Confidence and accuracy in bins of equal width (Guo et al., section 2).

    Bin m of M holds confidences in ((m - 1) / M, m / M].

    Args:
      probabilities: float64 [rows, labels].
      gold: int [rows], indices of the true labels.
      bins: M.

    Raises:
      ValueError: if there are no rows.
    """
    return reliability_of(
        probabilities.max(axis=1), probabilities.argmax(axis=1) == gold, bins
    )


def reliability_of(
    confidence: np.ndarray, correct: np.ndarray, bins: int = 15
) -> Reliability:
    """The same from confidences, for rows of tasks with different labels.

    Args:
      confidence: float64 [rows], probability of the predicted label.
      correct: bool [rows], whether it is the true one.
      bins: number of bins.

    Raises:
      ValueError: if there are no rows.
    """
    _check_rows(correct)
    edges = np.linspace(0, 1, bins + 1)[1:-1]
    place = np.digitize(confidence, edges, right=True)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        return Reliability(
            np.bincount(place, confidence, bins) / count,
            np.bincount(place, correct, bins) / count,
            count,
        )


def expected_calibration_error(
    probabilities: np.ndarray, gold: np.ndarray, bins: int = 15
) -> float:
    """Mean gap between confidence and accuracy (Guo et al., Eq. 3).

    Args:
      probabilities: float64 [rows, labels].
      gold: int [rows], indices of the true labels.
      bins: number of bins.

    Raises:
      ValueError: if there are no rows.
    """
    found = reliability(probabilities, gold, bins)
    full = found.count > 0
    gaps = np.abs(found.accuracy[full] - found.confidence[full])
    return float(np.average(gaps, weights=found.count[full]))


def _check_rows(rows):
    if not len(rows):
        raise ValueError("calibration needs at least one row")
