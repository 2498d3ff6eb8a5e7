"""Tweets about a topic, `topic2` and `topic5`: SemEval-2016 Task 4 B and C.

A line is `ID<TAB>TOPIC<TAB>LABEL<TAB>TEXT`. seq1 is the topic, seq2 the tweet;
the topic is also the group that the metrics average over. Files do not share
topics. Pitfalls:

- In train, dev and devtest files quotes are ordinary characters, and often
  unbalanced. In the test files, texts with a comma or a quote are CSV-quoted.
- In the test file of task B most lines end with another tab, and one quoted
  tweet has two lines.
- `&amp;`, `&lt;` and `&gt;` are escapes of `&`, `<` and `>`.
- In files whose tweets were downloaded by id, deleted tweets are "Not
  Available": these rows are skipped and counted.
"""

import functools
from collections.abc import Iterator

from data_prep.corpora import raw_corpus
from data_prep.pipeline import raw_text
from data_prep.pipeline import source
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import records
from mtl_tf.data import tasks

UNAVAILABLE = "tweet not available"
# Names of the labels by their spelling in the files, in order.
_LABELS = {
    "topic2": {"negative": "negative", "positive": "positive"},
    "topic5": {
        "-2": "very_negative",
        "-1": "negative",
        "0": "neutral",
        "1": "positive",
        "2": "very_positive",
    },
}
_METRICS = {"topic2": "macro_recall_by_topic", "topic5": "macro_mae_by_topic"}
_PUBLISHED = {
    "topic2": {"train": 4346, "dev": 1325, "devtest": 1417, "test": 10551},
    "topic5": {"train": 6000, "dev": 2000, "devtest": 2000, "test": 20632},
}


def read(
    task: str, files: dict[str, str], seed: int, dev_in_train: bool
) -> source.TaskRows:
    """Reads a task.

    Args:
      task: `topic2` or `topic5`.
      files: paths of `train`, `dev`, `test`, and optionally `devtest`.
      seed: ignored: the splits are not random.
      dev_in_train: whether train also has the rows of `devtest`.

    Raises:
      ValueError: if a line is malformed; the message names file and line.
    """
    del seed
    rows, num_unavailable = {}, 0
    for role, path in files.items():
        all_rows = [
            _parse(f"{path}:{n}", line, task, f"{task}-{role}-{n}")
            for n, line in _read_lines(path, quoted=role == "test")
        ]
        rows[role] = [row for row in all_rows if row.seq2 != "Not Available"]
        num_unavailable += len(all_rows) - len(rows[role])
    raw = raw_corpus.count_rows(
        task,
        files,
        {role: [row.label for row in x] for role, x in rows.items()},
        _PUBLISHED[task],
    )
    if dev_in_train:
        rows["train"] += rows.pop("devtest")
    return source.TaskRows(
        tasks.Task(
            task, tuple(_LABELS[task].values()), _METRICS[task], pair=True
        ),
        rows,
        skipped={UNAVAILABLE: num_unavailable} if num_unavailable else {},
        raw=raw,
    )


def _read_lines(path, quoted) -> Iterator[tuple[int, str]]:
    """Yields line numbers and lines; a quoted text may have several lines.

    Quotes are removed.
    """
    lines = lines_lib.read(path)
    for line_number, line in lines:
        if not line.strip():
            continue
        if quoted:
            while _is_open(line):
                following = next(lines, None)
                if following is None:
                    raise ValueError(
                        f"{path}:{line_number}: expected a closing quote, got "
                        f"the end of the file: {line[:60]!r}"
                    )
                line = f"{line} {following[1]}"
            line = "\t".join(_without_quotes(x) for x in line.split("\t"))
        yield line_number, line


def _is_open(line) -> bool:
    text = line.rpartition("\t")[2]
    return text.startswith('"') and text.count('"') % 2 == 1


def _without_quotes(cell) -> str:
    inner = cell[1:-1]
    if len(cell) < 2 or cell != f'"{inner}"':
        return cell
    # A single quote inside: the outer ones belong to the text.
    if '"' in inner.replace('""', ""):
        return cell
    return inner.replace('""', '"')


def _parse(where, line, task, row_id) -> records.Row:
    cells = line.split("\t")
    if len(cells) == 5 and not cells[4]:
        cells.pop()
    labels = _LABELS[task]
    if len(cells) != 4 or not cells[0].isdecimal() or cells[2] not in labels:
        raise ValueError(
            f"{where}: expected an id, a topic, a label ({', '.join(labels)}) "
            f"and a text between tabs, got {line[:60]!r}"
        )
    _, topic, label, text = cells
    text = raw_text.unescape(text).strip()
    return records.Row(row_id, topic, text, labels[label], group=topic)


def _corpus(task, suffix) -> raw_corpus.RawCorpus:
    def name(role):
        return f"twitter-2016{role}-{suffix}.txt"

    return raw_corpus.RawCorpus(
        task,
        ({role: name(role) for role in ("train", "dev", "test")},),
        "the release of SemEval-2017 Task 4 (Sentiment Analysis in Twitter), "
        f"which contains the data of 2016: English, GOLD/Subtasks_{suffix}",
        "CC BY 3.0 according to the release; users agree to Twitter's terms, "
        "in particular not to redistribute the tweets.",
        functools.partial(read, task),
        dev_files={"devtest": name("devtest")},
    )


CORPORA = (_corpus("topic2", "BD"), _corpus("topic5", "CE"))
