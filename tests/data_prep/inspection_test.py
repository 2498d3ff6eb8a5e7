import pytest

from data_prep import inspection
from data_prep.pipeline import findings
from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks


def test_describe_shows_rows_labels_lengths_and_examples(tmp_path):
    def read():
        return [
            source.TaskRows(
                tasks.Task("t", ("no", "yes"), pair=True),
                {
                    "train": [
                        records.Row("t-1", "topic", "a " * 9, "yes"),
                        records.Row("t-2", "topic", "b " * 5, "no"),
                        records.Row("t-3", "", "c " * 100, "no"),
                    ],
                    "dev": [records.Row("t-4", "topic", "d", "no")],
                    "test": [records.Row("t-5", "", "c " * 100, "no")],
                    "unlabeled": [records.Row("t-6", "", "e")],
                },
                {"odd": 4},
            )
        ]

    corpus = prepare.prepare(
        source.Source("c", 1, {}, {}, "", read), str(tmp_path / "out")
    )
    lines = list(inspection.describe(corpus, length=5))
    # a, b, c and topic, and the four special tokens.
    assert lines[0] == (
        "corpus c: 1 task, vocabulary of 8 tokens (that occur at least 2 times)"
    )
    assert "t (pairs)" in lines
    assert "  skipped: 4 rows, odd" in lines
    assert "  test rows that are also in train or dev: 1" in lines
    assert "  train: 3 rows: no 2, yes 1" in lines
    # seq2 has 5, 9 and 100 tokens, two of them more than 5.
    index = lines.index("  train: 3 rows: no 2, yes 1")
    assert lines[index + 2].startswith("    tokens of seq2: 0% 5,")
    assert "50% 9," in lines[index + 2]
    assert lines[index + 2].endswith("100% 100; 66.7% longer than 5")
    assert "  unlabeled: 1 row" in lines
    assert "  t-1: yes" in lines
    assert "    seq1: topic" in lines
    # Only two examples.
    assert not any("t-3" in line for line in lines)


def test_describe_shows_findings_with_their_rows(tmp_path):
    def read():
        return [
            source.TaskRows(
                tasks.Task("t", ("no", "yes")),
                {
                    "train": [
                        records.Row("t-1", "", "bad film", "yes"),
                        records.Row("t-2", "", "bad film", "no"),
                    ],
                    "dev": [
                        records.Row("t-3", "", "film", "no"),
                        records.Row("t-4", "", "bad", "yes"),
                    ],
                    "test": [
                        records.Row("t-5", "", "film film", "no"),
                        records.Row("t-6", "", "Bad  Film", "yes"),
                    ],
                },
            )
        ]

    out_dir = str(tmp_path / "out")
    prepare.prepare(source.Source("c", 1, {}, {}, "", read), out_dir)
    lines = list(inspection.describe(tasks.Corpus.read(out_dir), length=5))
    index = lines.index(
        "  warning: 1 text of train with several labels (2 of 2 rows)"
    )
    assert lines[index + 1 :] == [
        "    t-1 (train): yes",
        "      seq2: bad film",
        "    t-2 (train): no",
        "      seq2: bad film",
        "  warning: 1 of 2 test rows have the text of a training row with "
        "another label",
        "    t-6 (test): yes",
        "      seq2: Bad  Film",
        "    t-2 (train): no",
        "      seq2: bad film",
        "  t-1: yes",
        "    seq2: bad film",
        "  t-2: no",
        "    seq2: bad film",
    ]


def test_describe_skips_rows_removed_from_train(tmp_path):
    finding = findings.Finding(
        "quotes_in_tsv", "t", 2, "a warning", ("t-1", "t-2")
    )

    def read():
        rows = {
            "train": [
                records.Row("t-1", "", "in dev", "yes"),
                records.Row("t-2", "", "stays", "no"),
            ],
            "dev": [records.Row("t-3", "", "in dev", "no")],
            "test": [records.Row("t-4", "", "stays", "yes")],
        }
        task = tasks.Task("t", ("no", "yes"))
        return [source.TaskRows(task, rows, findings=(finding,))]

    corpus = prepare.prepare(
        source.Source("c", 1, {}, {}, "", read), str(tmp_path / "out")
    )
    lines = list(inspection.describe(corpus, length=5))
    index = lines.index("  warning: a warning")
    assert lines[index + 1 : index + 3] == [
        "    t-2 (train): no",
        "      seq2: stays",
    ]
    assert not any("t-1" in line for line in lines)


def test_labels_with_commas_are_quoted():
    entry = {"label_counts": {"dev": {'say "hi", twice': 16, "7": 4, "no": 2}}}
    assert inspection._labels(entry, "dev") == (
        r': "say \"hi\", twice" 16, "7" 4, no 2'
    )
    assert inspection._labels(entry, "test") == ""


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
