"""Preparation of a corpus from the rows that its reader returns.

`transforms` describes the pipeline that writes most files, on this machine or
with Apache Beam.

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

import dataclasses
import functools
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence

from absl import logging

from data_prep.pipeline import checks
from data_prep.pipeline import findings
from data_prep.pipeline import local_runner
from data_prep.pipeline import output_directory
from data_prep.pipeline import source as source_lib
from data_prep.pipeline import tally as tally_lib
from mtl_tf.data import diversity_features
from mtl_tf.data import tasks
from mtl_tf.data import tokenizer as tokenizer_lib
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import checksums
from mtl_tf.utils import files
from mtl_tf.utils import run_lock

# Increase it with each change of the files: older corpora are prepared again.
SCHEMA = 3
IN_DEV = "text is in dev"
# Folder of intermediate files.
_TEMPORARY = "temporary"


def prepare(
    source: source_lib.Source,
    out_dir: str,
    min_count: int = 2,
    processes: int = 1,
    beam_flags: Sequence[str] | None = None,
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
      processes: number of processes at most, without `beam_flags`. The files do
        not depend on it.
      beam_flags: flags of Apache Beam, such as `--runner=DirectRunner`; Beam
        then runs the same transforms, with the same files.

    Returns:
      The prepared corpus.

    Raises:
      ImportError: if `beam_flags` are given without Apache Beam.
      ValueError: if Beam does not have a flag, raw files are missing or
        malformed, rows do not match their declarations, or `out_dir` holds
        other files.
    """
    if min_count < 1:
        raise ValueError(f"min_count={min_count}: expected at least 1")
    runner = functools.partial(local_runner.run, processes=processes)
    if beam_flags is not None:
        # Beam is an extra.
        from data_prep.pipeline import beam_runner

        beam_runner.check_flags(beam_flags)
        runner = functools.partial(beam_runner.run, flags=beam_flags)
    out_dir = files.resolve(os.path.expanduser(out_dir))
    lock = files.sibling(out_dir, "lock")
    with run_lock.wait_for(lock, f"preparing {out_dir}") as is_alone:
        output_directory.recover(out_dir)
        if is_alone:
            output_directory.remove_partial(out_dir)
        return _prepare(source, out_dir, min_count, runner)


def _prepare(source, out_dir, min_count, run) -> tasks.Corpus:
    raw_checksums = source.checksums()
    fingerprint = _fingerprint(source, raw_checksums, min_count)
    if _is_prepared(out_dir, fingerprint):
        logging.info("%s is already prepared: nothing has changed", out_dir)
        return tasks.Corpus.read(out_dir)
    output_directory.check_replaceable(out_dir)
    output_directory.check_writable(out_dir)

    partial = output_directory.make_partial(out_dir)
    try:
        declaration = _write(source, partial, min_count, run)
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


def _write(source, data_dir, min_count, run) -> dict:
    """Writes all files but `corpus.json`; returns what it declares of them."""
    folder = os.path.join(data_dir, _TEMPORARY)
    tasks_shards = source.shards(os.path.join(folder, "raw"))
    summary = run(
        source.corpus,
        tasks_shards,
        data_dir,
        min_count,
        os.path.join(folder, "spill"),
    )
    shutil.rmtree(folder)
    counts, infos = summary.counts, [x.info for x in tasks_shards]
    summary.vocabulary.write(
        os.path.join(data_dir, vocabulary_lib.VOCABULARY_FILE)
    )
    _write_term_counts(data_dir, counts.terms_by_task(infos))
    tallies = tally_lib.by_task(infos, counts.tally)
    corpus_findings = checks.check(
        tallies, [x for task in tasks_shards for x in task.findings], min_count
    )
    return {
        "tasks": {
            task.task.name: _task_declaration(task, of_task)
            for task, of_task in zip(tasks_shards, tallies, strict=True)
        },
        "files": {
            path: source_lib.sha256(os.path.join(data_dir, path))
            for path in sorted(_files(data_dir))
        },
        "vocabulary": {
            "size": len(summary.vocabulary),
            "min_count": min_count,
        },
        "diversity": dataclasses.asdict(summary.statistics),
        "findings": [finding.to_json() for finding in corpus_findings],
    }


def _files(data_dir) -> Iterator[str]:
    """Yields the paths of all files, relative to a directory."""
    for folder, _, names in os.walk(data_dir):
        for name in names:
            yield os.path.relpath(os.path.join(folder, name), data_dir)


def _write_term_counts(data_dir, counts) -> None:
    """Writes the term counts of all tasks."""
    path = os.path.join(data_dir, diversity_features.TERM_COUNTS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(counts, file, ensure_ascii=False)
        file.write("\n")


def _write_declaration(data_dir, declaration) -> None:
    path = os.path.join(data_dir, tasks.CORPUS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            checksums.sign(declaration), file, indent=1, ensure_ascii=False
        )
        file.write("\n")


def _task_declaration(task, tally: tally_lib.TaskTally) -> dict:
    removed = tally.count("removed", "train")
    return {
        "labels": list(task.task.labels),
        "metric": task.task.metric,
        "pair": task.task.pair,
        "splits": {
            split: tally.rows(split)
            for split in tasks.SPLITS
            if split in task.splits
        },
        "label_counts": {
            split: dict(
                zip(task.task.labels, tally.label_counts(split), strict=True)
            )
            for split in tasks.LABELED_SPLITS
        },
        "duplicates": {"test": tally.count("duplicate", "test")},
        "skipped": task.skipped | ({IN_DEV: removed} if removed else {}),
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
