import itertools

import numpy as np
import pytest

from mtl_tf.evaluation import excited_words

TOKENS = tuple(f"w{index}" for index in range(30))


@pytest.fixture
def short(monkeypatch):
    """Lists of two words, so that they can be written by hand."""
    monkeypatch.setattr(excited_words, "NEURON_WORDS", 2)
    monkeypatch.setattr(excited_words, "MIN_COUNT", 2)


def test_overlap_of_lists_by_hand():
    # Neurons in rows, words in columns; the order in a list has no effect.
    first = np.array([[0, 1, 2], [3, 4, 5]])
    second = np.array([[2, 1, 0], [2, 3, 4], [6, 7, 8]])
    # 3/3, 1/5, 0/6; then 0/6, 2/4, 0/6.
    expected = (1 + 1 / 5 + 1 / 2) / 6
    actual = excited_words.mean_jaccard(first, second)
    assert actual == pytest.approx(expected)


def test_constant_neurons_are_left_out_of_the_overlap():
    first = np.array([[0, 1], [-1, -1]])
    second = np.array([[1, 2]])
    assert excited_words.mean_jaccard(first, second) == pytest.approx(1 / 3)
    constant = np.array([[-1, -1]])
    assert excited_words.mean_jaccard(first, constant) is None


def test_expected_overlap_is_the_mean_over_all_sets():
    sets = list(itertools.combinations(range(6), 3))
    overlaps = [
        len(set(a) & set(b)) / len(set(a) | set(b)) for a in sets for b in sets
    ]
    actual = excited_words.expected_jaccard(3, 6)
    assert actual == pytest.approx(np.mean(overlaps))


def test_candidates_are_frequent_and_not_special(monkeypatch):
    counts = np.array([90, 90, 5, 4, 7, 9])
    assert excited_words.candidates(counts, 2).tolist() == [2, 4, 5]
    monkeypatch.setattr(excited_words, "MAX_CANDIDATES", 2)
    assert excited_words.candidates(counts, 2).tolist() == [4, 5]


def test_specific_words_are_more_frequent_than_in_other_tasks():
    # By task: 10, 100 and 100 words.
    counts = np.array([[5, 1, 4], [25, 3, 72], [0, 2, 98]])
    # 0.5 against 0.125, which is not more than 4 times; 0.1 against 0.025;
    # 0.4 against 0.85.
    assert not excited_words.specific_words(counts, 0).any()
    counts[1] = [24, 3, 73]
    actual = excited_words.specific_words(counts, 0)
    assert actual.tolist() == [True, False, False]
    # The sizes of the tasks have no effect.
    counts[1] *= 10
    assert excited_words.specific_words(counts, 0).tolist() == actual.tolist()


@pytest.mark.usefixtures("short")
def test_means_at_words_by_hand():
    sums = excited_words.ActivationSums(6, np.array([2, 3, 5]))
    for ids, states in (
        ([2, 0, 3], [[1, 10], [99, 99], [4, 40]]),
        ([3, 2, 5], [[6, 60], [2, 20], [7, 70]]),
    ):
        sums.add(np.array(ids), {"shared": np.float32(states)})
    assert sums.counts.tolist() == [2, 2, 1]
    ids, means = sums.means("shared")
    # Word 5 occurs once.
    assert ids.tolist() == [2, 3]
    np.testing.assert_allclose(means, [[1.5, 15], [5, 50]])


@pytest.mark.usefixtures("short")
def test_sums_over_texts_of_several_tasks():
    total = excited_words.ActivationSums(4, np.array([1, 2]))
    for scale in (1.0, 3.0):
        sums = excited_words.ActivationSums(4, np.array([1, 2]))
        states = {"shared": np.full((2, 1), scale), "private": np.ones((2, 1))}
        sums.add(np.array([1, 2]), states)
        total.add_sums(sums, "shared")
    _, means = total.means("shared")
    assert means.tolist() == [[2.0], [2.0]]


@pytest.mark.usefixtures("short")
def test_words_of_neurons_by_hand():
    means = np.array(
        [[0.1, 0.9, 0.5], [0.3, 0.8, 0.5], [0.2, 0.1, 0.5], [0.9, 0.2, 0.5]]
    )
    top = excited_words.top_words(means)
    assert top.tolist() == [[3, 1], [0, 1], [-1, -1]]
    words = excited_words.describe(np.array([4, 6, 7, 9]), top, TOKENS)
    assert words.by_neuron == {"0": ["w9", "w6"], "1": ["w4", "w6"]}
    # In the lists of 2, 1 and 1 neurons.
    assert words.words == ["w6", "w4", "w9"]


@pytest.mark.usefixtures("short")
def test_comparison_of_both_encoders_by_hand():
    sums = excited_words.ActivationSums(30, np.array([4, 5, 6, 7]))
    sums.counts += 2
    sums.sums = {
        "shared": np.array([[4.0, 1], [3, 2], [2, 3], [1, 4]]),
        "private": np.array([[9.0], [8], [0], [0]]),
    }
    is_specific = np.zeros(30, bool)
    is_specific[[4, 6, 29]] = True
    result = excited_words.compare(sums, TOKENS, is_specific)
    assert result.num_candidates == 4
    # The lists are w4 w5 and w7 w6, and w4 w5.
    assert result.encoders["shared"].by_neuron["1"] == ["w7", "w6"]
    assert result.encoders["private"].words == ["w4", "w5"]
    assert result.overlap == pytest.approx((1 + 0) / 2)
    assert result.random_overlap == excited_words.expected_jaccard(2, 4)
    assert result.specific == 2 / 4
    assert result.specific_by_encoder == {"shared": 2 / 4, "private": 1 / 2}


@pytest.mark.usefixtures("short")
def test_one_encoder_of_a_single_task():
    sums = excited_words.ActivationSums(30, np.array([4, 5, 6, 7]))
    sums.counts += 2
    sums.sums = {"private": np.array([[9.0], [8], [0], [0]])}
    result = excited_words.compare(sums, TOKENS, None)
    assert result.encoders["private"].words == ["w4", "w5"]
    assert result.overlap is None
    assert result.specific is None
    # Too few words to choose two of them.
    sums.counts[0] = 1
    assert excited_words.compare(sums, TOKENS, None) is None


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
