"""The input pipeline of an encoder of pairs."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from mtl_tf.config import config as config_lib
from mtl_tf.data import input_pipeline
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.data import training_batches
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import generated

# A seq1 has 1 to 5 words or is missing; a seq2 has 8 to 18 words.
_SETTINGS = {"encoder": "conditional_bilstm", "batch_size": 4}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    data_dir = generated.write_corpus(
        str(folder / "corpus"),
        rows={"train": 24, "dev": 40, "test": 4, "unlabeled": 12},
        pairs=("books",),
    )
    return tasks_lib.Corpus.read(data_dir)


def read(corpus, task_index, split="train", **settings):
    config = config_lib.Config(**_SETTINGS | settings)
    return input_pipeline.read_split(
        corpus, corpus.tasks, task_index, split, config
    )


def stored(corpus, task_index, split="train"):
    """Reads the ids of seq1 and seq2 of each row, as data_prep wrote them."""
    tokens = records.TokenIds.read(
        corpus.data_dir, corpus.tasks[task_index].name, split
    )
    texts = np.split(tokens.ids, tokens.offsets[1:-1])
    return [
        (seq1.tolist(), seq2.tolist())
        for seq1, seq2 in zip(texts[::2], texts[1::2], strict=True)
    ]


@pytest.mark.parametrize("max_tokens", [3, 400])
@pytest.mark.parametrize("task_index", [0, 1])
def test_row_has_two_texts(corpus, task_index, max_tokens):
    split = read(corpus, task_index, max_tokens=max_tokens)
    rows = [
        (seq1[:max_tokens], seq2[:max_tokens])
        for seq1, seq2 in stored(corpus, task_index)
    ]
    has_seq1 = [seq1 != [vocabulary_lib.EMPTY] for seq1, _ in rows]
    assert all(has_seq1) == corpus.tasks[task_index].pair
    assert split.seq1_lengths.dtype == split.lengths.dtype == np.int32
    assert split.seq1_lengths.tolist() == [len(seq1) for seq1, _ in rows]
    # The sum of both.
    assert split.lengths.tolist() == [sum(map(len, row)) for row in rows]
    order = np.arange(len(rows))[::-1]
    for padded, column in ((split.pad_seq1, 0), (split.pad, 1)):
        width = max(len(row[column]) for row in rows) + 1
        expected = [
            rows[row][column]
            + [vocabulary_lib.PADDING] * (width - len(rows[row][column]))
            for row in order
        ]
        actual = padded(order, width)
        assert actual.dtype == np.int32
        assert actual.tolist() == expected


def test_cut_and_unknown_count_both_texts(corpus):
    split = read(corpus, 0, max_tokens=3)
    rows = stored(corpus, 0)
    assert split.truncated.tolist() == [
        sum(max(0, len(ids) - 3) for ids in row) for row in rows
    ]
    assert split.unknown.tolist() == [
        sum(ids[:3].count(vocabulary_lib.UNKNOWN) for ids in row)
        for row in rows
    ]
    assert (
        split.truncated > np.array([len(seq2) - 3 for _, seq2 in rows])
    ).any()


def check_group(batch, split, rows):
    """Checks the texts of a task batch against the corpus."""
    seq1, seq2 = batch["seq1"], batch["token_ids"]
    for index, row in enumerate(rows):
        first, second = split[row]
        assert batch["seq1_lengths"][index] == len(first)
        assert batch["lengths"][index] == len(second)
        assert seq1[index, : len(first)].tolist() == first
        assert seq2[index, : len(second)].tolist() == second
        assert not (seq1[index, len(first) :] != vocabulary_lib.PADDING).any()
        assert not (seq2[index, len(second) :] != vocabulary_lib.PADDING).any()


def test_evaluation_batches(corpus, monkeypatch):
    monkeypatch.setattr(input_pipeline, "EVALUATION_TOKENS", 150)
    monkeypatch.setattr(input_pipeline, "EVALUATION_BATCH_SIZE", 4)
    split, rows = read(corpus, 0, "dev"), stored(corpus, 0, "dev")
    seen, longest = [], []
    for indices, batch in input_pipeline.evaluation_batches(split):
        shape = batch["lengths"].shape
        assert batch["seq1"].shape == (*shape, batch["seq1_lengths"].max())
        assert batch["token_ids"].shape == (*shape, batch["lengths"].max())
        flat = {
            name: array.reshape(-1, *array.shape[2:])
            for name, array in batch.items()
            if name != "task_ids"
        }
        check_group(flat, rows, indices)
        total = split.lengths[indices]
        longest.append(total.max())
        assert len(indices) * total.max() <= 150
        seen += indices.tolist()
    assert sorted(seen) == list(range(40))
    # Batches are sorted by the length of both sequences.
    assert longest == sorted(longest)
    assert len(longest) > 4


def test_training_batches(corpus):
    config = config_lib.Config(
        **_SETTINGS, adversarial_weight=0.1, unlabeled=True
    )
    kinds = ("train", "unlabeled")
    splits = {
        kind: [read(corpus, task_index, kind) for task_index in range(3)]
        for kind in kinds
    }
    batches = training_batches.TrainingBatches(*splits.values(), config)
    texts = {
        kind: [stored(corpus, task_index, kind) for task_index in range(3)]
        for kind in kinds
    }
    for batch in itertools.islice(batches.generate(0), 5):
        for kind, part in (("train", batch), ("unlabeled", batch["unlabeled"])):
            for task_batch, task in enumerate(part["task_ids"]):
                of_task_batch = {
                    name: array[task_batch]
                    for name, array in part.items()
                    if name != "unlabeled"
                }
                known = {
                    tuple(map(tuple, row)): task_index
                    for task_index, row in enumerate(texts[kind][task])
                }
                # The rows, found by their texts.
                rows = [
                    known[tuple(seq1[:m].tolist()), tuple(seq2[:n].tolist())]
                    for seq1, m, seq2, n in zip(
                        of_task_batch["seq1"],
                        of_task_batch["seq1_lengths"],
                        of_task_batch["token_ids"],
                        of_task_batch["lengths"],
                        strict=True,
                    )
                ]
                check_group(of_task_batch, texts[kind][task], rows)
                if kind == "train":
                    np.testing.assert_array_equal(
                        of_task_batch["labels"], splits[kind][task].labels[rows]
                    )


def test_signature_matches_the_batches(corpus):
    splits = [read(corpus, task_index) for task_index in range(3)]
    config = config_lib.Config(**_SETTINGS)
    batches = training_batches.TrainingBatches(splits, [], config)
    batch = next(batches.generate(0))
    assert batch.keys() == batches.signature.keys()
    for name, spec in batches.signature.items():
        assert spec.is_compatible_with(tf.convert_to_tensor(batch[name])), name
    one_text = read(corpus, 0, encoder="bilstm").signature
    assert splits[0].signature.keys() - one_text.keys() == {
        "seq1",
        "seq1_lengths",
    }


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
