"""The order of labels that are not declared."""

from collections.abc import Iterable

from mtl_tf.data import values as values_lib

# Usual labels from low to high, or from no to yes.
_SCALES = (
    ("no", "yes"),
    ("no", "maybe", "yes"),
    ("no", "unknown", "yes"),
    ("false", "true"),
    ("negative", "neutral", "positive"),
    ("neg", "neu", "pos"),
    (
        *("very negative", "negative", "neutral", "positive"),
        "very positive",
    ),
    ("against", "none", "favor"),
    ("contradiction", "neutral", "entailment"),
    ("unrelated", "discuss", "disagree", "agree"),
    ("disagree", "neutral", "agree"),
    ("bad", "good"),
    ("low", "medium", "high"),
    ("very low", "low", "medium", "high", "very high"),
    ("ham", "spam"),
    ("real", "fake"),
    ("none", "mild", "moderate", "severe"),
    ("never", "rarely", "sometimes", "often", "always"),
)


def in_order(labels: Iterable[str]) -> list[str]:
    """Sorts labels: numbers by value, usual scales from low to high.

    Args:
      labels: the names, all different.

    Returns:
      The labels; others than numbers and scales are sorted by letters.
    """
    labels = list(labels)
    if are_numbers(labels):
        return sorted(labels, key=float)
    by_fold = {label.strip().casefold(): label for label in labels}
    for scale in _SCALES:
        if len(by_fold) == len(labels) and set(by_fold) <= set(scale):
            return [by_fold[x] for x in scale if x in by_fold]
    return sorted(labels, key=lambda x: (x.casefold(), x))


def are_numbers(labels: Iterable[str]) -> bool:
    """Returns whether all labels are whole numbers."""
    return all(values_lib.whole_number(label) is not None for label in labels)
