"""Preparation of a corpus from the rows that its reader returns.

The files are described in `mtl_tf.data.records`. They are declared in
`corpus.json`:

    {"schema": 3, "corpus": NAME,
     "tasks": {NAME: {"labels": [in order], "metric": NAME, "pair": bool,
                      "splits": {SPLIT: rows},
                      "label_counts": {SPLIT: {LABEL: rows}},
                      "duplicates": {SPLIT: rows}, "skipped": {REASON: rows},
                      "raw": {counts of the raw files}}},
     "files": {PATH: sha256}, "source": {FILE: sha256}, "license": TEXT,
     "vocabulary": {"size": n, "min_count": n}, "tokenizer_version": n,
     "diversity": {"mean": [of each feature], "deviation": [of each]},
     "findings": [{"kind": KIND, "task": NAME, "count": n, "message": TEXT,
                   "examples": [ids], "by_task": {NAME: n}}],
     "fingerprint": sha256, "settings": {settings of the reader},
     "checksum": sha256 of all other keys}

Two rules hold for every corpus. A train row whose tokens are also in dev is
removed from train, since dev decides when training stops (unless a reader keeps
dev rows in train, for comparison with published results). A test row whose
tokens are also in train or dev is kept and marked as `duplicate`, so that the
official and the de-duplicated score can be reported.
"""

import collections
import dataclasses
import hashlib
import json
import os
import shutil

import numpy as np
from absl import logging

from data_prep.pipeline import checks
from data_prep.pipeline import diversity_features as corpus_features
from data_prep.pipeline import findings
from data_prep.pipeline import output_directory
from data_prep.pipeline import source as source_lib
from data_prep.pipeline import tokens as tokens_lib
from mtl_tf.data import diversity_features
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.data import tokenizer as tokenizer_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import checksums
from mtl_tf.utils import files
from mtl_tf.utils import run_lock

# Increase it with each change of the files: older corpora are prepared again.
SCHEMA = 3
IN_DEV = "text is in dev"


def prepare(
    source: source_lib.Source, out_dir: str, min_count: int = 2
) -> tasks.Corpus:
    """Prepares a corpus, unless `out_dir` already holds it.

    The corpus is written to a sibling of `out_dir` that is renamed at the end:
    an interrupted call does not change `out_dir`. If `out_dir` is a link, its
    target is replaced. Concurrent calls with the same `out_dir` wait for each
    other, so that the same corpus is prepared once.

    Args:
      source: the raw corpus.
      out_dir: the directory to write; a previous corpus is replaced.
      min_count: minimum frequency of the words of the vocabulary, in train and
        unlabeled texts together.

    Returns:
      The prepared corpus.

    Raises:
      ValueError: if raw files are missing or malformed, rows do not match
        their declarations, or `out_dir` holds other files.
    """
    if min_count < 1:
        raise ValueError(f"min_count={min_count}: expected at least 1")
    out_dir = files.resolve(os.path.expanduser(out_dir))
    lock = files.sibling(out_dir, "lock")
    with run_lock.wait_for(lock, f"preparing {out_dir}") as is_alone:
        output_directory.recover(out_dir)
        if is_alone:
            output_directory.remove_partial(out_dir)
        return _prepare(source, out_dir, min_count)


def _prepare(source, out_dir, min_count) -> tasks.Corpus:
    raw_checksums = source.checksums()
    fingerprint = _fingerprint(source, raw_checksums, min_count)
    if _is_prepared(out_dir, fingerprint):
        logging.info("%s is already prepared: nothing has changed", out_dir)
        return tasks.Corpus.read(out_dir)
    output_directory.check_replaceable(out_dir)
    output_directory.check_writable(out_dir)

    task_rows = sorted(source.read(), key=lambda rows: rows.task.name)
    source_lib.check_rows(source.corpus, task_rows)
    partial = output_directory.make_partial(out_dir)
    try:
        declaration = _write(task_rows, partial, min_count)
        declaration = {
            "schema": SCHEMA,
            "corpus": source.corpus,
            **declaration,
            "source": raw_checksums,
            "license": source.license,
            "tokenizer_version": tokenizer_lib.TOKENIZER_VERSION,
            "fingerprint": fingerprint,
            "settings": source.settings,
        }
        _write_declaration(partial, declaration)
        files.replace_folder(out_dir, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    corpus = tasks.Corpus.read(out_dir)
    _log_summary(corpus)
    return corpus


def _fingerprint(source, raw_checksums, min_count) -> str:
    """Returns a checksum of everything that the prepared files depend on."""
    inputs = {
        "schema": SCHEMA,
        "corpus": source.corpus,
        "reader": source.version,
        "tokenizer": tokenizer_lib.TOKENIZER_VERSION,
        "min_count": min_count,
        "settings": source.settings,
        "license": source.license,
        "source": raw_checksums,
    }
    canonical = json.dumps(inputs, sort_keys=True)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _is_prepared(out_dir: str, fingerprint: str) -> bool:
    try:
        declaration = tasks.Corpus.read(out_dir).declaration
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if os.path.exists(os.path.join(out_dir, tasks.CORPUS_FILE)):
            logging.info("preparing %s again: %s", out_dir, error)
        return False
    except NotADirectoryError:
        return False
    if declaration.get("fingerprint") != fingerprint:
        logging.info(
            "%s was made from other input: preparing it again", out_dir
        )
        return False
    for path, checksum in declaration["files"].items():
        full = os.path.join(out_dir, path)
        if not os.path.isfile(full) or source_lib.sha256(full) != checksum:
            logging.info(
                "%s is damaged (%s): preparing it again", out_dir, path
            )
            return False
    return True


def _write(task_rows, data_dir, min_count) -> dict:
    """Writes all files but `corpus.json`; returns what it declares of them."""
    tokenizer = tokens_lib.Tokenizer()
    encoded_tasks = [
        _deduplicate(task, encoded)
        for task, encoded in zip(
            task_rows, _tokenize(tokenizer, task_rows), strict=True
        )
    ]
    logging.info("tokenized: %d different tokens", len(tokenizer.tokens))
    vocabulary = _make_vocabulary(encoded_tasks, tokenizer.tokens, min_count)
    vocabulary = vocabulary.write(
        os.path.join(data_dir, vocabulary_lib.VOCABULARY_FILE)
    )
    final_ids = tokenizer.final_ids(vocabulary)
    token_ids = [
        {split: x.with_final_ids(final_ids) for split, x in encoded.items()}
        for _, encoded in encoded_tasks
    ]
    features = corpus_features.compute(
        [encoded for _, encoded in encoded_tasks], tokenizer.tokens
    )
    paths = [
        vocabulary_lib.VOCABULARY_FILE,
        _write_term_counts(data_dir, task_rows, features.counts),
    ]
    for (task, _), ids, diversity in zip(
        encoded_tasks, token_ids, features.splits, strict=True
    ):
        paths += _write_task(data_dir, task, ids, diversity)
    corpus_findings = checks.check(encoded_tasks, token_ids, min_count)
    return {
        "tasks": {
            task.task.name: _task_declaration(task) for task, _ in encoded_tasks
        },
        "files": {
            path: source_lib.sha256(os.path.join(data_dir, path))
            for path in sorted(paths)
        },
        "vocabulary": {"size": len(vocabulary), "min_count": min_count},
        "diversity": {"mean": features.mean, "deviation": features.deviation},
        "findings": [finding.to_json() for finding in corpus_findings],
    }


def _make_vocabulary(encoded_tasks, tokens, min_count):
    """Makes a vocabulary from the train and unlabeled texts."""
    token_ids = np.concatenate(
        [
            encoded[split].ids
            for _, encoded in encoded_tasks
            for split in ("train", "unlabeled")
            if split in encoded
        ]
    )
    counts = np.bincount(token_ids, minlength=len(tokens))
    return vocabulary_lib.vocabulary_from_counts(tokens, counts, min_count)


def _write_task(data_dir, task, token_ids, diversity) -> list[str]:
    """Writes the records and token ids of a task; returns their paths."""
    name, paths = task.task.name, []
    for split, rows in task.splits.items():
        paths += records.write_rows(
            data_dir, name, split, rows, diversity[split]
        )
        paths += token_ids[split].write(data_dir, name, split)
    return paths


def _tokenize(tokenizer, task_rows) -> list[dict]:
    """Returns the encoded texts of each task by split."""
    encoded = iter(
        tokenizer.encode(
            [x for row in rows for x in (row.seq1, row.seq2)]
            for task in task_rows
            for rows in task.splits.values()
        )
    )
    return [
        {split: next(encoded) for split in task.splits} for task in task_rows
    ]


def _write_term_counts(data_dir, task_rows, counts) -> str:
    """Writes the term counts of all tasks; returns the file's name."""
    names = [rows.task.name for rows in task_rows]
    path = os.path.join(data_dir, diversity_features.TERM_COUNTS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            dict(zip(names, counts, strict=True)), file, ensure_ascii=False
        )
        file.write("\n")
    return diversity_features.TERM_COUNTS_FILE


def _write_declaration(data_dir, declaration) -> None:
    path = os.path.join(data_dir, tasks.CORPUS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            checksums.sign(declaration), file, indent=1, ensure_ascii=False
        )
        file.write("\n")


def _deduplicate(task, encoded):
    """Applies the two rules of the module's docstring to a task."""
    keys = {split: encoded[split].row_keys() for split in tasks.LABELED_SPLITS}
    dev = set(keys["dev"])
    keep = np.array(
        [task.dev_in_train or key not in dev for key in keys["train"]]
    )
    if not keep.any():
        raise ValueError(
            f"task {task.task.name}: all training texts are also in dev"
        )
    seen = dev.union(keys["train"])
    splits = dict(task.splits)
    splits["train"] = [
        row
        for row, is_kept in zip(splits["train"], keep, strict=True)
        if is_kept
    ]
    splits["test"] = [
        dataclasses.replace(row, duplicate=key in seen)
        for row, key in zip(splits["test"], keys["test"], strict=True)
    ]
    skipped = dict(task.skipped)
    if not keep.all():
        skipped[IN_DEV] = int((~keep).sum())
    encoded = {**encoded, "train": encoded["train"].select(keep)}
    return dataclasses.replace(task, splits=splits, skipped=skipped), encoded


def _task_declaration(task: source_lib.TaskRows) -> dict:
    label_counts = {}
    for split in tasks.LABELED_SPLITS:
        counts = collections.Counter(row.label for row in task.splits[split])
        label_counts[split] = {x: counts[x] for x in task.task.labels}
    return {
        "labels": list(task.task.labels),
        "metric": task.task.metric,
        "pair": task.task.pair,
        "splits": {
            split: len(task.splits[split])
            for split in tasks.SPLITS
            if split in task.splits
        },
        "label_counts": label_counts,
        "duplicates": {
            "test": sum(row.duplicate for row in task.splits["test"])
        },
        "skipped": task.skipped,
        "raw": task.raw,
    }


def _log_summary(corpus: tasks.Corpus) -> None:
    for name, task in corpus.declaration["tasks"].items():
        logging.info(
            "%s: %s; skipped: %s; test rows that are also in train or dev: %d",
            name,
            ", ".join(f"{split} {n}" for split, n in task["splits"].items()),
            task["skipped"] or "none",
            task["duplicates"]["test"],
        )
    corpus_findings = map(
        findings.Finding.from_json, corpus.declaration["findings"]
    )
    for line in findings.summarize(list(corpus_findings)):
        logging.warning("%s", line)
    logging.info("prepared corpus %s in %s", corpus.name, corpus.data_dir)
