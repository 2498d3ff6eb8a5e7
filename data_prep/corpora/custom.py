"""Your own tasks, `custom`: a TOML task file, and TSV, CSV or JSONL files.

    license = "CC0"                      # optional, recorded in corpus.json

    [tasks.requests]                     # one table per task
    labels = ["billing", "delivery"]     # in order
    metric = "macro_f1"                  # optional; default: accuracy
    file = "requests.tsv"                # is split:
    split = {dev = 0.1, test = 0.2}      # train has the remaining rows
    columns = {seq2 = "message", label = "intent"}

    [tasks.answers]
    labels = ["no", "yes"]
    train = "answers/train.jsonl"        # or one file per split
    dev = "answers/dev.jsonl"
    test = "answers/test.jsonl"
    unlabeled = "answers/more.jsonl"     # optional
    columns = {seq1 = "question", seq2 = "answer", label = "label"}

Paths are relative to the task file. `columns` names the columns of

    seq2    the text that is classified; default: "text"
    label   default: "label"
    seq1    the optional first text of a pair
    group   optional; rows with the same group stay in one split
    id      optional
    split   optional, of `file`: the split that each row belongs to, instead of
            shares in `split`. Shares then divide the rows of train.

Column indices from 0 instead of names mean files without a header. The format
is that of the extension, or `format`. `delimiter` is the delimiter of tables
that do not use a tab or comma. `file` is split by label; repeated texts stay in
one split. Files of any size are read row by row; above 200,000 rows, the split
of a text or group is drawn by its hash (`pipeline/hashed_splits`), so that
shares are met on average.

A missing value is JSON's null, an empty text, or one of the texts in `absent`,
such as ["NA"]. Rows without a label, and rows whose text is in `absent`, are
skipped and counted; a text that is empty or null is kept as the empty text, and
counted.

Each row has one label. Regression targets and several labels per row are not
supported.
"""

import os

from data_prep.pipeline import blocks
from data_prep.pipeline import source
from data_prep.pipeline import task_file as task_file_lib
from data_prep.pipeline import task_rows
from mtl_tf.data import tabular_files

READER_VERSION = 4


def make_source(task_file: str, seed: int = 0) -> source.Source:
    """Makes the source of the corpus that a task file declares.

    Args:
      task_file: path of the TOML file.
      seed: seed of random splits.

    Raises:
      ValueError: if the file is missing or invalid.
    """
    tables_by_task, license = task_file_lib.read(task_file)
    folder = os.path.dirname(task_file)
    files = {os.path.basename(task_file): task_file}
    for table in tables_by_task:
        for path, _ in table.files.values():
            files[os.path.relpath(path, folder or ".")] = path
    settings = {"seed": seed} if any(t.split for t in tables_by_task) else {}

    def stream(folder):
        return [
            _read_task(table, seed, os.path.join(folder, table.task.name))
            for table in tables_by_task
        ]

    return source.Source.of_stream(
        "custom", READER_VERSION, files, settings, license, stream
    )


def _read_task(
    table: task_file_lib.TaskTable, seed: int, folder: str
) -> blocks.TaskShards:
    """Reads the files of a task row by row, and splits `file`."""
    tables = [
        task_rows.RawTable(
            key,
            tabular_files.read(
                path,
                file_format,
                task_rows.columns_of(table, key),
                table.delimiter,
            ),
            path,
            is_tsv=file_format == "tsv",
        )
        for key, (path, file_format) in table.files.items()
    ]
    return task_rows.assemble(table, tables, seed, folder)
