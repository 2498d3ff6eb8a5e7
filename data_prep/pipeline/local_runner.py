"""Runs the pipeline on this machine, in one process or several.

Blocks and partitions lie in files in between, so that the memory of a process
does not depend on the number of rows: it grows with the number of distinct
words, which the vocabulary and the term counts need.
"""

import bisect
import collections
import contextlib
import dataclasses
import functools
import itertools
import multiprocessing
import signal
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent import futures

import tensorflow as tf
from absl import logging

from data_prep.pipeline import blocks
from data_prep.pipeline import counts as counts_lib
from data_prep.pipeline import diversity_features
from data_prep.pipeline import duplicates
from data_prep.pipeline import outputs
from data_prep.pipeline import partition_writer
from data_prep.pipeline import partitions
from data_prep.pipeline import source
from data_prep.pipeline import spill as spill_lib
from data_prep.pipeline import tally as tally_lib
from data_prep.pipeline import transforms
from mtl_tf.utils import display_names

# A process that starts needs some seconds for TensorFlow: it pays for as many
# rows.
_ROWS_PER_PROCESS = 100_000
# Each process has several units of rows and parts of blocks, at least of these
# sizes. Larger ones have fewer files in partitions.
_MIN_ROWS_PER_UNIT = 1 << 15
_UNITS_PER_PROCESS = 8
_MIN_BLOCKS_PER_PART = 4
_MAX_BLOCKS_PER_PART = 32


@dataclasses.dataclass(frozen=True)
class _Context:
    """Arguments of all stages, which are sent to processes.

    Attributes:
      corpus: name of the corpus.
      infos: the tasks.
      folder: folder of intermediate values.
      data_dir: directory of the corpus.
      partitions: number of partitions of rows that are compared.
      processes: number of processes.
    """

    corpus: str
    infos: tuple[blocks.TaskInfo, ...]
    folder: str
    data_dir: str
    partitions: int
    processes: int

    @property
    def threads(self) -> int | None:
        """Number of threads of a process; None for one for each core."""
        return 1 if self.processes > 1 else None

    @property
    def spill(self) -> spill_lib.Spill:
        """Intermediate values."""
        return spill_lib.Spill(self.folder)


def run(
    corpus: str,
    tasks_shards: Sequence[blocks.TaskShards],
    data_dir: str,
    min_count: int,
    folder: str,
    processes: int = 1,
) -> transforms.Summary:
    """Writes the records and token ids of a corpus.

    Args:
      corpus: name of the corpus.
      tasks_shards: the tasks, in the order of their names.
      data_dir: directory of the corpus.
      min_count: minimum frequency of the words of the vocabulary.
      folder: folder of intermediate values.
      processes: number of processes at most; a small corpus needs one.

    Returns:
      What `corpus.json` declares of the rows. It does not depend on the number
      of processes.

    Raises:
      ValueError: if a row does not match its task, ids repeat, or a task has no
        training rows left.
    """
    num_rows = sum(x.num_rows for x in tasks_shards)
    processes = max(1, min(processes, num_rows // _ROWS_PER_PROCESS))
    context = _Context(
        corpus,
        tuple(x.info for x in tasks_shards),
        folder,
        data_dir,
        partitions.count(num_rows),
        processes,
    )
    units = _units(transforms.shards_of(tasks_shards), num_rows, processes)
    with _mapping(processes) as map_units:
        try:
            return _run(context, units, min_count, map_units)
        finally:
            _tables.cache_clear()
            _tokenizer.cache_clear()


def _units(shards, num_rows, processes) -> list[list]:
    """Returns lists of shards that are tokenized together."""
    if processes == 1:
        return [shards]
    rows = min(
        partitions.ROWS_AT_ONCE, num_rows // processes // _UNITS_PER_PROCESS
    )
    rows = max(_MIN_ROWS_PER_UNIT, rows)
    size = max(1, rows * len(shards) // num_rows)
    starts = range(0, len(shards), size)
    return [shards[start : start + size] for start in starts]


@contextlib.contextmanager
def _mapping(processes) -> Iterator[Callable]:
    """Yields a map function, which uses processes if there are several."""
    if processes == 1:
        yield map
        return
    pool = futures.ProcessPoolExecutor(
        processes,
        # TensorFlow's threads do not survive a fork.
        multiprocessing.get_context("spawn"),
        _start_process,
    )
    try:
        yield functools.partial(_map, pool.submit, 2 * processes)
        pool.shutdown()
    except futures.BrokenExecutor as error:
        raise ChildProcessError(
            "a process ended unexpectedly; if memory was short, use fewer "
            "--processes"
        ) from error
    except BaseException:
        for process in list(pool._processes.values()):
            process.terminate()
        pool.shutdown(cancel_futures=True)
        raise


def _map(submit, limit, function, values) -> Iterator:
    """Yields the results of a function, in order.

    Args:
      submit: method `submit` of an executor.
      limit: number of calls at most that are waiting, running, or have a result
        that is not yet read.
      function: the function.
      values: its arguments.
    """
    calls: collections.deque[futures.Future] = collections.deque()
    for value in values:
        if len(calls) == limit:
            yield calls.popleft().result()
        calls.append(submit(function, value))
    while calls:
        yield calls.popleft().result()


def _start_process() -> None:
    # The parent process ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)


def _run(context, units, min_count, map_units) -> transforms.Summary:
    def stage(function: Callable, values: Iterable) -> Iterator:
        return map_units(functools.partial(function, context), values)

    spill = context.spill
    keys = sorted(itertools.chain.from_iterable(stage(_tokenize, units)))
    logging.info("tokenized: %s", display_names.counted(len(keys), "block"))
    parts = _in_parts(keys, context.processes)
    spill.write("part_starts", (0,), [part[0] for part in parts])
    tally = _merge(stage(_compare_ids, spill.groups("ids")))
    if number := tally.counts["repeated_ids",]:
        first = tally.first["repeated_ids",][0].ids[0]
        raise source.repeated_ids(context.corpus, number, first)
    tally.merge(_merge(stage(_compare_texts, spill.groups("texts"))))
    spill.remove("ids", "texts")
    counts = counts_lib.merge(stage(_count, enumerate(parts)))
    tally.merge(_merge(stage(_compare_seq2, spill.groups("seq2"))))
    spill.remove("seq2", "marks")
    tables = transforms.Tables.of(counts, context.infos, min_count)
    spill.write("tables", (0,), tables)
    keys = sorted(tables.places)
    parts = _in_parts(keys, context.processes)
    tally.merge(_merge(stage(_measure, parts)))
    spill.remove("tokens")
    statistics = diversity_features.summarize(
        _Features(
            spill,
            [
                x
                for x in keys
                if context.infos[x.task].splits[x.split] == "train"
            ],
        )
    )
    spill.write("statistics", (0,), statistics)
    for _ in stage(_serialize, keys):
        pass
    spill.remove("rows", "features")
    for _ in stage(_write_shard, spill.groups("records")):
        pass
    counts.tally.merge(tally)
    return transforms.Summary(counts, tables.vocabulary, statistics)


def _in_parts(keys, processes) -> list[list[blocks.BlockKey]]:
    """Returns keys in lists, whose blocks are handled together."""
    size = min(
        _MAX_BLOCKS_PER_PART, len(keys) // processes // _UNITS_PER_PROCESS
    )
    size = max(_MIN_BLOCKS_PER_PART, size)
    return [keys[start : start + size] for start in range(0, len(keys), size)]


def _merge(tallies: Iterable[tally_lib.Tally]) -> tally_lib.Tally:
    merged = tally_lib.Tally()
    for tally in tallies:
        merged.merge(tally)
    return merged


@dataclasses.dataclass(frozen=True)
class _Features:
    """Features of blocks, read anew by each iteration."""

    spill: spill_lib.Spill
    keys: Sequence[blocks.BlockKey]

    def __iter__(self):
        return (self.spill.read("features", key) for key in self.keys)


@functools.lru_cache(1)
def _tokenizer(infos, threads) -> transforms.BlockTokenizer:
    # Tracing takes a second.
    return transforms.BlockTokenizer(infos, threads)


@functools.lru_cache(1)
def _tables(folder) -> transforms.Tables:
    return spill_lib.Spill(folder).read("tables", (0,))


def _tokenize(context, shards) -> list[blocks.BlockKey]:
    """Reads and tokenizes shards; returns the keys of their blocks."""
    spill, keys = context.spill, []
    row_blocks = (
        block
        for shard in shards
        for block in transforms.read_blocks(shard, context.infos)
    )
    tokenize = _tokenizer(context.infos, context.threads)
    ids, texts = (_writer(context, kind) for kind in ("ids", "texts"))
    for rows, tokens in tokenize(row_blocks):
        spill.write("rows", rows.key, rows)
        spill.write("tokens", rows.key, tokens)
        ids.add(duplicates.id_table(tokens))
        texts.add(duplicates.text_table(tokens))
        keys.append(rows.key)
    ids.flush()
    texts.flush()
    return keys


def _writer(context, kind) -> partition_writer.PartitionWriter:
    return partition_writer.PartitionWriter(
        context.spill, kind, context.partitions
    )


def _compare_ids(context, partition) -> tally_lib.Tally:
    tables = context.spill.read_parts("ids", partition)
    return duplicates.compare_ids(tables)


def _compare_texts(context, partition) -> tally_lib.Tally:
    spill = context.spill
    marks, tally = duplicates.compare_texts(
        spill.read_parts("texts", partition), context.infos
    )
    starts = spill.read("part_starts", (0,))
    for index, part in itertools.groupby(
        marks, lambda x: bisect.bisect_right(starts, x[0]) - 1
    ):
        spill.write_part("marks", (index,), partition, list(part))
    return tally


def _count(context, numbered_part) -> counts_lib.CorpusCounts:
    """Counts the blocks of a part, after all texts are compared."""
    index, keys = numbered_part
    spill, merged = context.spill, counts_lib.CorpusCounts()
    marks_of = collections.defaultdict(list)
    for part in spill.read_parts("marks", (index,)):
        for key, rows, of_rows in part:
            marks_of[key].append((rows, of_rows))
    seq2 = _writer(context, "seq2")
    for key in keys:
        block = spill.read("tokens", key)
        marks = transforms.combine_marks(block, marks_of[key])
        spill.write("marks_of_block", key, marks)
        if context.infos[key.task].task.pair:
            seq2.add(duplicates.seq2_table(block, marks))
        merged.merge(counts_lib.count(block, marks, context.infos))
    seq2.flush()
    return merged


def _compare_seq2(context, partition) -> tally_lib.Tally:
    tables = context.spill.read_parts("seq2", partition)
    return duplicates.compare_seq2(tables, context.infos)


def _measure(context, keys) -> tally_lib.Tally:
    """Computes the features of blocks, and writes their token ids."""
    spill, tables = context.spill, _tables(context.folder)
    tally = tally_lib.Tally()
    for key in keys:
        block = spill.read("tokens", key)
        marks = spill.read("marks_of_block", key)
        spill.write("features", key, tables.measure(block, marks))
        tally.merge(tables.write_token_ids(block, marks, context.data_dir))
    return tally


def _serialize(context, key) -> None:
    spill = context.spill
    statistics = spill.read("statistics", (0,))
    parts = _tables(context.folder).serialize(
        spill.read("rows", key),
        spill.read("marks_of_block", key),
        statistics.z_score(spill.read("features", key)),
    )
    for shard, part in parts.items():
        spill.write_part("records", shard, key, part)


def _write_shard(context, shard) -> None:
    spill, key = context.spill, outputs.ShardKey(*shard)
    outputs.write_shard(
        context.data_dir,
        key,
        spill.read_parts("records", shard),
        _tables(context.folder).num_rows[key[:2]],
        context.infos,
    )
    # All of them would take as much space as the corpus.
    spill.remove_group("records", shard)
