"""Your own tasks from tables in memory, for `mtl_tf.prepare`.

`memory_tables` describes the tables, and `memory_tasks` the settings of tasks.
The corpus is `custom`, as that of files.
"""

from collections.abc import Mapping

from data_prep.pipeline import memory_tables
from data_prep.pipeline import memory_tasks
from data_prep.pipeline import source
from data_prep.pipeline import task_rows
from mtl_tf.data import tasks as tasks_lib

READER_VERSION = 1


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
    declared, recorded = [], {}
    digests: dict[str, str] = {}
    for name, task_tables in tables.items():
        table, by_key = memory_tasks.declare(
            name,
            memory_tables.read(name, task_tables),
            task_settings.get(name, {}),
        )
        rows = {
            key: x.rows(task_rows.columns_of(table, key))
            for key, x in by_key.items()
        }
        declared.append((table, rows))
        recorded[name] = memory_tasks.to_json(table)
        digests |= {
            f"{name}/{key}": memory_tables.digest(x) for key, x in rows.items()
        }
    tasks_lib.check_names(tables)

    def read():
        return [
            task_rows.assemble(
                table,
                [
                    task_rows.RawTable(key, x, "tables")
                    for key, x in rows.items()
                ],
                seed,
            )
            for table, rows in declared
        ]

    used_seed = {"seed": seed} if any(x.split for x, _ in declared) else {}
    return source.Source(
        "custom",
        READER_VERSION,
        {},
        {"tasks": recorded, **used_seed},
        license,
        read,
        digests,
    )
