"""Runs the pipeline with Apache Beam, by any of its runners.

It needs the extra beam. Workers write the files of the corpus themselves: those
of several machines need its directory on a disk that they share.
"""

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import Any

from data_prep.pipeline import blocks
from data_prep.pipeline import counts as counts_lib
from data_prep.pipeline import diversity_features
from data_prep.pipeline import duplicates
from data_prep.pipeline import outputs
from data_prep.pipeline import partitions
from data_prep.pipeline import source
from data_prep.pipeline import spill as spill_lib
from data_prep.pipeline import tally as tally_lib
from data_prep.pipeline import transforms

try:
    import apache_beam as beam
    from apache_beam.options import pipeline_options
except ImportError as error:
    raise ImportError(
        f"--runner needs the extra beam ({error}): pip install 'mtl_tf[beam]'"
    ) from None

# Of rows that are compared, at least. Beam distributes them.
_MIN_PARTITIONS = 64


def run(
    corpus: str,
    tasks_shards: Sequence[blocks.TaskShards],
    data_dir: str,
    min_count: int,
    folder: str,
    flags: Sequence[str],
) -> transforms.Summary:
    """Writes the records and token ids of a corpus; see `local_runner.run`.

    Args:
      corpus: name of the corpus.
      tasks_shards: the tasks, in the order of their names.
      data_dir: directory of the corpus.
      min_count: minimum frequency of the words of the vocabulary.
      folder: folder of intermediate values.
      flags: flags of Beam, such as `--runner=DirectRunner`, from
        `check_flags`.

    Raises:
      ValueError: if a row does not match its task, ids repeat, or a task has no
        training rows left.
    """
    context = _Context(
        corpus,
        tuple(x.info for x in tasks_shards),
        folder,
        data_dir,
        min_count,
        partitions.count(
            sum(x.num_rows for x in tasks_shards), _MIN_PARTITIONS
        ),
    )
    options = pipeline_options.PipelineOptions(list(flags))
    with beam.Pipeline(options=options) as pipeline:
        shards = transforms.shards_of(tasks_shards)
        _build(pipeline, shards, context)
    return spill_lib.Spill(folder).read("summary", (0,))


def check_flags(flags: Sequence[str]) -> None:
    """Checks flags of Beam, without reading a corpus.

    Args:
      flags: the flags.

    Raises:
      ValueError: if Beam does not have a flag or the runner, or the runner
        needs other flags.
    """
    parser = pipeline_options._BeamArgumentParser(allow_abbrev=False)
    for options in pipeline_options.PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    _, unknown = parser.parse_known_args(list(flags))
    if unknown:
        raise ValueError(
            f"unexpected argument {unknown[0]!r}: not a flag of Apache Beam, "
            "whose flags follow after --"
        )
    # Makes the runner, which has its own checks; nothing runs.
    beam.Pipeline(options=pipeline_options.PipelineOptions(list(flags)))


@dataclasses.dataclass(frozen=True)
class _Context:
    """Arguments of all steps, which are sent to workers.

    Attributes:
      corpus: name of the corpus.
      infos: the tasks.
      folder: folder of the summary.
      data_dir: directory of the corpus.
      min_count: minimum frequency of the words of the vocabulary.
      partitions: number of partitions of rows that are compared.
    """

    corpus: str
    infos: tuple[blocks.TaskInfo, ...]
    folder: str
    data_dir: str
    min_count: int
    partitions: int


def _build(pipeline, shards, context) -> None:
    """Adds all steps to a pipeline."""
    rows, tokens = _read(pipeline, shards, context)
    marks, tally = _compare(tokens, context)
    # Key and value: a block of tokens with the marks of its rows.
    marked = (
        {"block": tokens, "marks": marks}
        | "join marks" >> beam.CoGroupByKey()
        | "combine marks" >> beam.MapTuple(_combine_marks)
    )
    tally_seq2 = _by_partition(marked, "seq2", _seq2_tables, context) | (
        "compare seq2"
        >> beam.MapTuple(lambda _, x: duplicates.compare_seq2(x, context.infos))
    )
    counts = (
        marked
        | "count"
        >> beam.MapTuple(
            lambda _, x: counts_lib.count(x[0], x[1], context.infos)
        )
        | "combine counts" >> beam.CombineGlobally(counts_lib.merge)
    )
    checked_ids = beam.pvalue.AsSingleton(
        _by_partition(tokens, "ids", _id_tables, context)
        | "compare ids" >> beam.MapTuple(lambda _, x: duplicates.compare_ids(x))
        | "combine ids" >> beam.CombineGlobally(_merge)
        | "check ids" >> beam.Map(_check_ids, context)
    )
    tables = beam.pvalue.AsSingleton(
        counts | "tables" >> beam.Map(_make_tables, checked_ids, context)
    )
    tally_unknown = marked | "token ids" >> beam.Map(
        lambda x, tables: tables.write_token_ids(*x[1], context.data_dir),
        tables,
    )
    features = marked | "features" >> beam.Map(
        lambda x, tables: (x[0], tables.measure(*x[1])), tables
    )
    statistics = (
        pipeline
        | "once" >> beam.Create([None])
        | "summarize"
        >> beam.Map(_summarize, tables, beam.pvalue.AsMultiMap(features))
    )
    _write_records(rows, marked, features, tables, statistics, context)
    tallies = (
        (tally, tally_seq2, tally_unknown)
        | "all tallies" >> beam.Flatten()
        | "combine tallies" >> beam.CombineGlobally(_merge)
    )
    _ = counts | "summary" >> beam.Map(
        _write_summary,
        tables,
        beam.pvalue.AsSingleton(tallies),
        beam.pvalue.AsSingleton(statistics),
        context,
    )


def _read(pipeline, shards, context):
    """Reads and tokenizes all shards; returns blocks of rows and of tokens."""
    both = (
        pipeline
        | "shards" >> beam.Create(shards)
        | "distribute shards" >> beam.Reshuffle()
        | "read" >> beam.FlatMap(transforms.read_blocks, context.infos)
        | "distribute blocks" >> beam.Reshuffle()
        | "tokenize" >> beam.ParDo(_Tokenize(context.infos))
    )
    rows = both | "rows" >> beam.Map(lambda x: (x[0].key, x[0]))
    tokens = both | "tokens" >> beam.Map(lambda x: (x[1].key, x[1]))
    return rows, tokens


class _Tokenize(beam.DoFn):
    """Tokenizes blocks one by one."""

    def __init__(self, infos):
        self._infos = infos

    def process(self, element: blocks.RowBlock) -> Iterator[Any]:
        """Yields a block with its tokens."""
        yield from _tokenizer(self._infos)([element])


@functools.lru_cache(1)
def _tokenizer(infos) -> transforms.BlockTokenizer:
    # Tracing takes a second.
    return transforms.BlockTokenizer(infos)


def _by_partition(values, name, make, context):
    """Groups the rows of tables by their partition."""
    return (
        values
        | f"tables of {name}" >> beam.FlatMap(make, context)
        | f"group {name}" >> beam.GroupByKey()
    )


def _text_tables(value, context):
    _, block = value
    return duplicates.text_table(block).partition(context.partitions)


def _id_tables(value, context):
    _, block = value
    return duplicates.id_table(block).partition(context.partitions)


def _seq2_tables(value, context):
    key, (block, marks) = value
    if not context.infos[key[0]].task.pair:
        return iter(())
    return duplicates.seq2_table(block, marks).partition(context.partitions)


def _compare(tokens, context):
    """Compares all texts; returns marks by block, and tallies."""
    compared = _by_partition(tokens, "texts", _text_tables, context) | (
        "compare texts"
        >> beam.MapTuple(
            lambda _, x: duplicates.compare_texts(x, context.infos)
        )
    )
    marks = compared | "marks" >> beam.FlatMap(
        lambda x: [(key, (rows, marks)) for key, rows, marks in x[0]]
    )
    return marks, compared | "tallies" >> beam.Map(lambda x: x[1])


def _combine_marks(key, parts):
    (block,) = parts["block"]
    return key, (block, transforms.combine_marks(block, parts["marks"]))


def _merge(tallies) -> tally_lib.Tally:
    merged = tally_lib.Tally()
    for tally in tallies:
        merged.merge(tally)
    return merged


def _check_ids(tally, context) -> None:
    if number := tally.counts["repeated_ids",]:
        first = tally.first["repeated_ids",][0].ids[0]
        raise source.repeated_ids(context.corpus, number, first)


def _make_tables(counts, checked_ids, context) -> transforms.Tables:
    del checked_ids
    return transforms.Tables.of(counts, context.infos, context.min_count)


@dataclasses.dataclass(frozen=True)
class _Features:
    """Features of the blocks of train, in order, looked up one by one."""

    by_key: Any
    keys: Sequence[blocks.BlockKey]

    def __iter__(self):
        for key in self.keys:
            yield from self.by_key[key]


def _summarize(once, tables, features) -> diversity_features.Statistics:
    del once
    keys = [
        key
        for key in sorted(tables.places)
        if tables.infos[key.task].splits[key.split] == "train"
    ]
    return diversity_features.summarize(_Features(features, keys))


def _write_records(rows, marked, features, tables, statistics, context):
    """Writes the shards of records."""
    parts = {"rows": rows, "marked": marked, "features": features}
    _ = (
        parts
        | "join rows" >> beam.CoGroupByKey()
        | "serialize"
        >> beam.FlatMap(_serialize, tables, beam.pvalue.AsSingleton(statistics))
        | "group records" >> beam.GroupByKey()
        | "write records" >> beam.Map(_write_shard, tables, context)
    )


def _serialize(value, tables, statistics):
    key, parts = value
    (rows,), ((_, marks),) = parts["rows"], parts["marked"]
    (features,) = parts["features"]
    diversity = statistics.z_score(features)
    for shard, part in tables.serialize(rows, marks, diversity).items():
        yield shard, (key, part)


def _write_shard(value, tables, context) -> str:
    shard, parts = value
    key = outputs.ShardKey(*shard)
    return outputs.write_shard(
        context.data_dir,
        key,
        [part for _, part in sorted(parts)],
        tables.num_rows[key[:2]],
        context.infos,
    )


def _write_summary(counts, tables, tally, statistics, context) -> None:
    counts.tally.merge(tally)
    summary = transforms.Summary(counts, tables.vocabulary, statistics)
    spill_lib.Spill(context.folder).write("summary", (0,), summary)
