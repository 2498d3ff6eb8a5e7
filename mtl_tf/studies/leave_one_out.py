"""Leave-one-out transfer: each task from the shared encoder of the others.

Liu, Qiu & Huang 2017, section 5.5, Figure 4 and Table 3.
"""

from collections.abc import Sequence

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import leave_one_out_page
from mtl_tf.studies import leave_one_out_runs as runs_lib
from mtl_tf.studies import leave_one_out_table as table_lib
from mtl_tf.studies import result as result_lib
from mtl_tf.studies import study_directory
from mtl_tf.training import launcher

TABLE_NAME = "leave_one_out"


def run(
    config: config_lib.Config,
    held_out: Sequence[str] = (),
    processes: int = 1,
) -> result_lib.Result:
    """Runs a leave-one-out study, or resumes it.

    For each held-out task, `run_dir/TASK` then holds the run on the other tasks
    (`source`), the two transfers of its frozen shared encoder to the task
    (`single_channel`, `bi_channel`), and the baseline that is trained on the
    task alone (`single_task`). The table is in `leave_one_out.csv` and on the
    page `leave_one_out.html`.

    Args:
      config: settings of the runs on the other tasks; those of the transfers
        and the baseline follow from them.
      held_out: names of the tasks to hold out; empty: each in turn.
      processes: number of simultaneous processes.

    Returns:
      A row for each held-out task and model, then their averages.

    Raises:
      ValueError: as in `leave_one_out_runs.plan`, or if the directory holds
        another study.
      KeyboardInterrupt: after a signal; its note tells how to continue.
    """
    launcher.check_call(config, processes)
    corpus = tasks_lib.Corpus.read(config.data_dir)
    plan = runs_lib.plan(config, corpus, held_out)
    settings = study_directory.settings_of(config)
    sources = [held.source for held in plan]
    targets = [target for held in plan for target in held.targets.values()]
    with study_directory.hold(config.run_dir, runs_lib.KIND, settings, corpus):
        # The transfers start from the checkpoints of the sources.
        for configs in (sources, targets):
            launcher.train_all(configs, processes)
        table = table_lib.Table.read(config, corpus, plan)
        rows = table.records()
        table_path = study_directory.write_table(
            config.run_dir, TABLE_NAME, rows
        )
        page_path = leave_one_out_page.write(table)
    text = f"{table.format()}\ntable: {table_path}\npage: {page_path}"
    return result_lib.Result(rows, text)
