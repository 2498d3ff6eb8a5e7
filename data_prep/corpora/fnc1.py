"""Headlines and articles, `fnc1`: Fake News Challenge, stage 1.

Two CSV files a split: `Headline,Body ID,Stance` and `Body ID,articleBody`, with
line ends inside quotes. seq1 is the headline, seq2 the body, of which the same
one stands in about thirty rows. Some bodies repeat under another id: those are
one group. A few entities such as `&nbsp;` are left in the texts, and resolved.

A fifth of train is dev, cut by body, with all four labels in both. (The split
that Augenstein et al. (2018) train on has no `unrelated` row in dev.) Headlines
stand in dev and train with other bodies, as they stand in the official files.
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
      seed: of the dev split.
      dev_in_train: not looked at: dev is cut from train.

    Raises:
      ValueError: if a row is malformed, with file and line.
    """
    del dev_in_train
    rows = {part: _read_part(files, part) for part in ("train", "test")}
    task = tasks.Task("fnc1", LABELS, _METRIC, pair=True)
    return raw_corpus.cut_by_group(
        task, files, rows, _PUBLISHED, DEV_SHARE, seed
    )


def _read_part(files, part) -> list[records.Row]:
    bodies = {}
    # The first id that a text stands under is the group of all its rows.
    groups = {}
    for record in _read_table(
        files[f"{part}_bodies"], id="Body ID", body="articleBody"
    ):
        body_id = record.values["id"]
        body = raw_text.unescape(record.values["body"]).strip()
        if body_id in bodies:
            raise ValueError(
                f"{record.where}: body {body_id} stands here twice"
            )
        group = groups.setdefault(splits.text_key(body), body_id)
        bodies[body_id] = body, group
    rows = []
    for record in _read_table(
        files[part], headline="Headline", id="Body ID", stance="Stance"
    ):
        body_id, label = record.values["id"], record.values["stance"]
        if body_id not in bodies or label not in LABELS:
            raise ValueError(
                f"{record.where}: expected the id of a body of "
                f"{files[f'{part}_bodies']} and a stance "
                f"({', '.join(LABELS)}), got {body_id!r} and {label!r}"
            )
        body, group = bodies[body_id]
        rows.append(
            records.Row(
                f"fnc1-{part}-{record.line}",
                raw_text.unescape(record.values["headline"]).strip(),
                body,
                label,
                group=f"{part}-{group}",
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
