"""The local runner: its files, however the rows are divided."""

import collections
import functools
import itertools
import json
import os
from concurrent import futures

import numpy as np
import pytest
import tensorflow as tf

from data_prep.pipeline import blocks
from data_prep.pipeline import local_runner
from data_prep.pipeline import partitions
from data_prep.pipeline import prepare
from data_prep.pipeline import spill as spill_lib
from mtl_tf.data import diversity_features
from mtl_tf.data import records
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib
from tests.helpers import leaky_corpus

MIN_COUNT = 3


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """The corpus, prepared in one process, with a block for each split."""
    out_dir = str(tmp_path_factory.mktemp("prepared") / "out")
    return prepare.prepare(leaky_corpus.make_source(), out_dir, MIN_COUNT)


@functools.cache
def _tokens(text):
    tokens = tokenizer.tokenize(tf.constant([text])).flat_values
    return tuple(x.decode("utf-8") for x in tokens.numpy())


def _key(row):
    return _tokens(row.seq1), _tokens(row.seq2)


@functools.cache
def _expected():
    """Applies the rules of `prepare` to the rows, one by one."""
    kept = {}
    for task in sorted(leaky_corpus.read(), key=lambda x: x.task.name):
        splits = task.splits
        dev = {_key(row) for row in splits["dev"]}
        seen = dev | {_key(row) for row in splits["train"]}
        for split, rows in splits.items():
            kept[task.task.name, split] = [
                (row, split == "test" and _key(row) in seen)
                for row in rows
                if split != "train" or task.dev_in_train or _key(row) not in dev
            ]
    return kept


def _read(corpus, task, split):
    rows = list(records.read_rows(corpus.data_dir, task, split))
    columns = records.read_columns(corpus.data_dir, task, split, ["diversity"])
    return rows, columns["diversity"]


def test_rows_and_marks_equal_an_independent_computation(prepared):
    removed = duplicates = 0
    for (task, split), expected in _expected().items():
        rows, _ = _read(prepared, task, split)
        assert [(x.id, x.seq1, x.seq2, x.label, x.group) for x in rows] == [
            (x.id, x.seq1, x.seq2, x.label, x.group) for x, _ in expected
        ]
        assert [x.duplicate for x in rows] == [x for _, x in expected]
        duplicates += sum(x for _, x in expected)
    for task in leaky_corpus.read():
        declared = prepared.declaration["tasks"][task.task.name]
        number = len(task.splits["train"]) - declared["splits"]["train"]
        removed += number
        in_dev = {"text is in dev": number} if number else {}
        assert declared["skipped"] == {"blank line": 2} | in_dev
        assert declared["label_counts"]["train"] == dict(
            collections.Counter(
                row.label for row, _ in _expected()[task.task.name, "train"]
            )
        )
    assert removed > 2
    assert duplicates > 10
    kinds = {x["kind"] for x in prepared.declaration["findings"]}
    assert kinds >= {
        *("conflicts_in_train", "conflicts_with_train", "seq2_in_train"),
        *("test_in_other_train", "unlabeled_is_scored"),
    }


def test_words_equal_an_independent_computation(prepared):
    counts = collections.Counter()
    terms = {}
    for (task, split), expected in _expected().items():
        if split in ("train", "unlabeled"):
            counts.update(
                x for row, _ in expected for y in _key(row) for x in y
            )
        if split == "train":
            terms[task] = collections.Counter(
                x for row, _ in expected for x in _tokens(row.seq2)
            )
    words = [x for x, n in counts.items() if n >= MIN_COUNT]
    path = os.path.join(prepared.data_dir, "vocabulary.txt")
    vocabulary = vocabulary_lib.Vocabulary.read(path)
    assert list(vocabulary.tokens[4:]) == sorted(
        words, key=lambda x: (-counts[x], x)
    )
    with open(os.path.join(prepared.data_dir, "term_counts.json")) as file:
        assert json.load(file) == terms
    assert 0 < len(words) < len(counts)
    for (task, split), expected in _expected().items():
        actual = records.TokenIds.read(prepared.data_dir, task, split)
        texts = [x for row, _ in expected for x in (row.seq1, row.seq2)]
        ids = vocabulary.encode(tf.constant(texts))
        np.testing.assert_array_equal(actual.ids, ids.flat_values)
        np.testing.assert_array_equal(actual.offsets, ids.row_splits)


def test_features_are_those_of_a_served_model(prepared):
    for task, split in _expected():
        rows, actual = _read(prepared, task, split)
        compute = diversity_features.DiversityFeatures.read(prepared, task)
        tokens = tokenizer.tokenize(tf.constant([x.seq2 for x in rows]))
        np.testing.assert_allclose(actual, compute(tokens), rtol=1e-5)


def _check_equal(corpus, expected):
    assert corpus.declaration == expected.declaration
    # Checksums are declared, but not those of files that are not.
    listed = sorted(
        os.path.relpath(os.path.join(folder, name), corpus.data_dir)
        for folder, _, names in os.walk(corpus.data_dir)
        for name in names
    )
    assert listed == sorted([*corpus.declaration["files"], "corpus.json"])
    corpus.check_files()


@pytest.mark.parametrize(
    ("rows_per_block", "rows_per_partition"), [(1, 10), (7, 50), (64, 1000)]
)
def test_files_do_not_depend_on_blocks_and_partitions(
    prepared, tmp_path, monkeypatch, rows_per_block, rows_per_partition
):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", rows_per_block)
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", rows_per_partition)
    corpus = prepare.prepare(
        leaky_corpus.make_source(stream=leaky_corpus.stream),
        str(tmp_path / "out"),
        MIN_COUNT,
    )
    _check_equal(corpus, prepared)


def test_many_shards_of_records_have_the_rows_in_order(
    prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 9)
    monkeypatch.setattr(records, "ROWS_PER_SHARD", 20)
    corpus = prepare.prepare(
        leaky_corpus.make_source(), str(tmp_path / "out"), MIN_COUNT
    )
    assert (
        "records/films-test-00002-of-00003.tfrecord"
        in (corpus.declaration["files"])
    )
    for task, split in _expected():
        for actual, expected in zip(
            _read(corpus, task, split),
            _read(prepared, task, split),
            strict=True,
        ):
            np.testing.assert_array_equal(actual, expected)


def test_files_do_not_depend_on_the_number_of_processes(
    prepared, tmp_path, monkeypatch
):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 50)
    monkeypatch.setattr(local_runner, "_ROWS_PER_PROCESS", 100)
    monkeypatch.setattr(local_runner, "_MIN_ROWS_PER_UNIT", 100)
    started = []
    mapping = local_runner._mapping

    def count(processes):
        started.append(processes)
        return mapping(processes)

    monkeypatch.setattr(local_runner, "_mapping", count)
    corpus = prepare.prepare(
        leaky_corpus.make_source(stream=leaky_corpus.stream),
        str(tmp_path / "out"),
        MIN_COUNT,
        processes=2,
    )
    assert started == [2]
    _check_equal(corpus, prepared)


def test_a_small_corpus_needs_one_process(tmp_path, monkeypatch):
    monkeypatch.setattr(local_runner.futures, "ProcessPoolExecutor", None)
    prepare.prepare(
        leaky_corpus.make_source(), str(tmp_path / "out"), processes=8
    )


def _with_row(row):
    def stream(folder):
        first, *others = leaky_corpus.stream(folder)
        shards = [*first.splits["dev"], functools.partial(list, [row])]
        splits = {**first.splits, "dev": shards}
        return [
            blocks.TaskShards(first.task, splits, first.num_rows + 1),
            *others,
        ]

    return stream


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (records.Row("x", "a", "b", "nope"), "task pairs has no label 'nope'"),
        (
            records.Row("pairs-train-3", "a", "b", "no"),
            "corpus leaky: 1 ids repeat, such as pairs-train-3",
        ),
    ],
)
@pytest.mark.parametrize("processes", [1, 2])
def test_rows_of_a_stream_are_checked(
    tmp_path, monkeypatch, row, message, processes
):
    monkeypatch.setattr(local_runner, "_ROWS_PER_PROCESS", 100)
    source = leaky_corpus.make_source(stream=_with_row(row))
    with pytest.raises(ValueError, match=message):
        prepare.prepare(source, str(tmp_path / "out"), processes=processes)
    assert os.listdir(tmp_path) == []


def test_an_empty_split_of_a_stream_is_an_error(tmp_path):
    def stream(folder):
        first, *others = leaky_corpus.stream(folder)
        splits = {**first.splits, "dev": []}
        return [blocks.TaskShards(first.task, splits, 1), *others]

    with pytest.raises(ValueError, match="task pairs has no dev rows"):
        prepare.prepare(
            leaky_corpus.make_source(stream=stream), str(tmp_path / "out")
        )


def test_an_interrupted_call_ends_its_processes(tmp_path, monkeypatch):
    monkeypatch.setattr(local_runner, "_ROWS_PER_PROCESS", 100)
    pools = []
    make = local_runner.futures.ProcessPoolExecutor

    def remember(*arguments):
        pools.append(make(*arguments))
        return pools[-1]

    monkeypatch.setattr(local_runner.futures, "ProcessPoolExecutor", remember)

    # So that the second one has something to do.
    monkeypatch.setattr(local_runner, "_MIN_ROWS_PER_UNIT", 100)

    def interrupt(*_):
        processes.extend(pools[0]._processes.values())
        raise KeyboardInterrupt

    processes = []
    monkeypatch.setattr(local_runner.counts_lib, "merge", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(
            leaky_corpus.make_source(), str(tmp_path / "out"), processes=2
        )
    assert len(processes) == 2
    assert not any(process.is_alive() for process in processes)
    assert os.listdir(tmp_path) == []


def test_a_process_that_is_killed_is_an_error(tmp_path, monkeypatch):
    monkeypatch.setattr(local_runner, "_ROWS_PER_PROCESS", 100)

    def stream(folder):
        first, *others = leaky_corpus.stream(folder)
        # The process ends when it reads the rows.
        splits = {**first.splits, "dev": [functools.partial(os._exit, 9)]}
        return [blocks.TaskShards(first.task, splits, 100), *others]

    with pytest.raises(
        ChildProcessError, match="ended unexpectedly; if memory was short, use"
    ) as caught:
        prepare.prepare(
            leaky_corpus.make_source(stream=stream),
            str(tmp_path / "out"),
            processes=2,
        )
    assert isinstance(caught.value.__cause__, futures.BrokenExecutor)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("reads", [0, 7])
def test_few_results_are_outstanding(reads):
    submitted, taken = [], []

    def submit(function, value):
        submitted.append(value)
        call = futures.Future()
        call.set_result(function(value))
        return call

    results = local_runner._map(submit, 4, lambda x: 2 * x, iter(range(20)))
    for result in itertools.islice(results, reads):
        taken.append(result)
        assert len(submitted) - len(taken) < 4
    assert [*taken, *results] == list(range(0, 40, 2))
    assert submitted == list(range(20))


@pytest.mark.parametrize("rows_at_once", [100, 10_000])
def test_the_number_of_files_does_not_depend_on_the_blocks(
    tmp_path, monkeypatch, rows_at_once
):
    monkeypatch.setattr(blocks, "ROWS_PER_BLOCK", 3)
    monkeypatch.setattr(partitions, "ROWS_PER_PARTITION", 300)
    monkeypatch.setattr(partitions, "ROWS_AT_ONCE", rows_at_once)
    # Parts of 32 blocks.
    monkeypatch.setattr(local_runner, "_UNITS_PER_PROCESS", 1)
    files, write_part = collections.Counter(), spill_lib.Spill.write_part
    groups = collections.defaultdict(set)

    def remember(spill, kind, group, *arguments):
        files[kind] += 1
        groups[kind].add(group)
        write_part(spill, kind, group, *arguments)

    monkeypatch.setattr(spill_lib.Spill, "write_part", remember)
    prepare.prepare(leaky_corpus.make_source(), str(tmp_path / "out"))
    rows = sum(
        len(x) for task in leaky_corpus.read() for x in task.splits.values()
    )
    num_partitions = 1 + rows // 300
    assert 0 < files["ids"] <= num_partitions * (1 + rows // rows_at_once)
    assert files["ids"] == files["texts"]
    # Blocks are counted in parts, each of which has its marks and pairs.
    num_parts = 2 + rows // 3 // 32
    assert 0 < len(groups["marks"]) <= num_parts
    assert 0 < files["marks"] <= num_partitions * num_parts
    assert 0 < files["seq2"] <= num_partitions * num_parts


def test_training_rows_that_are_all_in_dev_are_an_error(tmp_path):
    def stream(folder):
        first, *others = leaky_corpus.stream(folder)
        splits = {**first.splits}
        dev = [row for read in splits["dev"] for row in read()]
        rows = [
            records.Row(f"t-{n}", x.seq1, x.seq2, x.label)
            for n, x in enumerate(dev)
        ]
        splits["train"] = [functools.partial(list, rows)]
        return [blocks.TaskShards(first.task, splits, 1), *others]

    with pytest.raises(
        ValueError, match="task pairs: all training texts are also in dev"
    ):
        prepare.prepare(
            leaky_corpus.make_source(stream=stream), str(tmp_path / "out")
        )


def test_tasks_are_sorted_by_name(prepared):
    assert list(prepared.declaration["tasks"]) == ["again", "films", "pairs"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
