"""Tweets that mention a target, `target`: Dong et al. (ACL 2014).

An example is three lines: the tweet with `$T$` for the target, the target, and
-1, 0 or 1. seq1 is the target, seq2 the tweet in which the target replaces each
`$T$`. There is no dev file: dev is a tenth of train, split by text, since some
texts are repeated.
"""

from data_prep.corpora import raw_corpus
from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import lines as lines_lib
from mtl_tf.data import records
from mtl_tf.data import tasks

DEV_SHARE = 0.1
_PLACEHOLDER = "$T$"
_LABELS = {"-1": "negative", "0": "neutral", "1": "positive"}
_METRIC = "macro_f1"
_PUBLISHED = {"train": 6248, "test": 692}


def read(
    files: dict[str, str], seed: int, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train` and `test`.
      seed: seed of the dev split.
      dev_in_train: ignored: dev is split off from train.

    Raises:
      ValueError: if an example is malformed; the message names file and line.
    """
    del dev_in_train
    rows = {split: _read_file(path, split) for split, path in files.items()}
    task = tasks.Task("target", tuple(_LABELS.values()), _METRIC, pair=True)
    return raw_corpus.split_dev_by_group(
        task, files, rows, _PUBLISHED, DEV_SHARE, seed
    )


def _read_file(path, split) -> list[records.Row]:
    lines = [line for _, line in lines_lib.read(path)]
    while lines and not lines[-1].strip():
        lines.pop()
    rows = []
    # The group of a text is its first line.
    first_lines: dict[str, int] = {}
    for start in range(0, len(lines), 3):
        example = lines[start : start + 3]
        where = f"{path}:{start + 1}"
        if len(example) < 3 or _PLACEHOLDER not in example[0]:
            raise ValueError(
                f"{where}: expected a text with {_PLACEHOLDER}, its target and "
                f"a label on a line each, got {example}"
            )
        target, label = example[1].strip(), example[2].strip()
        if label not in _LABELS or not target:
            raise ValueError(
                f"{where}: expected a target and one of {', '.join(_LABELS)} "
                f"on the next two lines, got {example[1:]}"
            )
        text = example[0].replace(_PLACEHOLDER, target).strip()
        first_line = first_lines.setdefault(splits.text_key(text), start + 1)
        rows.append(
            records.Row(
                f"target-{split}-{start + 1}",
                target,
                text,
                _LABELS[label],
                group=f"{split}-{first_line}",
            )
        )
    return rows


CORPORA = (
    raw_corpus.RawCorpus(
        "target",
        ({"train": "train.raw", "test": "test.raw"},),
        "the target-dependent Twitter data of Dong et al. (ACL 2014), folder "
        "acl-14-short-data",
        "No license is stated for these tweets: for research only.",
        read,
    ),
)
