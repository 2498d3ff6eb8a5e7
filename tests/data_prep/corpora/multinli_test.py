import pytest

from data_prep.corpora import multinli
from mtl_tf.data import records

_OFFICIAL_HEADER = [
    "gold_label",
    "sentence1_binary_parse",
    "sentence2_binary_parse",
    "sentence1_parse",
    "sentence2_parse",
    "sentence1",
    "sentence2",
    "promptID",
    "pairID",
    "genre",
    "label1",
    "label2",
    "label3",
    "label4",
    "label5",
]


def _official(*rows):
    """Formats (label, premise, hypothesis) as lines of 15 columns."""
    return [_OFFICIAL_HEADER] + [
        [label, *(["( p )"] * 4), seq1, seq2, "7", "7n", "slate", label]
        + [""] * 4
        for label, seq1, seq2 in rows
    ]


def _four_columns(*rows):
    return [["sentence1", "sentence2", "label", "genre"]] + [
        [seq1, seq2, label, "fiction"] for label, seq1, seq2 in rows
    ]


_TRAIN = [
    ("neutral", 'An odd " quote', "Hypothesis. "),
    ("-", "no", "agreement"),
    ("entailment", "p", "h"),
]
_VALIDATION = [
    ("contradiction", "p1", "h1"),
    ("-", "p2", "h2"),
    ("neutral", "p3", "h3"),
    ("entailment", "p4", "h4"),
]


def _write(folder, train_name, validation_name, form, train=_TRAIN):
    for name, rows in ((train_name, train), (validation_name, _VALIDATION)):
        lines = ["\t".join(cells) for cells in form(*rows)]
        (folder / name).write_text("\n".join(lines) + "\n", "utf-8")


def _read(folder):
    (corpus,) = multinli.CORPORA
    return corpus.read(corpus.find(str(folder)), 0, False)


@pytest.mark.parametrize(
    ("train_name", "validation_name", "form"),
    [
        ("multinli_0.9_train.txt", "multinli_0.9_dev_matched.txt", _official),
        ("multinli_1.0_train.txt", "multinli_1.0_dev_matched.txt", _official),
        ("sample_multinli_train.txt", "sample_multinli_dev.txt", _official),
        ("mnli_train.tsv", "mnli_val.tsv", _four_columns),
    ],
)
def test_rows_of_each_release(tmp_path, train_name, validation_name, form):
    _write(tmp_path, train_name, validation_name, form)
    task_rows = _read(tmp_path)
    assert task_rows.task.labels == ("contradiction", "neutral", "entailment")
    assert task_rows.task.metric == "accuracy"
    assert task_rows.task.pair
    assert task_rows.splits == {
        "train": [
            records.Row(
                "multinli-train-2", 'An odd " quote', "Hypothesis.", "neutral"
            ),
            records.Row("multinli-train-4", "p", "h", "entailment"),
        ],
        # Alternating between dev and test, among the rows with a label.
        "dev": [
            records.Row("multinli-dev-2", "p1", "h1", "contradiction"),
            records.Row("multinli-dev-5", "p4", "h4", "entailment"),
        ],
        "test": [records.Row("multinli-test-4", "p3", "h3", "neutral")],
    }
    assert task_rows.skipped == {"no gold label": 2}
    assert task_rows.raw == {
        "rows": {
            train_name: {"-": 1, "entailment": 1, "neutral": 1},
            validation_name: {
                "-": 1,
                "contradiction": 1,
                "entailment": 1,
                "neutral": 1,
            },
        },
        "published": {train_name: 392702},
        "deviations": {train_name: {"rows": 3, "published": 392702}},
    }


def test_premises_with_merged_rows_are_skipped(tmp_path):
    merged = "A premise . h neutral 1 1n ( ( p ) ) ( ROOT ( S ( p ) ) ) p2"
    _write(
        tmp_path,
        "mnli_train.tsv",
        "mnli_val.tsv",
        _four_columns,
        [*_TRAIN, ("neutral", merged, "h"), ("neutral", "( ROOT", "h")],
    )
    task_rows = _read(tmp_path)
    train = [row.id for row in task_rows.splits["train"]]
    assert train == ["multinli-train-2", "multinli-train-4", "multinli-train-6"]
    assert task_rows.skipped == {
        "no gold label": 2,
        "premise contains other rows": 1,
    }


def test_the_version_of_the_paper_takes_precedence(tmp_path):
    for version in ("1.0", "0.9"):
        _write(
            tmp_path,
            f"multinli_{version}_train.txt",
            f"multinli_{version}_dev_matched.txt",
            _official,
        )
    (corpus,) = multinli.CORPORA
    files = corpus.find(str(tmp_path))
    assert files["train"].endswith("multinli_0.9_train.txt")


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ([*_TRAIN, ("yes", "p", "h")], r"mnli_train\.tsv:5: .* got 'yes'"),
        ([("neutral", "a\tb", "h")], r"mnli_train\.tsv:2: expected 4 col"),
    ],
)
def test_malformed_files_are_an_error(tmp_path, train, message):
    _write(tmp_path, "mnli_train.tsv", "mnli_val.tsv", _four_columns, train)
    with pytest.raises(ValueError, match=message):
        _read(tmp_path)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
