import pytest

from data_prep.corpora import absa
from mtl_tf.data import records


def _sentence(sentence_id, text, *opinions, empty=False):
    inner = "".join(
        f'<Opinion target="NULL" category="{category}" polarity="{polarity}"/>'
        for category, polarity in opinions
    )
    if opinions or empty:
        inner = f"<Opinions>{inner}</Opinions>"
    return f'<sentence id="{sentence_id}"><text>{text}</text>{inner}</sentence>'


def _document(**reviews):
    # Line ends as in the train files.
    return "\r\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>',
            "<Reviews>",
            *(
                f'<Review rid="{rid}"><sentences>{"".join(sentences)}'
                "</sentences></Review>"
                for rid, sentences in reviews.items()
            ),
            "</Reviews>",
        )
    )


# Twenty reviews of two sentences; r0 and r1 share one.
_TRAIN = _document(
    **{
        f"r{n}": [
            _sentence(
                f"r{n}:0", f"text {max(n, 1)}", ("FOOD#QUALITY", "positive")
            ),
            _sentence(
                f"r{n}:1", f"no more {n}", ("SERVICE#GENERAL", "negative")
            ),
        ]
        for n in range(20)
    }
)
_TEST = _document(
    t1=[
        _sentence(
            "t1:0",
            " Works &amp;quot;well&amp;quot; &amp; caf\u00e9 ",
            ("LAPTOP#OPERATION_PERFORMANCE", "positive"),
            ("OS#GENERAL", "neutral"),
            ("OS#GENERAL", "negative"),
        ),
        _sentence("t1:1", "Out of scope."),
        _sentence("t1:2", "Nothing said.", empty=True),
    ]
)
_NAMES = {
    "absa_laptops": (
        "ABSA16_Laptops_Train_SB1_v2.xml",
        "EN_LAPT_SB1_TEST_.xml.gold",
    ),
    "absa_restaurants": (
        "ABSA16_Restaurants_Train_SB1_v2.xml",
        "EN_REST_SB1_TEST.xml.gold",
    ),
}


def _read(folder, train=_TRAIN, test=_TEST, task="absa_laptops", seed=0):
    for name, content in zip(_NAMES[task], (train, test), strict=True):
        (folder / name).write_text(content, "utf-8", newline="")
    corpus = {corpus.name: corpus for corpus in absa.CORPORA}[task]
    return corpus.read(corpus.find(str(folder)), seed, False)


@pytest.mark.parametrize("task", _NAMES)
def test_opinions_become_rows(tmp_path, task):
    task_rows = _read(tmp_path, task=task)
    assert task_rows.task.name == task
    assert task_rows.task.labels == ("negative", "neutral", "positive")
    assert task_rows.task.metric == "accuracy"
    assert task_rows.task.pair
    text = 'Works "well" & café'
    assert task_rows.splits["test"] == [
        records.Row(
            f"{task}-test-t1:0-1",
            "LAPTOP OPERATION PERFORMANCE",
            text,
            "positive",
            "t1",
        ),
        records.Row(f"{task}-test-t1:0-2", "OS GENERAL", text, "neutral", "t1"),
        records.Row(
            f"{task}-test-t1:0-3", "OS GENERAL", text, "negative", "t1"
        ),
    ]
    assert task_rows.skipped == {"sentence without an opinion": 2}
    assert task_rows.raw["pairs_of_several_labels"] == {"train": 0, "test": 1}
    assert task_rows.raw["rows"][_NAMES[task][0]] == {
        "negative": 20,
        "positive": 20,
    }


def test_dev_is_split_by_review(tmp_path):
    seen = set()
    for seed in range(12):
        splits = _read(tmp_path, seed=seed).splits
        train = {row.group for row in splits["train"]}
        dev = {row.group for row in splits["dev"]}
        assert len(train | dev) == 20
        assert not train & dev
        assert {row.id.split("-")[1] for row in splits["dev"]} == {"dev"}
        # r0 and r1 are connected by a sentence.
        assert ("r0" in dev) == ("r1" in dev)
        assert len(dev) == 2
        seen |= dev
    assert len(seen) > 4


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ("<Reviews>\n<Review>\n", r"v2\.xml:3: expected XML"),
        ("<Docs></Docs>", "expected <Reviews>, got <Docs>"),
        (
            _document(r=[_sentence("r:0", "x", ("FOOD#QUALITY", "conflict"))]),
            "sentence r:0: .* 'conflict' of 'x'",
        ),
        (
            _document(r=[_sentence("r:0", "x", ("FOOD", "positive"))]),
            "sentence r:0: .*ENTITY#ATTRIBUTE.* 'FOOD'",
        ),
        (
            _document(r=[_sentence("r:0", " ", ("A#B", "positive"))]),
            "sentence r:0: expected a text",
        ),
        (
            _document(r=[_sentence("r:0", "x", ("A#B", ""))]),
            r"sentence r:0: expected <Opinion> with polarity=",
        ),
        (
            _document(r=[_sentence("", "x")]),
            r"v2\.xml: expected <sentence> with id=",
        ),
    ],
)
def test_malformed_files_are_an_error(tmp_path, train, message):
    with pytest.raises(ValueError, match=message):
        _read(tmp_path, train=train)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
