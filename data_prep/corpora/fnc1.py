"""Headlines and articles, `fnc1`: Fake News Challenge, stage 1.

Each split has two CSV files, `Headline,Body ID,Stance` and `Body
ID,articleBody`, with quoted line ends. seq1 is the headline, seq2 the body,
which about thirty rows share. Some bodies are repeated with another id: their
rows have the same group. HTML entities such as `&nbsp;` are replaced.

Dev is a fifth of train, split by body, with all four labels in both. (The split
of Augenstein et al. (2018) has no `unrelated` row in dev.) Headlines of dev are
also in train with other bodies, as in the official files.
"""

from data_prep.corpora import raw_corpus
from data_prep.pipeline import raw_text
from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import records
from mtl_tf.data import tabular_files
from mtl_tf.data import tasks

DEV_SHARE = 0.2
LABELS = ("disagree", "discuss", "agree", "unrelated")
_METRIC = "accuracy"
_PUBLISHED = {"train": 49972, "test": 25413}


def read(
    files: dict[str, str], seed: int, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads the task.

    Args:
      files: paths of `train`, `train_bodies`, `test` and `test_bodies`.
      seed: seed of the dev split.
      dev_in_train: ignored: dev is split off from train.

    Raises:
      ValueError: if a row is malformed; the message names file and line.
    """
    del dev_in_train
    rows = {split: _read_split(files, split) for split in ("train", "test")}
    task = tasks.Task("fnc1", LABELS, _METRIC, pair=True)
    return raw_corpus.split_dev_by_group(
        task, files, rows, _PUBLISHED, DEV_SHARE, seed
    )


def _read_split(files, split) -> list[records.Row]:
    bodies = {}
    # The group of a text is its first id.
    groups: dict[str, str] = {}
    for record in _read_table(
        files[f"{split}_bodies"], id="Body ID", body="articleBody"
    ):
        body_id = record.values["id"]
        body = raw_text.unescape(record.values["body"]).strip()
        if body_id in bodies:
            raise ValueError(
                f"{record.where}: expected one body {body_id}, got two"
            )
        group = groups.setdefault(splits.text_key(body), body_id)
        bodies[body_id] = body, group
    rows = []
    for record in _read_table(
        files[split], headline="Headline", id="Body ID", stance="Stance"
    ):
        body_id, label = record.values["id"], record.values["stance"]
        if body_id not in bodies or label not in LABELS:
            raise ValueError(
                f"{record.where}: expected the id of a body of "
                f"{files[f'{split}_bodies']} and a stance "
                f"({', '.join(LABELS)}), got {body_id!r} and {label!r}"
            )
        body, group = bodies[body_id]
        rows.append(
            records.Row(
                f"fnc1-{split}-{record.line}",
                raw_text.unescape(record.values["headline"]).strip(),
                body,
                label,
                group=f"{split}-{group}",
            )
        )
    return rows


def _read_table(path, **columns):
    return filter(None, tabular_files.read(path, "csv", columns))


CORPORA = (
    raw_corpus.RawCorpus(
        "fnc1",
        (
            {
                "train": "train_stances.csv",
                "train_bodies": "train_bodies.csv",
                "test": "competition_test_stances.csv",
                "test_bodies": "competition_test_bodies.csv",
            },
        ),
        "Fake News Challenge, stage 1 (FNC-1), repository fnc-1 of its "
        "organizers",
        "No license is stated for these articles: for research only.",
        read,
    ),
)
