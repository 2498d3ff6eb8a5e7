"""Aspects of reviews, `absa_laptops` and `absa_restaurants`.

SemEval-2016 Task 5, subtask 1, English: reviews of sentences with opinions, in
XML. Each opinion is a row: seq1 is its category, `ENTITY#ATTRIBUTE` in words,
seq2 its sentence. Pitfalls:

- Sentences have any number of opinions. Without one, the element `Opinions` is
  missing or empty; such sentences are skipped.
- Opinions on several targets of a restaurant's sentence share category and
  sentence, and some of them have different polarities: these are counted, and
  kept.
- The gold files escape some entities twice, `&amp;quot;`.
- Gold files have categories that are not in train.

There is no dev file: dev is a tenth of train, split by review; reviews that
share a sentence stay in one split.
"""

import collections
import functools
from collections.abc import Iterator
from xml.etree import ElementTree

from data_prep.corpora import raw_corpus
from data_prep.pipeline import raw_text
from data_prep.pipeline import source
from data_prep.pipeline import splits
from mtl_tf.data import records
from mtl_tf.data import tasks

DEV_SHARE = 0.1
NO_OPINION = "sentence without an opinion"
_LABELS = ("negative", "neutral", "positive")
_METRIC = "accuracy"
_PUBLISHED = {
    "absa_laptops": {"train": 2909, "test": 801},
    "absa_restaurants": {"train": 2507, "test": 859},
}


def read(
    task: str, files: dict[str, str], seed: int, dev_in_train: bool = False
) -> source.TaskRows:
    """Reads a task.

    Args:
      task: `absa_laptops` or `absa_restaurants`.
      files: paths of `train` and `test`.
      seed: seed of the dev split.
      dev_in_train: ignored: dev is split off from train.

    Raises:
      ValueError: if a file is not as described above; the message names the
        sentence.
    """
    del dev_in_train
    rows: dict[str, list[records.Row]] = {}
    num_skipped = 0
    for split, path in files.items():
        rows[split] = []
        for sentence in _sentences(path):
            opinions = list(_opinions(path, sentence, f"{task}-{split}"))
            rows[split] += opinions
            num_skipped += not opinions
    raw = raw_corpus.count_rows(
        task,
        files,
        {split: [row.label for row in x] for split, x in rows.items()},
        _PUBLISHED[task],
    )
    raw["pairs_of_several_labels"] = {
        split: _count_conflicts(x) for split, x in rows.items()
    }
    train = rows["train"]
    keys = [
        [("review", row.group), ("text", splits.text_key(row.seq2))]
        for row in train
    ]
    rows |= raw_corpus.split_dev(train, keys, DEV_SHARE, seed)
    return source.TaskRows(
        tasks.Task(task, _LABELS, _METRIC, pair=True),
        rows,
        skipped={NO_OPINION: num_skipped} if num_skipped else {},
        raw=raw,
    )


def _sentences(path) -> Iterator[ElementTree.Element]:
    """Yields the sentences, with the id of the review as attribute `rid`."""
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        line, _ = error.position
        raise ValueError(f"{path}:{line}: expected XML, got: {error}") from None
    if root.tag != "Reviews":
        raise ValueError(f"{path}: expected <Reviews>, got <{root.tag}>")
    for review in root.iter("Review"):
        for sentence in review.iter("sentence"):
            sentence.set("rid", _attribute(path, review, "rid"))
            yield sentence


def _opinions(path, sentence, prefix) -> Iterator[records.Row]:
    sentence_id = _attribute(path, sentence, "id")
    where = f"{path}: sentence {sentence_id}"
    text = raw_text.unescape(sentence.findtext("text", "")).strip()
    for index, opinion in enumerate(sentence.iter("Opinion"), start=1):
        category = _attribute(where, opinion, "category")
        label = _attribute(where, opinion, "polarity")
        if not text or category.count("#") != 1 or label not in _LABELS:
            raise ValueError(
                f"{where}: expected a text with opinions of a category "
                f"ENTITY#ATTRIBUTE and a polarity ({', '.join(_LABELS)}), got "
                f"{category!r} and {label!r} of {text[:60]!r}"
            )
        yield records.Row(
            f"{prefix}-{sentence_id}-{index}",
            category.replace("#", " ").replace("_", " "),
            text,
            label,
            group=sentence.get("rid"),
        )


def _attribute(where, element, name) -> str:
    value = element.get(name)
    if not value:
        raise ValueError(
            f"{where}: expected <{element.tag}> with {name}=..., got "
            f"{dict(element.attrib)}"
        )
    return value


def _count_conflicts(rows) -> int:
    """Counts the pairs of category and sentence that have several labels."""
    labels = collections.defaultdict(set)
    for row in rows:
        sentence = row.id.rpartition("-")[0]
        labels[sentence, row.seq1].add(row.label)
    return sum(len(x) > 1 for x in labels.values())


def _corpus(task, train, test) -> raw_corpus.RawCorpus:
    return raw_corpus.RawCorpus(
        task,
        ({"train": train, "test": test},),
        "SemEval-2016 Task 5 (Aspect-Based Sentiment Analysis), subtask 1, "
        "English, which its organizers distribute through META-SHARE",
        "META-SHARE terms of the organizers of SemEval-2016 Task 5: for "
        "research only.",
        functools.partial(read, task),
    )


CORPORA = (
    _corpus(
        "absa_laptops",
        "ABSA16_Laptops_Train_SB1_v2.xml",
        "EN_LAPT_SB1_TEST_.xml.gold",
    ),
    _corpus(
        "absa_restaurants",
        "ABSA16_Restaurants_Train_SB1_v2.xml",
        "EN_REST_SB1_TEST.xml.gold",
    ),
)
