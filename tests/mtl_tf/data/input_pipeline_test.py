import collections

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import generated
from tests.helpers import handmade_splits

# Texts as token ids. Words have ids from 10 on.
_PAIRS = [
    ([10, 11], [20, 21, 22]),
    ([vocabulary_lib.EMPTY], [23]),
    # A text of one word is not an empty one.
    ([12], [24, 25]),
    ([13, 14, 15, 16, 17], [26, 27, 28, 29, 30]),
]

# A label transfer network reads the diversity features.
_LABEL_TRANSFER = {"label_transfer": "supervised", "main_task": "books"}


@pytest.fixture
def pairs(tmp_path):
    handmade_splits.write_split(tmp_path, _PAIRS, ["yes", "no", "yes", "yes"])
    return tmp_path


def test_read_split_has_the_columns_of_the_rows(pairs):
    split = handmade_splits.read_split(pairs)
    assert len(split) == 4
    assert split.task_id == 1
    assert split.ids.tolist() == [f"books-{n}".encode() for n in range(4)]
    assert split.labels.tolist() == [1, 0, 1, 1]
    assert split.labels.dtype == np.int32
    assert split.duplicate.tolist() == [False, True, False, False]
    assert split.duplicate.dtype == bool


def test_diversity_features_are_read_for_label_transfer(pairs):
    split = handmade_splits.read_split(pairs, **_LABEL_TRANSFER)
    assert split.diversity.dtype == np.float32
    assert split.diversity[:, 0].tolist() == [0, 10, 20, 30]
    assert split.diversity[2].tolist() == [20, 21, 22, 23, 24]
    for settings in ({}, {**_LABEL_TRANSFER, "transfer_diversity": False}):
        assert handmade_splits.read_split(pairs, **settings).diversity is None


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"sequences": "both"},
            [
                [10, 11, vocabulary_lib.SEPARATOR, 20, 21, 22],
                # No separator without a first sequence.
                [23],
                [12, vocabulary_lib.SEPARATOR, 24, 25],
                [
                    13,
                    14,
                    15,
                    16,
                    17,
                    vocabulary_lib.SEPARATOR,
                    26,
                    27,
                    28,
                    29,
                    30,
                ],
            ],
        ),
        (
            {"sequences": "seq2"},
            [[20, 21, 22], [23], [24, 25], [26, 27, 28, 29, 30]],
        ),
        (
            {"sequences": "both", "max_tokens": 2},
            [
                [10, 11, vocabulary_lib.SEPARATOR, 20, 21],
                [23],
                [12, vocabulary_lib.SEPARATOR, 24, 25],
                [13, 14, vocabulary_lib.SEPARATOR, 26, 27],
            ],
        ),
        (
            {"sequences": "both", "max_tokens": 1},
            [
                [10, vocabulary_lib.SEPARATOR, 20],
                [23],
                [12, vocabulary_lib.SEPARATOR, 24],
                [13, vocabulary_lib.SEPARATOR, 26],
            ],
        ),
        (
            {"sequences": "seq2", "max_tokens": 3},
            [[20, 21, 22], [23], [24, 25], [26, 27, 28]],
        ),
    ],
)
def test_pad_joins_and_truncates_sequences(pairs, settings, expected):
    split = handmade_splits.read_split(pairs, **settings)
    assert split.lengths.tolist() == [len(ids) for ids in expected]
    assert split.lengths.dtype == np.int32
    # Rows in any order, and longer than needed.
    order = np.array([3, 0, 1, 2, 0])
    seq_len = max(map(len, expected)) + 2
    padded = split.pad(order, seq_len)
    assert padded.dtype == np.int32
    assert padded.tolist() == [
        expected[row]
        + [vocabulary_lib.PADDING] * (seq_len - len(expected[row]))
        for row in order
    ]


@pytest.mark.parametrize("maxima", [(), ("17",)])
@pytest.mark.parametrize("sequences", ["both", "seq2"])
@pytest.mark.parametrize("max_tokens", [1, 3, 100])
def test_truncated_and_unknown_tokens_equal_those_counted_in_a_loop(
    tmp_path, maxima, sequences, max_tokens
):
    random = np.random.default_rng(4)
    words = [vocabulary_lib.UNKNOWN, vocabulary_lib.UNKNOWN, 10, 11]
    pairs = [
        tuple(
            random.choice(words, length).tolist()
            if length
            else [vocabulary_lib.EMPTY]
            for length in random.integers(0, 6, 2)
        )
        for _ in range(40)
    ]
    handmade_splits.write_split(tmp_path, pairs, ["no"] * 40)
    split = handmade_splits.read_split(
        tmp_path,
        max_train_examples=maxima,
        sequences=sequences,
        max_tokens=max_tokens,
    )
    truncated, unknown = [], []
    for name in split.ids:
        seq1, seq2 = pairs[int(name.decode().removeprefix("books-"))]
        alone = sequences == "seq2" or seq1 == [vocabulary_lib.EMPTY]
        read = [seq2] if alone else [seq1, seq2]
        truncated.append(sum(len(ids[max_tokens:]) for ids in read))
        unknown.append(
            sum(ids[:max_tokens].count(vocabulary_lib.UNKNOWN) for ids in read)
        )
    assert split.truncated.tolist() == truncated
    assert split.unknown.tolist() == unknown
    # Batches hold the tokens that were counted.
    padded = split.pad(np.arange(len(split)), int(split.lengths.max()))
    assert (padded == vocabulary_lib.UNKNOWN).sum(axis=1).tolist() == unknown
    assert any(unknown)
    assert any(truncated) == (max_tokens < 5)


def test_an_empty_text_has_one_token(tmp_path):
    handmade_splits.write_split(
        tmp_path, [([vocabulary_lib.EMPTY], [vocabulary_lib.EMPTY])], ["no"]
    )
    split = handmade_splits.read_split(tmp_path)
    assert split.lengths.tolist() == [1]
    assert split.pad(np.array([0]), 2).tolist() == [
        [vocabulary_lib.EMPTY, vocabulary_lib.PADDING]
    ]


def test_unlabeled_rows_have_no_label(tmp_path):
    handmade_splits.write_split(tmp_path, _PAIRS, [""] * 4, split="unlabeled")
    assert (
        handmade_splits.read_split(tmp_path, split="unlabeled").labels.tolist()
        == [-1] * 4
    )


def test_an_unknown_label_is_an_error(tmp_path):
    handmade_splits.write_split(tmp_path, _PAIRS, ["yes", "no", "yess", "no"])
    with pytest.raises(
        ValueError,
        match=r"task books has no label 'yess' \(did you mean yes\?\); its "
        r"labels are \['no', 'yes'\]",
    ):
        handmade_splits.read_split(tmp_path)


def test_missing_records_are_an_error(pairs):
    with pytest.raises(ValueError, match="no records of task books, split dev"):
        handmade_splits.read_split(pairs, split="dev")


def test_another_number_of_token_ids_than_records_is_an_error(pairs):
    handmade_splits.write_split(pairs, _PAIRS[:3], ["no"] * 3, split="dev")
    for kind in ("ids", "offsets"):
        folder = pairs / records.TOKEN_IDS_DIR
        (folder / f"books-dev.{kind}.npy").rename(
            folder / f"books-train.{kind}.npy"
        )
    with pytest.raises(
        ValueError,
        match="books, train: expected as many records as rows of token ids, "
        "got 4 and 3: prepare the",
    ):
        handmade_splits.read_split(pairs)


def read_by_topic(data_dir, split, **settings):
    corpus = tasks_lib.Corpus(str(data_dir), "by_hand", (), {}, {})
    tasks = [
        tasks_lib.Task("books", handmade_splits.LABELS, "macro_recall_by_topic")
    ]
    config = config_lib.Config(**settings)
    return input_pipeline.read_split(corpus, tasks, 0, split, config)


def test_groups_are_those_of_the_rows(tmp_path):
    groups = ["a", "bé", "", "a"]
    handmade_splits.write_split(tmp_path, _PAIRS, ["no"] * 4, groups=groups)
    # train is not evaluated: it may lack groups.
    split = read_by_topic(tmp_path, "train")
    assert [group.decode() for group in split.groups] == groups
    some = read_by_topic(tmp_path, "train", max_train_examples=("2",))
    assert [group.decode() for group in some.groups] == [
        groups[row] for row in some.rows
    ]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_metric_by_topic_needs_groups_of_dev_and_test(tmp_path, split):
    groups = ["a", "b", "", "a"]
    handmade_splits.write_split(
        tmp_path, _PAIRS, ["no"] * 4, split=split, groups=groups
    )
    message = f"{tmp_path}: books, {split}: row books-2 has no group, which"
    with pytest.raises(ValueError, match=message):
        read_by_topic(tmp_path, split)
    # Other metrics do not need groups.
    assert len(handmade_splits.read_split(tmp_path, split=split)) == 4


def test_training_examples_are_limited_to_a_random_sample_in_order(tmp_path):
    pairs = [([vocabulary_lib.EMPTY], [10 + n] * (n + 1)) for n in range(20)]
    labels = [handmade_splits.LABELS[n % 2] for n in range(20)]
    handmade_splits.write_split(tmp_path, pairs, labels)
    split = handmade_splits.read_split(
        tmp_path, max_train_examples=("6",), **_LABEL_TRANSFER
    )

    def sample(*maxima, **settings):
        return handmade_splits.read_split(
            tmp_path, max_train_examples=maxima, **settings
        ).rows.tolist()

    rows = [int(name.decode().removeprefix("books-")) for name in split.ids]
    assert split.rows.tolist() == rows
    assert len(set(rows)) == 6
    assert rows == sorted(rows)
    # A random subset.
    assert rows != list(range(6))
    # All columns are of these rows.
    assert split.labels.tolist() == [row % 2 for row in rows]
    assert split.lengths.tolist() == [row + 1 for row in rows]
    assert split.diversity[:, 0].tolist() == [10 * row for row in rows]
    first = split.pad(np.arange(6), 20)[:, 0]
    assert first.tolist() == [10 + row for row in rows]
    again = sample("6", hidden_size=7)
    assert again == rows
    assert sample("6", seed=1) != rows
    assert len(sample("20")) == len(sample("21")) == 20
    # Larger samples of a seed contain smaller ones.
    assert set(sample("3")) < set(rows) < set(sample("9"))
    # The number of a task comes before that of all tasks.
    assert sample("9", "books:6") == rows
    assert sample("books:6") == rows
    assert len(sample("dvd:6")) == 20


def test_only_training_examples_are_limited(tmp_path):
    for split in ("dev", "test"):
        handmade_splits.write_split(tmp_path, _PAIRS, ["no"] * 4, split=split)
        limited = handmade_splits.read_split(
            tmp_path, split=split, max_train_examples=("2",)
        )
        assert len(limited) == 4


def labeled(labels):
    """A split of which only labels matter."""
    unused = np.zeros(len(labels))
    return input_pipeline.Split(
        task_id=0,
        ids=unused,
        groups=unused,
        labels=np.array(labels, np.int32),
        duplicate=unused,
        diversity=None,
        lengths=unused,
        token_ids=None,
        rows=unused,
        max_tokens=1,
        reads_seq1=unused,
    )


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # 6 / (2 * 4) and 6 / (2 * 2).
        ([0, 0, 0, 0, 1, 1], [0.75, 1.5]),
        # Three labels: 6 / (3 * 1), 6 / (3 * 2), 6 / (3 * 3).
        ([0, 1, 1, 2, 2, 2], [2, 1, 2 / 3]),
        # Label 1 has no rows: two labels share, 4 / (2 * 3) and 4 / (2 * 1).
        ([0, 0, 0, 2], [2 / 3, 1, 2]),
    ],
)
def test_balanced_class_weights(labels, expected):
    split = labeled(labels)
    weights = input_pipeline.class_weights(split, len(expected), "balanced")
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, expected, rtol=1e-6)
    np.testing.assert_allclose(weights[labels].mean(), 1, rtol=1e-6)


def test_class_weights_none_are_all_1():
    weights = input_pipeline.class_weights(labeled([0, 0, 1]), 2, "none")
    assert weights.tolist() == [1, 1]


def test_train_dev_and_test_are_disjoint(tmp_path):
    data_dir = generated.write_corpus(
        str(tmp_path / "corpus"), rows={"train": 24, "dev": 8, "test": 8}
    )
    corpus = tasks_lib.Corpus.read(data_dir)
    ids = collections.Counter()
    for task_id, task in enumerate(corpus.tasks):
        for name in tasks_lib.LABELED_SPLITS:
            split = input_pipeline.read_split(
                corpus, corpus.tasks, task_id, name, config_lib.Config()
            )
            assert len(split) == corpus.rows[task.name][name]
            ids.update(split.ids.tolist())
    assert set(ids.values()) == {1}
    assert len(ids) == 3 * (24 + 8 + 8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
