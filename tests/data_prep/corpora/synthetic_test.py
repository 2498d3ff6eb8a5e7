import collections
import re

import numpy as np
import pytest
from sklearn import feature_extraction
from sklearn import linear_model
from sklearn import pipeline

from data_prep.corpora import synthetic
from data_prep.pipeline import prepare
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib

_LABELS = {
    "comments": ["reject", "accept"],
    "moods": ["sad", "calm", "happy"],
    "reviews": ["terrible", "poor", "fair", "good", "great"],
    "stances": ["against", "none", "favor"],
}
# Thresholds between the labels, in twentieths.
_CUTS = {
    "comments": [2],
    "moods": [-6, 6],
    "reviews": [-12, -4, 4, 12],
    "stances": [-10, 8],
}


def read(**settings):
    """Reads rows by task and split."""
    rows = synthetic.make_source(**settings).read()
    return {x.task.name: x.splits for x in rows}


@pytest.fixture(scope="module")
def clean():
    return read(rows=1200, main_rows=900, noise=0)


def tones(row):
    """Returns the polarities of the tone words of a text, in tenths."""
    return [int(n) - 10 for n in re.findall(r"\btone(\d+)\b", row.seq2)]


def true_label(task, row):
    """Computes the label of a row from its words, in integers."""
    total, count = sum(tones(row)), len(tones(row))
    above = sum(2 * total >= cut * count for cut in _CUTS[task])
    return _LABELS[task][above]


def test_labels_are_intervals_of_the_polarity_of_the_words(clean):
    assert clean.keys() == _LABELS.keys()
    for task, splits in clean.items():
        for split in tasks_lib.LABELED_SPLITS:
            assert [row.label for row in splits[split]] == [
                true_label(task, row) for row in splits[split]
            ]
        assert {row.label for row in splits["unlabeled"]} == {""}


def test_label_polarities_equal_the_means_of_rows(clean):
    for task, splits in clean.items():
        polarities = synthetic.label_polarities(task)
        assert list(polarities) == _LABELS[task]
        actual = collections.defaultdict(list)
        for row in splits["train"]:
            actual[row.label].append(np.mean(tones(row)) / 10)
        for label, polarity in polarities.items():
            assert len(actual[label]) > 90
            np.testing.assert_allclose(
                np.mean(actual[label]), polarity, atol=0.1
            )


def test_label_polarities_of_stances():
    # Thresholds at -.5 and .4.
    actual = synthetic.label_polarities("stances")
    assert actual == pytest.approx(
        {"against": -0.75, "none": -0.05, "favor": 0.7}
    )


def test_sizes_of_the_splits():
    for task, splits in read(rows=40, main_rows=7).items():
        sizes = {split: len(rows) for split, rows in splits.items()}
        train = 7 if task == synthetic.MAIN_TASK else 40
        assert sizes == {
            "train": train,
            "dev": 10,
            "test": 10,
            "unlabeled": 20,
        }


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_noise_is_the_fraction_of_random_labels(clean, noise):
    noisy = read(rows=1200, main_rows=900, noise=noise)
    for task, splits in noisy.items():
        for split, rows in splits.items():
            # The texts are the same as without noise.
            assert [row.seq2 for row in rows] == [
                row.seq2 for row in clean[task][split]
            ]
        # One of L random labels is the correct one by chance.
        wrong = [row.label != true_label(task, row) for row in splits["train"]]
        expected = noise * (1 - 1 / len(_LABELS[task]))
        deviation = np.sqrt(expected * (1 - expected) / len(wrong))
        np.testing.assert_allclose(
            np.mean(wrong), expected, atol=4 * deviation + 1e-9
        )


def test_the_corpus_depends_on_the_seed():
    first = read(rows=20, main_rows=5, noise=0.5, seed=3)
    assert read(rows=20, main_rows=5, noise=0.5, seed=3) == first
    other = read(rows=20, main_rows=5, noise=0.5, seed=4)
    assert other["moods"]["train"][0].seq2 != first["moods"]["train"][0].seq2


def test_a_corpus_starts_with_the_rows_of_a_smaller_one():
    small = read(rows=20, main_rows=5, noise=0.5)
    for task, splits in read(rows=40, main_rows=9, noise=0.5).items():
        for split, rows in small[task].items():
            assert splits[split][: len(rows)] == rows


def test_splits_and_tasks_are_independent(clean):
    texts = [
        row.seq2.replace(task, "")
        for task, splits in clean.items()
        for rows in splits.values()
        for row in rows
    ]
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize("task", list(_LABELS))
def test_a_bag_of_words_predicts_the_labels(clean, task):
    train, test = clean[task]["train"], clean[task]["test"]
    model = pipeline.make_pipeline(
        feature_extraction.text.CountVectorizer(),
        linear_model.LogisticRegression(max_iter=1000),
    )
    model.fit([row.seq2 for row in train], [row.label for row in train])
    gold = [row.label for row in test]
    accuracy = model.score([row.seq2 for row in test], gold)
    (_, majority), *_ = collections.Counter(gold).most_common()
    assert accuracy > majority / len(gold) + 0.2
    # Topics do not predict the label.
    model.fit([row.seq1 for row in train], [row.label for row in train])
    by_topic = model.score([row.seq1 for row in test], gold)
    assert by_topic < majority / len(gold) + 0.05


def test_the_corpus_can_be_prepared(tmp_path):
    made = synthetic.make_source(rows=24, main_rows=8, seed=2)
    corpus = prepare.prepare(made, str(tmp_path / "out"))
    assert [task.name for task in corpus.tasks] == list(_LABELS)
    assert all(task.pair for task in corpus.tasks)
    assert corpus.declaration["settings"] == {
        "rows": 24,
        "main_rows": 8,
        "noise": 0.1,
        "seed": 2,
    }
    (row,) = [
        row
        for row in records.read_rows(corpus.data_dir, "moods", "test")
        if row.id == "moods-test-3"
    ]
    assert re.fullmatch(r"moods topic[0-4]", row.seq1)
    assert row.group == row.seq1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rows": 3}, "rows=3: expected at least 4"),
        ({"main_rows": 0}, "main_rows=0: expected at least 1"),
        ({"noise": 1.5}, r"noise=1.5: expected a fraction"),
        ({"noise": -0.1}, r"noise=-0.1: expected a fraction"),
    ],
)
def test_invalid_settings_are_an_error(settings, message):
    with pytest.raises(ValueError, match=message):
        synthetic.make_source(**settings)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
