"""Makes a prepared corpus of what a reader finds, whatever the corpus.

What it writes is described in `mtl_tf.data.records` and by `corpus.json`:

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
     "fingerprint": sha256, "settings": {what the reader was asked for},
     "checksum": sha256 of all the rest}

Two rules hold for every corpus. A train row whose tokens also stand in dev
leaves train, for dev decides when training stops (unless a reader wants dev
rows in train, for comparison with others' results). A test row whose tokens
also stand in train or dev stays and is marked `duplicate`, so that evaluation
can report the official and the de-duplicated score.
"""

import collections
import dataclasses
import hashlib
import json
import os
import re
import secrets
import shutil

import numpy as np
from absl import logging

from data_prep.pipeline import checks
from data_prep.pipeline import diversity_features as corpus_features
from data_prep.pipeline import findings
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

# Grows with each change of what is written: older corpora are prepared again.
SCHEMA = 3
IN_DEV = "text stands in dev"
# In the name of the folder that a corpus is written to.
_RANDOM_BYTES = 4


def prepare(
    source: source_lib.Source, out_dir: str, min_count: int = 2
) -> tasks.Corpus:
    """Prepares a corpus, unless `out_dir` holds just that already.

    Everything is written to a folder beside `out_dir`, which is renamed at the
    end: an interrupted call leaves `out_dir` as it was. Where `out_dir` is a
    link, it stays one, and its target is replaced. One call at a time works on
    an `out_dir`: others wait for it, and then find it prepared if they are to
    prepare the same.

    Args:
      source: the raw corpus.
      out_dir: directory to make; a corpus prepared before is replaced.
      min_count: words seen less often in train and unlabeled texts together
        are unknown words.

    Returns:
      The prepared corpus.

    Raises:
      ValueError: if raw files are missing or malformed, if the reader's rows do
        not fit their declarations, or if `out_dir` holds anything else.
    """
    if min_count < 1:
        raise ValueError(f"min_count has to be at least 1, got {min_count}")
    out_dir = files.resolve(os.path.expanduser(out_dir))
    lock = files.sibling(out_dir, "lock")
    with run_lock.wait_for(lock, f"preparing {out_dir}") as is_alone:
        _recover(out_dir)
        if is_alone:
            _remove_partial(out_dir)
        return _prepare(source, out_dir, min_count)


def _prepare(source, out_dir, min_count) -> tasks.Corpus:
    raw_checksums = source.checksums()
    fingerprint = _fingerprint(source, raw_checksums, min_count)
    if _is_prepared(out_dir, fingerprint):
        logging.info("%s is prepared already: nothing has changed", out_dir)
        return tasks.Corpus.read(out_dir)
    _check_replaceable(out_dir)
    _check_place(out_dir)

    task_rows = sorted(source.read(), key=lambda rows: rows.task.name)
    source_lib.check_rows(source.corpus, task_rows)
    # A folder that no other process has, even where files cannot be locked.
    partial = files.sibling(
        out_dir, f"partial.{secrets.token_hex(_RANDOM_BYTES)}"
    )
    os.makedirs(partial)
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
    """Of all that the prepared files depend on."""
    parts = {
        "schema": SCHEMA,
        "corpus": source.corpus,
        "reader": source.version,
        "tokenizer": tokenizer_lib.TOKENIZER_VERSION,
        "min_count": min_count,
        "settings": source.settings,
        "license": source.license,
        "source": raw_checksums,
    }
    canonical = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(canonical.encode("utf-8")).hexdigest()


def _is_prepared(out_dir: str, fingerprint: str) -> bool:
    try:
        declaration = tasks.Corpus.read(out_dir).declaration
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        if os.path.exists(os.path.join(out_dir, tasks.CORPUS_FILE)):
            logging.info("%s is prepared again: %s", out_dir, error)
        return False
    except NotADirectoryError:
        return False
    if declaration.get("fingerprint") != fingerprint:
        logging.info("%s was made of other input: prepared again", out_dir)
        return False
    for path, checksum in declaration["files"].items():
        full = os.path.join(out_dir, path)
        if not os.path.isfile(full) or source_lib.sha256(full) != checksum:
            logging.info("%s is damaged (%s): prepared again", out_dir, path)
            return False
    return True


def _check_place(out_dir: str) -> None:
    """Refuses a place that a finished folder could not be moved to."""
    if os.path.ismount(out_dir):
        raise ValueError(
            f"out_dir={out_dir} is a mount point, which cannot be replaced: "
            "give a folder in it"
        )
    # The folder is made there, and then renamed.
    reason = files.why_not_writable(os.path.dirname(out_dir))
    if reason:
        raise ValueError(f"out_dir={out_dir}: {reason}; give another out_dir")


def _check_replaceable(out_dir: str) -> None:
    """Refuses to replace a folder that holds what is not ours."""
    if not os.path.lexists(out_dir):
        return
    if not os.path.isdir(out_dir):
        raise ValueError(f"{out_dir} is a file, not a directory to write to")
    paths = [
        os.path.relpath(os.path.join(folder, name), out_dir)
        for folder, _, names in os.walk(out_dir)
        for name in names
    ]
    try:
        with open(
            os.path.join(out_dir, tasks.CORPUS_FILE), encoding="utf-8"
        ) as file:
            known = set(json.load(file)["files"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        known = _known_by_name(paths)
    known.add(tasks.CORPUS_FILE)
    for path in paths:
        if path not in known:
            raise ValueError(
                f"{out_dir} holds {path}, which is no part of a prepared "
                "corpus; the directory would be replaced: move the file "
                "or choose another out_dir"
            )


def _known_by_name(paths) -> set[str]:
    """Returns the files of a corpus whose `corpus.json` is lost."""
    known = {path for path in paths if records.is_record_file(path)}
    # Others may have a vocabulary.txt, too, but not next to these.
    if known:
        known |= {
            vocabulary_lib.VOCABULARY_FILE,
            diversity_features.TERM_COUNTS_FILE,
        }
    return known


def _write(task_rows, data_dir, min_count) -> dict:
    """Writes all but `corpus.json`; returns what that says of it."""
    tokenizer = tokens_lib.Tokenizer()
    parts = [
        _without_repetitions(task, encoded)
        for task, encoded in zip(
            task_rows, _tokenize(tokenizer, task_rows), strict=True
        )
    ]
    logging.info("tokenized: %d different tokens", len(tokenizer.tokens))

    counted = [
        encoded[split].ids
        for _, encoded in parts
        for split in ("train", "unlabeled")
        if split in encoded
    ]
    counts = np.bincount(
        np.concatenate(counted), minlength=len(tokenizer.tokens)
    )
    vocabulary = vocabulary_lib.vocabulary_from_counts(
        tokenizer.tokens, counts, min_count
    ).write(os.path.join(data_dir, vocabulary_lib.VOCABULARY_FILE))
    final_ids = tokenizer.final_ids(vocabulary)
    token_ids = [
        {split: x.with_final_ids(final_ids) for split, x in encoded.items()}
        for _, encoded in parts
    ]
    features = corpus_features.compute(
        [encoded for _, encoded in parts], tokenizer.tokens
    )
    _write_term_counts(data_dir, task_rows, features.counts)

    paths = [
        vocabulary_lib.VOCABULARY_FILE,
        diversity_features.TERM_COUNTS_FILE,
    ]
    declarations = {}
    for (task, _), tokens, diversity in zip(
        parts, token_ids, features.splits, strict=True
    ):
        name = task.task.name
        for split, rows in task.splits.items():
            paths += records.write_rows(
                data_dir, name, split, rows, diversity[split]
            )
            paths += tokens[split].write(data_dir, name, split)
        declarations[name] = _task_declaration(task)
    return {
        "tasks": declarations,
        "files": {
            path: source_lib.sha256(os.path.join(data_dir, path))
            for path in sorted(paths)
        },
        "vocabulary": {"size": len(vocabulary), "min_count": min_count},
        "diversity": {"mean": features.mean, "deviation": features.deviation},
        "findings": [
            finding.to_json()
            for finding in checks.check(parts, token_ids, min_count)
        ],
    }


def _tokenize(tokenizer, task_rows) -> list[dict]:
    """Returns the tokens of each task by split."""
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


def _write_term_counts(data_dir, task_rows, counts) -> None:
    names = [rows.task.name for rows in task_rows]
    path = os.path.join(data_dir, diversity_features.TERM_COUNTS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            dict(zip(names, counts, strict=True)), file, ensure_ascii=False
        )
        file.write("\n")


def _write_declaration(data_dir, declaration) -> None:
    path = os.path.join(data_dir, tasks.CORPUS_FILE)
    with open(path, "w", encoding="utf-8") as file:
        json.dump(
            checksums.sign(declaration), file, indent=1, ensure_ascii=False
        )
        file.write("\n")


def _without_repetitions(task, encoded):
    """Applies the two rules of the module's docstring to a task."""
    keys = {split: encoded[split].row_keys() for split in tasks.LABELED_SPLITS}
    dev = set(keys["dev"])
    keep = np.array(
        [task.dev_in_train or key not in dev for key in keys["train"]]
    )
    if not keep.any():
        raise ValueError(
            f"task {task.task.name}: every text of train stands in dev"
        )
    seen = dev.union(keys["train"])
    splits = dict(task.splits)
    splits["train"] = [
        row for row, kept in zip(splits["train"], keep, strict=True) if kept
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


def _recover(out_dir: str) -> None:
    """Brings back a corpus whose replacement stopped between two renames."""
    old = files.sibling(out_dir, "old")
    if os.path.isdir(old) and not os.path.lexists(out_dir):
        os.rename(old, out_dir)


def _remove_partial(out_dir: str) -> None:
    """Removes the folders that killed calls were writing to."""
    parent, name = os.path.split(files.sibling(out_dir, "partial"))
    random = rf"\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}"
    for found in os.listdir(parent):
        if re.fullmatch(re.escape(name) + random, found):
            shutil.rmtree(os.path.join(parent, found), ignore_errors=True)


def _log_summary(corpus: tasks.Corpus) -> None:
    for name, task in corpus.declaration["tasks"].items():
        logging.info(
            "%s: %s; skipped: %s; test rows that stand in train or dev: %d",
            name,
            ", ".join(f"{split} {n}" for split, n in task["splits"].items()),
            task["skipped"] or "none",
            task["duplicates"]["test"],
        )
    found = map(findings.Finding.from_json, corpus.declaration["findings"])
    for line in findings.summarize(list(found)):
        logging.warning("%s", line)
    logging.info("prepared corpus %s in %s", corpus.name, corpus.data_dir)
