"""Words that excite the neurons of shared and private encoders most.

Liu et al. 2017, Table 4, lists words that the shared layer and the layers of
two tasks respond to. Here the words of a neuron are those at which its mean
activation over the texts is highest, and the words of an encoder are those that
excite most of its neurons.

Shared and private neurons are compared on the texts of one task at a time, so
that both read the same words equally often:

    overlap   mean Jaccard index of the words of a shared and those of a private
              neuron, over all pairs; and its expectation for random words
    specific  share of the neurons' words that are specific to the task, and the
              share of all words of its texts that are
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import scipy.stats

# Words of a neuron, and of an encoder.
NEURON_WORDS = 10
ENCODER_WORDS = 15
# A word is a candidate if it occurs so often; mean activations at rarer words
# are noise.
MIN_COUNT = 5
# Most candidates, the most frequent words: they bound the memory.
MAX_CANDIDATES = 5000
# A word is specific to a task if it is so many times as frequent in its texts
# as in those of the other tasks on average.
SPECIFIC_RATIO = 4.0


@dataclasses.dataclass(frozen=True)
class ExcitedWords:
    """Words that excite the neurons of an encoder.

    Attributes:
      words: words that excite most of its neurons, in descending order.
      by_neuron: words of each neuron, the most exciting first, by index;
        without neurons whose activation is the same at all words.
    """

    words: list[str]
    by_neuron: dict[str, list[str]]


@dataclasses.dataclass(frozen=True)
class TaskWords:
    """Words that excite neurons on the texts of one task.

    Attributes:
      num_candidates: number of candidates.
      specific: share of the candidates that are specific to the task; None for
        a single task.
      encoders: words by encoder, `shared` or `private`.
      specific_by_encoder: share of the words of its neurons that are specific
        to the task, by encoder; None for a single task.
      overlap: mean Jaccard index of shared and private neurons; None without
        one of them.
      random_overlap: its expectation for random candidates.
    """

    num_candidates: int
    specific: float | None
    encoders: dict[str, ExcitedWords]
    specific_by_encoder: dict[str, float | None] | None
    overlap: float | None
    random_overlap: float | None


class ActivationSums:
    """Sums of activations at candidate words.

    Args:
      vocabulary_size: number of words.
      candidates: ids of the candidates, int [candidates], in ascending order.

    Attributes:
      candidates: as given.
      counts: number of occurrences of each candidate, int64 [candidates].
      sums: float64 [candidates, neurons] by encoder.
    """

    def __init__(self, vocabulary_size: int, candidates: np.ndarray):
        self.candidates = candidates
        self.counts = np.zeros(len(candidates), np.int64)
        self.sums: dict[str, np.ndarray] = {}
        self._position = np.full(vocabulary_size, -1)
        self._position[candidates] = np.arange(len(candidates))

    def add(self, token_ids: np.ndarray, states: dict[str, np.ndarray]) -> None:
        """Adds the states at tokens.

        Args:
          token_ids: int [tokens].
          states: float32 [tokens, neurons] by encoder.
        """
        position = self._position[token_ids]
        (tokens,) = np.nonzero(position >= 0)
        position = position[tokens]
        self.counts += np.bincount(position, minlength=len(self.candidates))
        # A product with a sparse matrix adds up the states of each word.
        occurrences = scipy.sparse.csr_array(
            (np.ones(len(tokens)), (position, tokens)),
            shape=(len(self.candidates), len(token_ids)),
        )
        for name, of_encoder in states.items():
            added = occurrences @ of_encoder.astype(np.float64)
            self.sums[name] = self.sums.get(name, 0) + added

    def add_sums(self, other: "ActivationSums", encoder: str) -> None:
        """Adds the sums of an encoder over other texts."""
        self.counts += other.counts
        self.sums[encoder] = self.sums.get(encoder, 0) + other.sums[encoder]

    def means(self, encoder: str) -> tuple[np.ndarray, np.ndarray]:
        """Returns candidates that are frequent enough, and mean activations.

        Returns:
          Ids, int [words], and float64 [words, neurons].
        """
        rows = self.counts >= MIN_COUNT
        means = self.sums[encoder][rows] / self.counts[rows, np.newaxis]
        return self.candidates[rows], means


def candidates(counts: np.ndarray, num_special: int) -> np.ndarray:
    """Returns the ids of the candidates, int [candidates], ascending.

    Args:
      counts: number of occurrences of each word, int [words].
      num_special: number of special tokens, which come first and do not count.
    """
    ids = np.argsort(-counts[num_special:], kind="stable") + num_special
    ids = ids[:MAX_CANDIDATES]
    return np.sort(ids[counts[ids] >= MIN_COUNT])


def specific_words(counts: np.ndarray, task: int) -> np.ndarray:
    """Returns which words are specific to a task, bool [words].

    Args:
      counts: number of occurrences by task and word, int [tasks, words], with
        at least 2 tasks.
      task: index of the task.
    """
    frequency = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    others = np.delete(frequency, task, axis=0).mean(axis=0)
    return frequency[task] > SPECIFIC_RATIO * others


def top_words(means: np.ndarray) -> np.ndarray:
    """Finds the words at which each neuron's mean activation is highest.

    Args:
      means: float64 [words, neurons].

    Returns:
      Row indices, int [neurons, `NEURON_WORDS` or fewer], the highest first; -1
      for a neuron whose activation is the same at all words.
    """
    order = np.argsort(-means, axis=0, kind="stable")[:NEURON_WORDS].T
    is_constant = np.ptp(means, axis=0) == 0
    return np.where(is_constant[:, np.newaxis], -1, order)


def describe(
    ids: np.ndarray, top: np.ndarray, tokens: Sequence[str]
) -> ExcitedWords:
    """Names the words of an encoder.

    Args:
      ids: word ids, int [words].
      top: the result of `top_words`.
      tokens: the words by id.
    """
    counts = np.bincount(top[top >= 0], minlength=len(ids))
    # Of equal counts the more frequent word, which has the lower id.
    order = np.argsort(-counts, kind="stable")[:ENCODER_WORDS]
    return ExcitedWords(
        [tokens[ids[row]] for row in order if counts[row]],
        {
            str(neuron): [tokens[ids[row]] for row in rows]
            for neuron, rows in enumerate(top)
            if rows[0] >= 0
        },
    )


def compare(
    sums: ActivationSums,
    tokens: Sequence[str],
    is_specific: np.ndarray | None,
) -> TaskWords | None:
    """Compares the words of shared and private neurons on a task's texts.

    Args:
      sums: sums over the texts of the task.
      tokens: the words by id.
      is_specific: whether each word of the vocabulary is specific to the task,
        bool [words]; None for a single task.

    Returns:
      The words; None if there are too few candidates to choose from.
    """
    encoders, specific, top = {}, {}, {}
    for name in sums.sums:
        ids, means = sums.means(name)
        if len(ids) < 2 * NEURON_WORDS:
            return None
        top[name] = top_words(means)
        encoders[name] = describe(ids, top[name], tokens)
        if is_specific is not None:
            specific[name] = _mean(is_specific[ids][top[name][top[name] >= 0]])
    has_both = len(encoders) == 2
    return TaskWords(
        num_candidates=len(ids),
        specific=None if is_specific is None else _mean(is_specific[ids]),
        encoders=encoders,
        specific_by_encoder=None if is_specific is None else specific,
        overlap=mean_jaccard(*top.values()) if has_both else None,
        random_overlap=expected_jaccard(NEURON_WORDS, len(ids))
        if has_both
        else None,
    )


def mean_jaccard(first: np.ndarray, second: np.ndarray) -> float | None:
    """Computes the mean Jaccard index over all pairs of two lists of sets.

    Args:
      first: the result of `top_words` for one encoder, int [neurons, size].
      second: that for another encoder, of the same words, with the same size.

    Returns:
      The mean of |A ∩ B| / |A ∪ B|; None without pairs.
    """
    first, second = (x[x[:, 0] >= 0] for x in (first, second))
    if not first.size or not second.size:
        return None
    members = np.zeros((len(second), 1 + max(first.max(), second.max())), bool)
    np.put_along_axis(members, second, True, axis=1)
    # One neuron at a time: the pairs of many neurons need much memory.
    common = np.array([members[:, rows].sum(axis=1) for rows in first])
    union = first.shape[1] + second.shape[1] - common
    return float(np.mean(common / union))


def expected_jaccard(size: int, num_words: int) -> float:
    """Computes the expected Jaccard index of two random sets.

    Args:
      size: size of both sets.
      num_words: number of words that they are drawn from, `size` or more.
    """
    common = np.arange(size + 1)
    probability = scipy.stats.hypergeom(num_words, size, size).pmf(common)
    return float(np.sum(probability * common / (2 * size - common)))


def _mean(values):
    return float(np.mean(values)) if np.size(values) else None
