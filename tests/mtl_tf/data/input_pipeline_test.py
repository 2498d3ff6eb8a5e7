import collections
import dataclasses

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import generated

_LABELS = ("no", "yes")
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


def write_split(
    data_dir, pairs, labels, *, task="books", split="train", groups=()
):
    """Writes a split of hand-made rows."""
    rows = [
        records.Row(
            f"{task}-{number}",
            "",
            "",
            label,
            groups[number] if groups else "",
            number == 1,
        )
        for number, label in enumerate(labels)
    ]
    diversity = np.arange(5) + 10 * np.arange(len(rows))[:, np.newaxis]
    records.write_rows(str(data_dir), task, split, rows, diversity)
    texts = [ids for pair in pairs for ids in pair]
    offsets = np.cumsum([0, *map(len, texts)])
    records.TokenIds(np.concatenate(texts), offsets).write(
        str(data_dir), task, split
    )


def read_split(data_dir, *, split="train", **settings):
    corpus = tasks_lib.Corpus(str(data_dir), "by_hand", (), {}, {})
    tasks = [
        tasks_lib.Task("airs", _LABELS),
        tasks_lib.Task("books", _LABELS),
    ]
    config = config_lib.Config(**settings)
    return input_pipeline.read_split(corpus, tasks, 1, split, config)


@pytest.fixture
def pairs(tmp_path):
    write_split(tmp_path, _PAIRS, ["yes", "no", "yes", "yes"])
    return tmp_path


def test_read_split_has_the_columns_of_the_rows(pairs):
    split = read_split(pairs)
    assert len(split) == 4
    assert split.task == 1
    assert split.ids.tolist() == [f"books-{n}".encode() for n in range(4)]
    assert split.labels.tolist() == [1, 0, 1, 1]
    assert split.labels.dtype == np.int32
    assert split.duplicate.tolist() == [False, True, False, False]
    assert split.duplicate.dtype == bool


def test_diversity_features_are_there_where_they_are_read(pairs):
    split = read_split(pairs, **_LABEL_TRANSFER)
    assert split.diversity.dtype == np.float32
    assert split.diversity[:, 0].tolist() == [0, 10, 20, 30]
    assert split.diversity[2].tolist() == [20, 21, 22, 23, 24]
    for settings in ({}, {**_LABEL_TRANSFER, "transfer_diversity": False}):
        assert read_split(pairs, **settings).diversity is None


@pytest.mark.parametrize(
    ("settings", "wanted"),
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
def test_what_is_read_of_the_sequences(pairs, settings, wanted):
    split = read_split(pairs, **settings)
    assert split.lengths.tolist() == [len(ids) for ids in wanted]
    assert split.lengths.dtype == np.int32
    # Rows in any order, and time to spare.
    order = np.array([3, 0, 1, 2, 0])
    time = max(map(len, wanted)) + 2
    padded = split.pad(order, time)
    assert padded.dtype == np.int32
    assert padded.tolist() == [
        wanted[row] + [vocabulary_lib.PADDING] * (time - len(wanted[row]))
        for row in order
    ]


@pytest.mark.parametrize("max_examples", [0, 17])
@pytest.mark.parametrize("sequences", ["both", "seq2"])
@pytest.mark.parametrize("max_tokens", [1, 3, 100])
def test_what_is_cut_and_unknown_counted_in_a_loop(
    tmp_path, max_examples, sequences, max_tokens
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
    write_split(tmp_path, pairs, ["no"] * 40)
    split = read_split(
        tmp_path,
        max_examples=max_examples,
        sequences=sequences,
        max_tokens=max_tokens,
    )
    cut, unknown = [], []
    for name in split.ids:
        seq1, seq2 = pairs[int(name.decode().removeprefix("books-"))]
        alone = sequences == "seq2" or seq1 == [vocabulary_lib.EMPTY]
        read = [seq2] if alone else [seq1, seq2]
        cut.append(sum(len(ids[max_tokens:]) for ids in read))
        unknown.append(
            sum(ids[:max_tokens].count(vocabulary_lib.UNKNOWN) for ids in read)
        )
    assert split.cut.tolist() == cut
    assert split.unknown.tolist() == unknown
    # What stands in a batch is what was counted.
    padded = split.pad(np.arange(len(split)), int(split.lengths.max()))
    assert (padded == vocabulary_lib.UNKNOWN).sum(axis=1).tolist() == unknown
    assert any(unknown)
    assert any(cut) == (max_tokens < 5)


def test_empty_texts_are_one_token_long(tmp_path):
    write_split(
        tmp_path, [([vocabulary_lib.EMPTY], [vocabulary_lib.EMPTY])], ["no"]
    )
    split = read_split(tmp_path)
    assert split.lengths.tolist() == [1]
    assert split.pad(np.array([0]), 2).tolist() == [
        [vocabulary_lib.EMPTY, vocabulary_lib.PADDING]
    ]


def test_unlabeled_rows_have_no_label(tmp_path):
    write_split(tmp_path, _PAIRS, [""] * 4, split="unlabeled")
    assert read_split(tmp_path, split="unlabeled").labels.tolist() == [-1] * 4


def test_a_label_that_the_task_does_not_have(tmp_path):
    write_split(tmp_path, _PAIRS, ["yes", "no", "yess", "no"])
    with pytest.raises(
        ValueError,
        match=r"task books has no label 'yess' \(did you mean yes\?\); its "
        r"labels are \['no', 'yes'\]",
    ):
        read_split(tmp_path)


def test_records_that_are_missing(pairs):
    with pytest.raises(ValueError, match="no records of task books, split dev"):
        read_split(pairs, split="dev")


def test_rows_that_differ(pairs):
    write_split(pairs, _PAIRS[:3], ["no"] * 3, split="dev")
    for kind in ("ids", "offsets"):
        folder = pairs / records.TOKEN_IDS_DIR
        (folder / f"books-dev.{kind}.npy").rename(
            folder / f"books-train.{kind}.npy"
        )
    with pytest.raises(
        ValueError,
        match="books, train: 4 records, token ids of 3 rows: prepare the",
    ):
        read_split(pairs)


def read_by_topic(data_dir, split, **settings):
    corpus = tasks_lib.Corpus(str(data_dir), "by_hand", (), {}, {})
    tasks = [tasks_lib.Task("books", _LABELS, "macro_recall_by_topic")]
    config = config_lib.Config(**settings)
    return input_pipeline.read_split(corpus, tasks, 0, split, config)


def test_groups_go_with_their_rows(tmp_path):
    groups = ["a", "bé", "", "a"]
    write_split(tmp_path, _PAIRS, ["no"] * 4, groups=groups)
    # Nothing is evaluated on train: it may lack groups.
    split = read_by_topic(tmp_path, "train")
    assert [group.decode() for group in split.groups] == groups
    some = read_by_topic(tmp_path, "train", max_examples=2)
    assert [group.decode() for group in some.groups] == [
        groups[row] for row in some.rows
    ]


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_metric_by_topic_wants_groups_before_training(tmp_path, split):
    groups = ["a", "b", "", "a"]
    write_split(tmp_path, _PAIRS, ["no"] * 4, split=split, groups=groups)
    message = f"{tmp_path}: books, {split}: row books-2 has no group, which"
    with pytest.raises(ValueError, match=message):
        read_by_topic(tmp_path, split)
    # Another metric can do without.
    assert len(read_split(tmp_path, split=split)) == 4


def test_max_examples_is_a_fixed_subset_in_order(tmp_path):
    pairs = [([vocabulary_lib.EMPTY], [10 + n] * (n + 1)) for n in range(20)]
    labels = [_LABELS[n % 2] for n in range(20)]
    write_split(tmp_path, pairs, labels)
    split = read_split(tmp_path, max_examples=6, **_LABEL_TRANSFER)
    rows = [int(name.decode().removeprefix("books-")) for name in split.ids]
    assert len(set(rows)) == 6
    assert rows == sorted(rows)
    # Not merely the first ones.
    assert rows != list(range(6))
    # All columns are of these rows.
    assert split.labels.tolist() == [row % 2 for row in rows]
    assert split.lengths.tolist() == [row + 1 for row in rows]
    assert split.diversity[:, 0].tolist() == [10 * row for row in rows]
    first = split.pad(np.arange(6), 20)[:, 0]
    assert first.tolist() == [10 + row for row in rows]
    again = read_split(tmp_path, max_examples=6, hidden_size=7)
    np.testing.assert_array_equal(again.rows, split.rows)
    other = read_split(tmp_path, max_examples=6, seed=1)
    assert other.rows.tolist() != split.rows.tolist()
    assert len(read_split(tmp_path, max_examples=20)) == 20
    assert len(read_split(tmp_path, max_examples=21)) == 20


def labeled(labels):
    """A split of which only labels matter."""
    nothing = np.zeros(len(labels))
    return input_pipeline.Split(
        0,
        nothing,
        nothing,
        np.array(labels, np.int32),
        nothing,
        nothing,
        nothing,
        None,
        nothing,
        1,
        nothing,
    )


@pytest.mark.parametrize(
    ("labels", "wanted"),
    [
        # 6 / (2 * 4) and 6 / (2 * 2).
        ([0, 0, 0, 0, 1, 1], [0.75, 1.5]),
        # Three labels: 6 / (3 * 1), 6 / (3 * 2), 6 / (3 * 3).
        ([0, 1, 1, 2, 2, 2], [2, 1, 2 / 3]),
        # Label 1 has no rows: two labels share, 4 / (2 * 3) and 4 / (2 * 1).
        ([0, 0, 0, 2], [2 / 3, 1, 2]),
    ],
)
def test_balanced_class_weights(labels, wanted):
    split = labeled(labels)
    weights = input_pipeline.class_weights(split, len(wanted), "balanced")
    assert weights.dtype == np.float32
    np.testing.assert_allclose(weights, wanted, rtol=1e-6)
    np.testing.assert_allclose(weights[labels].mean(), 1, rtol=1e-6)


def test_no_class_weights():
    weights = input_pipeline.class_weights(labeled([0, 0, 1]), 2, "none")
    assert weights.tolist() == [1, 1]


def of_lengths(tmp_path, lengths):
    pairs = [
        ([vocabulary_lib.EMPTY], [10 + n] * k) for n, k in enumerate(lengths)
    ]
    write_split(tmp_path, pairs, ["no"] * len(lengths), split="dev")
    return read_split(tmp_path, split="dev", max_tokens=10_000)


@pytest.mark.parametrize(
    ("lengths", "shapes"),
    [
        # 40 texts: one full group, and the rest.
        ([7] * 40, [(1, 32, 7), (1, 8, 7)]),
        # 81 texts of 400 tokens fit, which is two full groups.
        ([400] * 70, [(2, 32, 400), (1, 6, 400)]),
        # 20 texts of 1,600 tokens fit; short texts come first.
        ([1_600] * 25 + [3] * 64, [(2, 32, 3), (1, 20, 1_600), (1, 5, 1_600)]),
    ],
)
def test_shapes_of_evaluation_batches(tmp_path, lengths, shapes):
    assert input_pipeline.EVALUATION_TOKENS == 32_768
    split = of_lengths(tmp_path, lengths)
    batches = list(input_pipeline.evaluation_batches(split))
    assert [batch["token_ids"].shape for _, batch in batches] == shapes


def test_evaluation_batches_hold_every_row_once(tmp_path, monkeypatch):
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 200)
    monkeypatch.setattr(input_pipeline, "EVALUATION_GROUP", 4)
    lengths = np.random.default_rng(0).integers(1, 60, 100)
    lengths[17] = 333
    split = of_lengths(tmp_path, lengths)
    seen, longest = [], []
    for rows, batch in input_pipeline.evaluation_batches(split):
        groups, size, time = batch["token_ids"].shape
        assert groups * size == len(rows)
        assert size == 4 or (groups == 1 and size < 4)
        assert groups * size * time <= 200 or len(rows) == 1
        assert batch["task_ids"].tolist() == [1] * groups
        np.testing.assert_array_equal(batch["lengths"].ravel(), lengths[rows])
        np.testing.assert_array_equal(
            batch["token_ids"].reshape(len(rows), time), split.pad(rows, time)
        )
        assert time == lengths[rows].max()
        seen += rows.tolist()
        longest.append(time)
    assert sorted(seen) == list(range(100))
    # Texts of like length are together.
    assert longest == sorted(longest)
    assert longest[-1] == 333


def test_there_are_no_evaluation_batches_of_no_rows(tmp_path):
    split = of_lengths(tmp_path, [3])
    empty = dataclasses.replace(
        split, rows=split.rows[:0], lengths=split.lengths[:0]
    )
    assert list(input_pipeline.evaluation_batches(empty)) == []


def test_train_dev_and_test_are_disjoint(tmp_path):
    data_dir = generated.write_corpus(
        str(tmp_path / "corpus"), rows={"train": 24, "dev": 8, "test": 8}
    )
    corpus = tasks_lib.Corpus.read(data_dir)
    names = collections.Counter()
    for number, task in enumerate(corpus.tasks):
        for split in tasks_lib.LABELED_SPLITS:
            read = input_pipeline.read_split(
                corpus, corpus.tasks, number, split, config_lib.Config()
            )
            assert len(read) == corpus.rows[task.name][split]
            names.update(read.ids.tolist())
    assert set(names.values()) == {1}
    assert len(names) == 3 * (24 + 8 + 8)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
