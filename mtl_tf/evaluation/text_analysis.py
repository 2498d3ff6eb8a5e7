"""Probabilities and activations of a model for one text, word by word.

Liu et al. 2017, Figure 5: the predicted probability as the text unfolds, and
the activations of neurons, which are elements of the encoders' states.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

# Number of neurons of an encoder that are shown.
SHOWN_NEURONS = 8
# Significant digits of numbers in files.
_DIGITS = 5


@dataclasses.dataclass(frozen=True)
class Neurons:
    """Activations of some neurons of an encoder.

    Attributes:
      indices: indices of the neurons among the features of a state.
      activations: float [words, neurons].
      num_neurons: number of neurons of the encoder.
      is_given: whether the user chose them; otherwise they are those that vary
        most over the text.
    """

    indices: tuple[int, ...]
    activations: np.ndarray
    num_neurons: int
    is_given: bool = False

    def describe(self) -> str:
        """Describes how the neurons were chosen."""
        number = len(self.indices)
        if self.is_given:
            return f"{number} of {self.num_neurons} neurons"
        return (
            f"the {number} of {self.num_neurons} neurons that vary most over "
            "the text"
        )


@dataclasses.dataclass(frozen=True)
class TextAnalysis:
    """Probabilities and activations at each word of a text.

    Attributes:
      task: name of the task.
      labels: its labels.
      seq1: the first text of a pair; "" if the model reads none.
      words: tokens of the text.
      unknown: whether each word is out of vocabulary, bool [words].
      probabilities: float [words, num_classes], predicted for the text up to
        and including each word.
      neurons: neurons by encoder, `shared` or `private`; empty for an encoder
        without states.
    """

    task: str
    labels: tuple[str, ...]
    seq1: str
    words: tuple[str, ...]
    unknown: tuple[bool, ...]
    probabilities: np.ndarray
    neurons: dict[str, Neurons]

    @property
    def predicted(self) -> str:
        """Most probable label of the whole text."""
        return self.labels[int(self.probabilities[-1].argmax())]

    @property
    def only_label(self) -> str:
        """The label whose probability is drawn, the last of two; else ""."""
        return self.labels[-1] if len(self.labels) == 2 else ""

    def of_label(self, label: str) -> list[float]:
        """Returns the probability of a label at each word."""
        return self.probabilities[:, self.labels.index(label)].tolist()

    def curves(self) -> dict[str, list[float]]:
        """Returns the probabilities to draw, by label.

        Returns:
          The last label of two, or all labels of a task with more.
        """
        shown = (self.only_label,) if self.only_label else self.labels
        return {label: self.of_label(label) for label in shown}

    def to_dict(self) -> dict:
        """Returns the analysis in types of JSON."""
        return {
            **{
                name: getattr(self, name)
                for name in ("task", "labels", "seq1", "words", "unknown")
            },
            "probabilities": _rounded(self.probabilities),
            "neurons": {
                name: {
                    **dataclasses.asdict(neurons),
                    "activations": _rounded(neurons.activations),
                }
                for name, neurons in self.neurons.items()
            },
        }

    @classmethod
    def from_dict(cls, values: Mapping) -> "TextAnalysis":
        """Inverts `to_dict`."""
        sequences = ("labels", "words", "unknown")
        return cls(
            **{
                **values,
                **{name: tuple(values[name]) for name in sequences},
                "probabilities": np.array(values["probabilities"]),
                "neurons": {
                    name: Neurons(
                        **{
                            **neurons,
                            "indices": tuple(neurons["indices"]),
                            "activations": np.array(neurons["activations"]),
                        }
                    )
                    for name, neurons in values["neurons"].items()
                },
            }
        )


def most_variable_neurons(states: np.ndarray) -> Neurons:
    """Selects the neurons that vary most over a text.

    Args:
      states: float32 [words, neurons], states of an encoder.

    Returns:
      The neurons of the largest standard deviations, the largest first.
    """
    deviation = states.std(axis=0)
    indices = np.argsort(-deviation, kind="stable")[:SHOWN_NEURONS]
    return Neurons(tuple(indices.tolist()), states[:, indices], states.shape[1])


def given_neurons(
    states: np.ndarray, indices: tuple[int, ...], encoder: str
) -> Neurons:
    """Selects the neurons that a user chose.

    Args:
      states: float32 [words, neurons], states of an encoder.
      indices: indices of the neurons.
      encoder: name of the encoder.

    Raises:
      ValueError: if there is no such neuron.
    """
    for index in indices:
        if index >= states.shape[1]:
            raise ValueError(
                f"neurons={encoder}:{index}: expected an index from 0 to "
                f"{states.shape[1] - 1}, as the {encoder} encoder has "
                f"{states.shape[1]} neurons"
            )
    return Neurons(
        indices, states[:, list(indices)], states.shape[1], is_given=True
    )


def _rounded(array):
    """Returns an array as nested lists of rounded numbers."""
    return [[float(f"{x:.{_DIGITS}g}") for x in row] for row in array]
