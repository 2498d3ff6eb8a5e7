"""Reproduces a table of the two papers, from training to the page.

    python -m reproduction.main --table=asp_mtl_table2

trains what is missing and prints the table. A job is a command of `mtl_tf.main`
on a corpus in --data_dir; its outcome is kept as a record. The same command
resumes, even if the directories of ended jobs have been deleted. --list shows
the commands of the missing jobs instead. --page writes the table into a page of
the documentation after each job.
"""

import os

from absl import flags

from mtl_tf.utils import entry_point
from mtl_tf.utils import failures
from mtl_tf.utils import interruption

_TABLE = flags.DEFINE_string("table", "", "Name of the table.")
_DATA_DIR = flags.DEFINE_string(
    "data_dir",
    "data",
    "Directory of the prepared corpora: data_prep.main with "
    "--out_dir=DATA_DIR/fdu_mtl and --out_dir=DATA_DIR/pairwise.",
)
_RUNS_DIR = flags.DEFINE_string(
    "runs_dir", "runs", "Directory of the jobs' runs and studies."
)
_RECORDS_DIR = flags.DEFINE_string(
    "records_dir",
    None,
    "Directory of the records of ended jobs (default: RUNS_DIR/records).",
)
_NUM_SEEDS = flags.DEFINE_integer(
    "num_seeds", None, "Number of seeds (default: that of the table).", 1
)
_PROCESSES = flags.DEFINE_integer(
    "processes", 1, "Number of simultaneous jobs, each with one thread.", 1
)
_LIST = flags.DEFINE_bool(
    "list", False, "Show the missing jobs and the table, and train nothing."
)
_PAGE = flags.DEFINE_string(
    "page", None, "Markdown page into whose marked part the table is written."
)


def main(argv: list[str]) -> int:
    """Runs the command; returns the exit status."""
    runs_dir = os.path.expanduser(_RUNS_DIR.value)
    try:
        with interruption.raised():
            entry_point.refuse_arguments(argv)
            # Imported late, as TensorFlow takes seconds to start.
            with entry_point.quiet_tensorflow():
                from reproduction import registry
                from reproduction import reproduction as reproduction_lib
            table = registry.find(_TABLE.value)
            reproduction = reproduction_lib.Reproduction(
                table,
                table.jobs(_NUM_SEEDS.value),
                os.path.expanduser(_DATA_DIR.value),
                runs_dir,
                os.path.expanduser(_RECORDS_DIR.value or "")
                or os.path.join(runs_dir, "records"),
                os.path.expanduser(_PAGE.value or ""),
            )
            reproduction.record_ended()
            if _LIST.value:
                for command in reproduction.missing_commands():
                    print(command)
            else:
                reproduction.run(_PROCESSES.value)
            print(f"\n{reproduction.write()}\n")
    except BaseException as error:
        return failures.report("reproduction", error, runs_dir)
    return 0


def run() -> None:
    """Runs the command."""
    entry_point.configure_logging()
    with interruption.quick_exit():
        entry_point.run(main, "reproduction", __name__)


if __name__ == "__main__":
    run()
