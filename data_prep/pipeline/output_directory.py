"""The directory that a corpus is written to."""

import json
import os
import re
import secrets
import shutil

from mtl_tf.data import diversity_features
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.data import vocabulary as vocabulary_lib
from mtl_tf.utils import files

# Of the random suffix of a partial corpus' name.
_RANDOM_BYTES = 4


def make_partial(out_dir: str) -> str:
    """Makes the directory in which a corpus is written before it is renamed.

    Its name is random: no other process uses it, even where files cannot be
    locked.
    """
    path = files.sibling(out_dir, f"partial.{secrets.token_hex(_RANDOM_BYTES)}")
    os.makedirs(path)
    return path


def remove_partial(out_dir: str) -> None:
    """Removes the partial corpora of killed processes."""
    parent, name = os.path.split(files.sibling(out_dir, "partial"))
    random = rf"\.[0-9a-f]{{{2 * _RANDOM_BYTES}}}"
    for entry in os.listdir(parent):
        if re.fullmatch(re.escape(name) + random, entry):
            shutil.rmtree(os.path.join(parent, entry), ignore_errors=True)


def recover(out_dir: str) -> None:
    """Restores a corpus whose replacement stopped between two renames."""
    old = files.sibling(out_dir, "old")
    if os.path.isdir(old) and not os.path.lexists(out_dir):
        os.rename(old, out_dir)


def check_writable(out_dir: str) -> None:
    """Raises a ValueError if a directory cannot be moved to `out_dir`."""
    if os.path.ismount(out_dir):
        raise ValueError(
            f"out_dir={out_dir} is a mount point, which cannot be replaced: "
            "use a directory in it"
        )
    # The partial corpus is made in the parent directory.
    reason = files.why_not_writable(os.path.dirname(out_dir))
    if reason:
        raise ValueError(f"out_dir={out_dir}: {reason}; use another out_dir")


def check_replaceable(out_dir: str) -> None:
    """Raises a ValueError if `out_dir` holds files that are not of a corpus."""
    if not os.path.lexists(out_dir):
        return
    if not os.path.isdir(out_dir):
        raise ValueError(f"{out_dir} is a file, expected a directory")
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
                f"{out_dir} holds {path}, which is not part of a prepared "
                "corpus; the directory would be replaced: move the file "
                "or choose another out_dir"
            )


def _known_by_name(paths) -> set[str]:
    """Returns the files of a corpus whose `corpus.json` is missing."""
    known = {path for path in paths if records.is_record_file(path)}
    # A vocabulary.txt without records may belong to something else.
    if known:
        known |= {
            vocabulary_lib.VOCABULARY_FILE,
            diversity_features.TERM_COUNTS_FILE,
        }
    return known
