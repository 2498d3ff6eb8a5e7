"""Prepares a corpus: python -m data_prep.main --corpus=NAME --out_dir=DIR.

    --corpus=vader     four domains of short rated texts, fetched with pip
    --corpus=fdu_mtl   16 review corpora, from the folder --raw_dir
    --corpus=custom    tasks of one's own, declared in --task_file
    --corpus=synthetic generated pairs whose truth is known
    --corpus=pairwise  those of eight corpora of pairs whose files stand in the
                       folder --raw_dir, or one of them: topic2, topic5, target,
                       stance, absa_laptops, absa_restaurants, fnc1, multinli

The module of each corpus says what it reads, `prepare` what is written.
"""

import os
import sys

from absl import flags
from absl import logging

from data_prep.corpora import names
from data_prep.pipeline import task_file as task_file_lib
from mtl_tf.data import lines
from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption

_PAIRWISE = (names.PAIRWISE, *names.PAIRWISE_CORPORA)
_CORPUS = flags.DEFINE_enum(
    "corpus",
    None,
    list(names.CORPORA),
    "The corpus to prepare.",
)
_RAW_DIR = flags.DEFINE_string(
    "raw_dir",
    None,
    "Folder of the raw files: fdu_mtl, pairwise and its corpora need it; vader "
    "fetches its package into it (default: raw/vader beside out_dir).",
)
_OUT_DIR = flags.DEFINE_string(
    "out_dir", None, "Directory to write; a corpus in it is replaced."
)
_TASK_FILE = flags.DEFINE_string(
    "task_file", None, "TOML file that declares the tasks of corpus custom."
)
_MIN_COUNT = flags.DEFINE_integer(
    "min_count",
    2,
    "Words seen less often in train and unlabeled texts are unknown words.",
    lower_bound=1,
)
_DEV_SPLIT = flags.DEFINE_enum(
    "dev_split",
    "last",
    list(names.DEV_SPLITS),
    "fdu_mtl: dev is the last 200 rows of a train file, or drawn by text.",
)
_DEV_IN_TRAIN = flags.DEFINE_bool(
    "dev_in_train",
    False,
    "pairwise, stance, topic2, topic5: train on the rows of dev (stance) and "
    "devtest (topics) as well, as the published research code does. A leak, "
    "for comparison only.",
)
_ROWS = flags.DEFINE_integer(
    "rows",
    2000,
    "synthetic: training rows of a task; its other splits grow with them.",
)
_MAIN_ROWS = flags.DEFINE_integer(
    "main_rows", 100, "synthetic: training rows of the main task, stances."
)
_NOISE = flags.DEFINE_float(
    "noise", 0.1, "synthetic: share of the labels that are drawn at random."
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of the splits made here, and of what is generated."
)
_INSPECT = flags.DEFINE_bool(
    "inspect",
    False,
    "Print examples, label counts and lengths of the prepared corpus.",
)
_INSPECT_LENGTH = flags.DEFINE_integer(
    "inspect_length",
    200,
    "With --inspect: print the share of texts with more tokens than this.",
    lower_bound=1,
)


def main(argv: list[str]) -> None:
    """Prepares the corpus that the flags name."""
    out_dir = _path(_OUT_DIR)
    try:
        with interruption.raised():
            if len(argv) > 1:
                raise ValueError(
                    f"unexpected argument {argv[1]!r}: flags start with --"
                )
            _check_flags()
            _prepare(out_dir)
    except BaseException as error:
        # A message is what helps with input that is not as expected; -v 1
        # shows where it was noticed.
        folder = os.path.dirname(os.path.abspath(out_dir))
        sys.exit(failures.report("data_prep", error, folder))


def _prepare(out_dir):
    # It brings TensorFlow, which takes seconds to start.
    with entry_point.quiet_tensorflow():
        from data_prep import inspection
        from data_prep.pipeline import prepare
    try:
        corpus = prepare.prepare(_source(), out_dir, _MIN_COUNT.value)
    except KeyboardInterrupt as interrupt:
        interrupt.advice = (
            f"{out_dir} is as it was; give the same command again"
        )
        raise
    if _INSPECT.value:
        for line in inspection.describe(corpus, _INSPECT_LENGTH.value):
            print(line)


def _path(flag):
    """The path that a flag gives, with a leading ~ expanded."""
    return os.path.expanduser(flag.value or "")


def _check_flags():
    """Refuses what needs no corpus to be seen as wrong."""
    corpus = _CORPUS.value
    if not corpus:
        raise ValueError(
            f"--corpus is missing: one of {', '.join(names.CORPORA)}"
        )
    if not _OUT_DIR.value:
        raise ValueError("--out_dir is empty: name the directory to write")
    _refuse(_RAW_DIR, corpus not in ("custom", "synthetic"))
    _refuse(_TASK_FILE, corpus == "custom")
    _refuse(_DEV_SPLIT, corpus == "fdu_mtl")
    for flag in (_ROWS, _MAIN_ROWS, _NOISE):
        _refuse(flag, corpus == "synthetic")
    _refuse(_DEV_IN_TRAIN, corpus in _PAIRWISE)
    if corpus == "custom":
        if not _TASK_FILE.value:
            raise ValueError("corpus custom needs --task_file=FILE")
        declared, _ = task_file_lib.read(_path(_TASK_FILE))
        for task in declared:
            for path, _ in task.files.values():
                lines.check_file(path)
    elif corpus not in ("synthetic", "vader") and not _RAW_DIR.value:
        raise ValueError(f"corpus {corpus} needs --raw_dir=DIR")


def _source():
    """The raw corpus that the flags name."""
    from data_prep.corpora import custom
    from data_prep.corpora import fdu_mtl
    from data_prep.corpora import pairwise
    from data_prep.corpora import synthetic
    from data_prep.corpora import vader

    corpus = _CORPUS.value
    if corpus == "synthetic":
        return synthetic.make_source(
            _ROWS.value, _MAIN_ROWS.value, _NOISE.value, _SEED.value
        )
    if corpus == "vader":
        beside = os.path.dirname(os.path.abspath(_path(_OUT_DIR)))
        return vader.make_source(
            _path(_RAW_DIR) or os.path.join(beside, "raw", "vader"), _SEED.value
        )
    if corpus == "custom":
        return custom.make_source(_path(_TASK_FILE), _SEED.value)
    if corpus == "fdu_mtl":
        return fdu_mtl.make_source(
            _path(_RAW_DIR), _DEV_SPLIT.value, _SEED.value
        )
    return pairwise.make_source(
        corpus, _path(_RAW_DIR), _SEED.value, _DEV_IN_TRAIN.value
    )


def _refuse(flag, allowed):
    if flag.present and not allowed:
        raise ValueError(
            f"--{flag.name} means nothing for corpus {_CORPUS.value}"
        )


def run() -> None:
    """The console script."""
    logging.set_verbosity(logging.INFO)
    with interruption.quick_exit():
        entry_point.run(main, "data_prep", __name__)


if __name__ == "__main__":
    run()
