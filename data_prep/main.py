"""Prepares a corpus: python -m data_prep.main --corpus=NAME --out_dir=DIR.

    --init=FILE        writes a task file for your own tables, one a task

    --corpus=vader     four domains of rated short texts, downloaded with pip
    --corpus=fdu_mtl   16 review corpora, from the directory --raw_dir
    --corpus=custom    your own tasks, declared in --task_file
    --corpus=synthetic generated pairs with known labels
    --corpus=pairwise  the pairwise corpora whose files are in the directory
                       --raw_dir, or one of them: topic2, topic5, target,
                       stance, absa_laptops, absa_restaurants, fnc1, multinli

The module of each corpus describes its raw files, `prepare` the prepared ones.
"""

import os
import sys

from absl import flags

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
    "Directory of the raw files, required for fdu_mtl, pairwise and its "
    "corpora; vader is downloaded to it (default: raw/vader next to out_dir).",
)
_OUT_DIR = flags.DEFINE_string(
    "out_dir", None, "Output directory; a corpus in it is replaced."
)
_TASK_FILE = flags.DEFINE_string(
    "task_file",
    None,
    "custom: TOML file that declares the tasks. --init writes it (default: "
    "tasks.toml next to the first table).",
)
_INIT = flags.DEFINE_multi_string(
    "init",
    [],
    "Write a task file for these tables (TSV, CSV or JSONL; by commas, or one "
    "flag each), to be edited: labels, columns and metric are guessed. Each "
    "table is a task; train.csv, dev.csv and test.csv of a folder are one.",
)
_MIN_COUNT = flags.DEFINE_integer(
    "min_count",
    2,
    "Minimum frequency of the words of the vocabulary in train and unlabeled "
    "texts; other words are unknown.",
    lower_bound=1,
)
_DEV_SPLIT = flags.DEFINE_enum(
    "dev_split",
    "last",
    list(names.DEV_SPLITS),
    "fdu_mtl: dev is the last 200 rows of each train file, or a random sample.",
)
_DEV_IN_TRAIN = flags.DEFINE_bool(
    "dev_in_train",
    False,
    "pairwise, stance, topic2, topic5: also train on the rows of dev (stance) "
    "and devtest (topics), as the published research code does. A leak, for "
    "comparison only.",
)
_ROWS = flags.DEFINE_integer(
    "rows",
    2000,
    "synthetic: number of training rows of each task; other splits scale with "
    "it.",
)
_MAIN_ROWS = flags.DEFINE_integer(
    "main_rows",
    100,
    "synthetic: number of training rows of stances, the main task.",
)
_NOISE = flags.DEFINE_float(
    "noise", 0.1, "synthetic: fraction of random labels."
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of random splits and of generated corpora."
)
_PROCESSES = flags.DEFINE_integer(
    "processes",
    None,
    "Processes at most, one for each 100,000 texts; default: the number of "
    "cores. The prepared files do not depend on it.",
    lower_bound=1,
)
_RUNNER = flags.DEFINE_string(
    "runner",
    None,
    "Prepare the corpus with this runner of Apache Beam, such as DirectRunner, "
    "which the extra beam installs. Beam's other flags follow after --. The "
    "prepared files are the same.",
)
_INSPECT = flags.DEFINE_bool(
    "inspect",
    False,
    "Print label counts, lengths and examples of the prepared corpus.",
)
_INSPECT_LENGTH = flags.DEFINE_integer(
    "inspect_length",
    200,
    "With --inspect: also print the share of texts with more tokens than this.",
    lower_bound=1,
)


def main(argv: list[str]) -> None:
    """Prepares the corpus that the flags select."""
    out_dir = _path(_OUT_DIR)
    try:
        with interruption.raised():
            if _RUNNER.value is None or _INIT.value:
                entry_point.refuse_arguments(argv)
            if _INIT.value:
                _check_flags_of_init()
                _write_task_file()
            else:
                _check_flags()
                _prepare(out_dir, argv[1:])
    except BaseException as error:
        # Invalid input needs a message, not a traceback, which -v 1 shows.
        folder = os.path.dirname(os.path.abspath(out_dir))
        sys.exit(failures.report("data_prep", error, folder))


def _prepare(out_dir, beam_flags):
    # TensorFlow takes seconds to import: check the flags first.
    with entry_point.quiet_tensorflow():
        from data_prep import inspection
        from data_prep.pipeline import prepare
    try:
        corpus = prepare.prepare(
            _source(),
            out_dir,
            _MIN_COUNT.value,
            _PROCESSES.value or os.cpu_count() or 1,
            [f"--runner={_RUNNER.value}", *beam_flags]
            if _RUNNER.value is not None
            else None,
        )
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(f"{out_dir} is unchanged; repeat the command")
        raise
    if _INSPECT.value:
        for line in inspection.describe(corpus, _INSPECT_LENGTH.value):
            print(line)


def _check_flags_of_init():
    """Raises a ValueError if a flag is given that --init does not use."""
    for flag in (
        *(_RAW_DIR, _OUT_DIR, _MIN_COUNT, _DEV_SPLIT, _DEV_IN_TRAIN, _ROWS),
        *(_MAIN_ROWS, _NOISE, _SEED, _INSPECT, _INSPECT_LENGTH),
        *(_PROCESSES, _RUNNER),
    ):
        if flag.present:
            raise ValueError(f"--{flag.name} is not used by --init")
    if _CORPUS.value not in (None, "custom"):
        raise ValueError(
            f"--init is for --corpus=custom, got --corpus={_CORPUS.value}"
        )


def _write_task_file():
    """Writes the task file of the tables in --init, and prints what is next."""
    from data_prep.pipeline import task_file_draft

    paths: list[str] = []
    for value in map(os.path.expanduser, _INIT.value):
        # The name of a file may contain a comma.
        whole = [value] if os.path.exists(value) else value.split(",")
        paths += filter(None, whole)
    if not paths:
        raise ValueError("--init is empty: expected files by commas")
    default = os.path.join(os.path.dirname(paths[0]), "tasks.toml")
    path = _path(_TASK_FILE) or default
    drafts = task_file_draft.draft(paths, os.path.dirname(path))
    task_file_draft.write(drafts, path)
    print(f"{path}: written; correct what was guessed wrongly")
    for task in drafts:
        print(f"  {task.summary}")
    command = task_file_draft.next_command(drafts, path)
    print(f"Next:\n{command}")


def _path(flag):
    """Returns the path in a flag, with a leading ~ expanded."""
    return os.path.expanduser(flag.value or "")


def _check_flags():
    """Checks all that can be checked without reading the corpus."""
    corpus = _CORPUS.value
    if not corpus:
        raise ValueError(
            f"--corpus is missing: expected one of {', '.join(names.CORPORA)}"
        )
    if not _OUT_DIR.value:
        raise ValueError("--out_dir is missing: expected a directory")
    _check_used(_RAW_DIR, corpus not in ("custom", "synthetic"))
    _check_used(_TASK_FILE, corpus == "custom")
    _check_used(_DEV_SPLIT, corpus == "fdu_mtl")
    for flag in (_ROWS, _MAIN_ROWS, _NOISE):
        _check_used(flag, corpus == "synthetic")
    _check_used(_DEV_IN_TRAIN, corpus in _PAIRWISE)
    if _RUNNER.value is not None and not _RUNNER.value.strip():
        raise ValueError(
            "--runner is empty: expected a runner of Apache Beam, such as "
            "DirectRunner"
        )
    if _PROCESSES.present and _RUNNER.present:
        raise ValueError("--processes is not used by --runner")
    if corpus == "custom":
        if not _TASK_FILE.value:
            raise ValueError("--corpus=custom needs --task_file=FILE")
        declared, _ = task_file_lib.read(_path(_TASK_FILE))
        for task in declared:
            for path, _ in task.files.values():
                lines.check_file(path)
    elif corpus not in ("synthetic", "vader") and not _RAW_DIR.value:
        raise ValueError(f"--corpus={corpus} needs --raw_dir=DIR")


def _source():
    """Makes the source of the corpus that the flags select."""
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
        parent = os.path.dirname(os.path.abspath(_path(_OUT_DIR)))
        default = os.path.join(parent, "raw", "vader")
        return vader.make_source(_path(_RAW_DIR) or default, _SEED.value)
    if corpus == "custom":
        return custom.make_source(_path(_TASK_FILE), _SEED.value)
    if corpus == "fdu_mtl":
        return fdu_mtl.make_source(
            _path(_RAW_DIR), _DEV_SPLIT.value, _SEED.value
        )
    return pairwise.make_source(
        corpus, _path(_RAW_DIR), _SEED.value, _DEV_IN_TRAIN.value
    )


def _check_used(flag, allowed):
    """Raises a ValueError if a flag is given that is not used."""
    if flag.present and not allowed:
        raise ValueError(
            f"--{flag.name} is not used by --corpus={_CORPUS.value}"
        )


def run() -> None:
    """Runs the console script."""
    entry_point.configure_logging()
    with interruption.quick_exit():
        entry_point.run(main, "data_prep", __name__)


if __name__ == "__main__":
    run()
