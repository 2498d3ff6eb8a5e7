"""Your own tasks from tables in memory, for `mtl_tf.prepare`.

`memory_tables` describes the tables, and `memory_tasks` the settings of tasks.
The corpus is `custom`, as that of files.
"""

import functools
import os
from collections.abc import Mapping, Sequence

from data_prep.pipeline import memory_tables
from data_prep.pipeline import memory_tasks
from data_prep.pipeline import source
from data_prep.pipeline import task_file as task_file_lib
from data_prep.pipeline import task_rows
from mtl_tf.data import tasks as tasks_lib

READER_VERSION = 2


def make_source(
    tables: Mapping[str, object],
    settings: Mapping[str, Mapping] | None = None,
    seed: int = 0,
    license: str = "not stated",
) -> source.Source:
    """Makes the source of the corpus of tables in memory.

    Args:
      tables: by name of the task, a table, or tables by split.
      settings: settings by name of the task.
      seed: seed of random splits.
      license: terms of use of the texts.

    Raises:
      ValueError: if a table or a setting is invalid.
    """
    if not isinstance(tables, Mapping) or not tables:
        raise ValueError(
            "tasks: expected a dict from the name of a task to its table, got "
            f"{tables!r:.80}"
        )
    task_settings = memory_tasks.check_settings(settings, list(tables))
    declared = {
        name: memory_tasks.declare(
            name,
            memory_tables.read(name, task_tables),
            task_settings.get(name, {}),
        )
        for name, task_tables in tables.items()
    }
    tasks_lib.check_names(tables)
    rows = {
        name: {
            key: raw.rows(task_rows.columns_of(table, key))
            for key, raw in by_key.items()
        }
        for name, (table, by_key) in declared.items()
    }

    digests = {
        f"{name}/{key}": memory_tables.digest(table_rows)
        for name, by_key in rows.items()
        for key, table_rows in by_key.items()
    }
    return source.Source.of_stream(
        "custom",
        READER_VERSION,
        {},
        _recorded([table for table, _ in declared.values()], seed),
        license,
        functools.partial(
            _assemble, {x: y for x, (y, _) in declared.items()}, rows, seed
        ),
        digests,
    )


def _assemble(tables, rows, seed, folder):
    """Divides the rows of all tasks into splits."""
    return [
        task_rows.assemble(
            table,
            [
                task_rows.RawTable(key, table_rows, f"{name}/{key}")
                for key, table_rows in rows[name].items()
            ],
            seed,
            os.path.join(folder, name),
        )
        for name, table in tables.items()
    ]


def _recorded(tables: Sequence[task_file_lib.TaskTable], seed) -> dict:
    """Returns the settings of the tasks, and the seed if it is used."""
    settings: dict = {x.task.name: memory_tasks.to_json(x) for x in tables}
    is_random = any(table.split for table in tables)
    return {"tasks": settings} | ({"seed": seed} if is_random else {})
