"""`mtl_tf.prepare`: from tables in memory to a prepared corpus."""

import os
from collections.abc import Mapping

from data_prep.corpora import in_memory
from data_prep.pipeline import prepare as prepare_lib
from mtl_tf.data import tasks as tasks_lib


def prepare(
    tasks: Mapping[str, object],
    out_dir: str | os.PathLike,
    *,
    settings: Mapping[str, Mapping] | None = None,
    seed: int = 0,
    min_count: int = 2,
    license: str = "not stated",
) -> tasks_lib.Corpus:
    """Prepares a corpus from tables in memory.

    It does what `python -m data_prep.main --corpus=custom` does for files. If
    `out_dir` holds the corpus of the same tables, nothing is done; that of
    others is replaced.

    A missing value is None, NaN, NaT, pandas.NA or an empty text. Rows without
    a label are left out and counted. The labels 5 and 5.0 are the same.

        mtl_tf.prepare(
            {"requests": frame, "answers": {"train": a, "dev": b, "test": c}},
            "data/mine",
            settings={"requests": {"metric": "macro_f1"}},
        )

    Args:
      tasks: by name of the task, its rows: a pandas DataFrame, an iterable of
        dicts from column to value, a `tf.data.Dataset` of dicts of scalars, or
        a dict from split (`train`, `dev`, `test`, `unlabeled`) to such tables.
      out_dir: the directory to write, the `data_dir` of `mtl_tf.Config`.
      settings: by name of the task, a dict with any of these keys, which mean
        the same as in a task file:

        `labels`: the labels in order. Default: the categories of a categorical
        column, or those that occur, numbers by value and others by letters.

        `metric`: the metric of tables and early stopping. Default: accuracy.

        `columns`: the columns of `seq2` (the text), `label`, `seq1` (the first
        text of a pair), `group`, `id` and `split`. Default: the only column of
        texts and the only one of labels; names such as `text` and `label` are
        preferred. A column `split` that contains names of splits is used.

        `split`: shares of `dev` and `test`, if they have no rows. Default: 0.15
        and 0.2.

        `absent`: texts and numbers that mean a missing value.
      seed: seed of random splits.
      min_count: minimum frequency of the words of the vocabulary, in train and
        unlabeled texts together; other words are unknown.
      license: the terms of the texts, which corpus and model card quote.

    Returns:
      The prepared corpus.

    Raises:
      ValueError: if a table, row or setting is invalid, a column is not
        obvious, or `out_dir` holds other files. Rows in messages count from 0.
    """
    source = in_memory.make_source(tasks, settings, seed, license)
    return prepare_lib.prepare(source, os.fspath(out_dir), min_count)
