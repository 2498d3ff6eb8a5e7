"""Tweets about a topic, `topic2` and `topic5`: SemEval-2016 Task 4 B and C.

A line is `ID<TAB>TOPIC<TAB>LABEL<TAB>TEXT`. seq1 is the topic, seq2 the tweet;
the topic is also the group that the metrics average over. No two files share a
topic. What a naive reader trips over:

- In train, dev and devtest files quotes are characters like others, and often
  unbalanced. In the test files, texts with a comma or a quote are CSV-quoted.
- In the test file of task B most lines end with a further tab, and a tweet
  stands on two lines, the first of which opens a quote.
- `&amp;`, `&lt;` and `&gt;` stand for `&`, `<` and `>`.
- Who fetched the tweets by their ids has "Not Available" where they are gone:
  such rows are left out and counted.
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
# Labels as the files have them, in order, and their names.
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
      files: paths of `train`, `dev`, `test`, and perhaps of `devtest`.
      seed: not looked at, for nothing is drawn.
      dev_in_train: whether the rows of `devtest` are train rows as well.

    Raises:
      ValueError: if a line is malformed, with file and line.
    """
    del seed
    rows, gone = {}, 0
    for part, path in files.items():
        found = [
            _parse(f"{path}:{number}", line, task, f"{task}-{part}-{number}")
            for number, line in _lines(path, quoted=part == "test")
        ]
        rows[part] = [row for row in found if row.seq2 != "Not Available"]
        gone += len(found) - len(rows[part])
    raw = raw_corpus.count_rows(
        task,
        files,
        {part: [row.label for row in x] for part, x in rows.items()},
        _PUBLISHED[task],
    )
    if dev_in_train:
        rows["train"] += rows.pop("devtest")
    return source.TaskRows(
        tasks.Task(
            task, tuple(_LABELS[task].values()), _METRICS[task], pair=True
        ),
        rows,
        skipped={UNAVAILABLE: gone} if gone else {},
        raw=raw,
    )


def _lines(path, quoted) -> Iterator[tuple[int, str]]:
    """Numbers and lines; lines that a quoted text runs over are one.

    Quotes are taken off.
    """
    lines = lines_lib.read(path)
    for number, line in lines:
        if not line.strip():
            continue
        if quoted:
            while _is_open(line):
                following = next(lines, None)
                if following is None:
                    raise ValueError(
                        f"{path}:{number}: expected a quote to be closed, got "
                        f"the end of the file: {line[:60]!r}"
                    )
                line = f"{line} {following[1]}"
            line = "\t".join(_without_quotes(x) for x in line.split("\t"))
        yield number, line


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
    def name(part):
        return f"twitter-2016{part}-{suffix}.txt"

    return raw_corpus.RawCorpus(
        task,
        ({part: name(part) for part in ("train", "dev", "test")},),
        "the release of SemEval-2017 Task 4 (Sentiment Analysis in Twitter), "
        f"which holds the data of 2016: English, GOLD/Subtasks_{suffix}",
        "CC BY 3.0 as the release says; its user agrees to Twitter's terms, in "
        "particular not to redistribute the tweets.",
        functools.partial(read, task),
        dev_files={"devtest": name("devtest")},
    )


CORPORA = (_corpus("topic2", "BD"), _corpus("topic5", "CE"))
