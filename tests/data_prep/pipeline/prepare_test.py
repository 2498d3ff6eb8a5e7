import concurrent.futures
import json
import os
import pathlib
import threading

import numpy as np
import pytest

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks
from mtl_tf.data import tokenizer
from mtl_tf.data import vocabulary as vocabulary_lib


def _rows(split, *texts_and_labels):
    return [
        records.Row(f"{split}-{number}", "", seq2, label)
        for number, (seq2, label) in enumerate(texts_and_labels)
    ]


def _splits():
    return {
        "train": _rows(
            "train",
            ("Good good film", "yes"),
            ("In DEV .", "no"),
            ("bad film", "no"),
            ("", "no"),
        ),
        "dev": _rows("dev", ("in dev.", "no"), ("only dev word", "yes")),
        "test": _rows(
            "test",
            ("BAD FILM", "no"),
            ("new test word", "yes"),
            ("in dev .", "no"),
            ("new test word", "yes"),
        ),
        "unlabeled": _rows("unlabeled", ("more film more", "")),
    }


@pytest.fixture
def raw_file(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("raw")
    return path


def _source(raw_file, splits=None, read=None, version=1, **settings):
    """A corpus of one task; `read` counts or breaks its reading."""
    task = tasks.Task("t", ("no", "yes"))

    def default():
        return [
            source.TaskRows(task, splits or _splits(), {"odd": 2}, {"rows": 13})
        ]

    return source.Source(
        "c",
        version,
        {"raw.txt": str(raw_file)},
        settings,
        "CC0",
        read or default,
    )


def test_declaration(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(_source(raw_file, seed=3), out_dir, min_count=2)
    declared = corpus.declaration
    assert declared["schema"] == prepare.SCHEMA == 3
    assert declared["corpus"] == "c"
    assert declared["tasks"] == {
        "t": {
            "labels": ["no", "yes"],
            "metric": "accuracy",
            "pair": False,
            # One train row stands in dev and has left.
            "splits": {"train": 3, "dev": 2, "test": 4, "unlabeled": 1},
            "label_counts": {
                "train": {"no": 2, "yes": 1},
                "dev": {"no": 1, "yes": 1},
                "test": {"no": 2, "yes": 2},
            },
            "duplicates": {"test": 2},
            "skipped": {"odd": 2, "text stands in dev": 1},
            "raw": {"rows": 13},
        }
    }
    assert declared["license"] == "CC0"
    assert declared["settings"] == {"seed": 3}
    assert declared["tokenizer_version"] == tokenizer.TOKENIZER_VERSION
    assert declared["source"] == {
        "raw.txt": source.sha256(str(raw_file)),
    }
    listed = {
        os.path.join(os.path.relpath(folder, out_dir), name).removeprefix("./")
        for folder, _, names in os.walk(out_dir)
        for name in names
    }
    assert listed == {*declared["files"], "corpus.json"}
    for path, checksum in declared["files"].items():
        assert source.sha256(os.path.join(out_dir, path)) == checksum


def test_findings_are_kept_and_logged_once(tmp_path, raw_file, caplog):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(_source(raw_file), out_dir, min_count=1)
    # Train and unlabeled texts have the words good, film, bad and more. Dev has
    # 6 others; test has 9, and `bad film`.
    assert corpus.declaration["findings"] == [
        {
            "kind": "unknown_words",
            "task": "t",
            "count": 15,
            "message": "100% of dev and 82% of test are unknown words: the "
            "vocabulary has those seen 1 times or more in train and unlabeled "
            "texts (--min_count)",
            "examples": ["dev-0", "dev-1"],
            "by_task": {},
        }
    ]
    said = [x.getMessage() for x in caplog.records if x.levelname == "WARNING"]
    assert said == [f"task t: {corpus.declaration['findings'][0]['message']}"]
    caplog.clear()
    again = prepare.prepare(_source(raw_file), out_dir, min_count=1)
    assert again.declaration == corpus.declaration
    assert not [x for x in caplog.records if x.levelname == "WARNING"]


def test_rows_that_repeat(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    prepare.prepare(_source(raw_file), out_dir)
    train = [row.seq2 for row in records.read_rows(out_dir, "t", "train")]
    assert train == ["Good good film", "bad film", ""]
    # `BAD FILM` stands in train and `in dev .` in dev; a text that repeats
    # within test stays what it is.
    test = list(records.read_rows(out_dir, "t", "test"))
    assert [row.duplicate for row in test] == [True, False, True, False]
    dev = list(records.read_rows(out_dir, "t", "dev"))
    assert not any(row.duplicate for row in dev)


def test_dev_rows_that_are_wanted_in_train_stay(tmp_path, raw_file):
    task = tasks.Task("t", ("no", "yes"))
    expected = source.TaskRows(task, _splits(), dev_in_train=True)
    out_dir = str(tmp_path / "out")
    prepare.prepare(_source(raw_file, read=lambda: [expected]), out_dir)
    train = [row.seq2 for row in records.read_rows(out_dir, "t", "train")]
    assert train == ["Good good film", "In DEV .", "bad film", ""]
    declared = tasks.Corpus.read(out_dir).declaration["tasks"]["t"]
    assert declared["skipped"] == {}
    assert declared["duplicates"] == {"test": 2}


def test_vocabulary_is_of_train_and_unlabeled_texts(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(_source(raw_file), out_dir, min_count=2)
    vocabulary = vocabulary_lib.Vocabulary.read(
        os.path.join(out_dir, "vocabulary.txt")
    )
    # film 3 times, good and more twice; bad once; the words of dev and test,
    # and of the row that left train, do not count.
    assert vocabulary.tokens[4:] == ("film", "good", "more")
    assert corpus.declaration["vocabulary"] == {"size": 7, "min_count": 2}
    all_words = prepare.prepare(_source(raw_file), out_dir, min_count=1)
    assert all_words.declaration["vocabulary"]["size"] == 8


def test_token_ids_stand_beside_their_rows(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    prepare.prepare(_source(raw_file), out_dir, min_count=2)
    # film 4, good 5, more 6.
    train = records.TokenIds.read(out_dir, "t", "train")
    assert [train.seq2(i).tolist() for i in range(len(train))] == [
        [5, 5, 4],
        [vocabulary_lib.UNKNOWN, 4],
        [vocabulary_lib.EMPTY],
    ]
    assert [train.seq1(i).tolist() for i in range(3)] == [
        [vocabulary_lib.EMPTY]
    ] * 3
    unlabeled = records.TokenIds.read(out_dir, "t", "unlabeled")
    assert unlabeled.seq2(0).tolist() == [6, 4, 6]


@pytest.mark.parametrize("min_count", [1, 2, 5])
def test_diversity_is_of_token_strings(tmp_path, raw_file, min_count):
    out_dir = str(tmp_path / "out")
    corpus = prepare.prepare(_source(raw_file), out_dir, min_count=min_count)
    # Train that has stayed, its words below min_count among them.
    with open(os.path.join(out_dir, "term_counts.json")) as file:
        assert json.load(file) == {"t": {"film": 2, "good": 2, "bad": 1}}
    # Word types of `Good good film`, `bad film` and the empty text.
    declared = corpus.declaration["diversity"]
    np.testing.assert_allclose(declared["mean"][0], 4 / 3)
    np.testing.assert_allclose(declared["deviation"][0], np.sqrt(8 / 9))
    # Their type-token ratios are 2/3, 1 and 0.
    np.testing.assert_allclose(declared["mean"][1], 5 / 9)
    np.testing.assert_allclose(declared["deviation"][1], np.sqrt(14) / 9)
    found = {
        split: records.read_columns(out_dir, "t", split, ["diversity"])[
            "diversity"
        ]
        for split in tasks.SPLITS
    }
    # `in dev .` and `new test word` have three types each, seen or not.
    for split, types, ratios in (
        ("train", [2, 2, 0], [2 / 3, 1, 0]),
        ("dev", [3, 3], [1, 1]),
        ("test", [2, 3, 3, 3], [1, 1, 1, 1]),
        ("unlabeled", [2], [2 / 3]),
    ):
        np.testing.assert_allclose(
            found[split][:, :2],
            (np.array([types, ratios]).T - [4 / 3, 5 / 9])
            / [np.sqrt(8 / 9), np.sqrt(14) / 9],
            rtol=1e-6,
        )
    # bad 1/5, film 2/5; in dev, no word that was seen.
    simpson = np.array([4 / 25 + 4 / 25, 1 / 25 + 4 / 25, 0])
    np.testing.assert_allclose(declared["mean"][3], simpson.mean())
    np.testing.assert_allclose(
        found["test"][:2, 3],
        (simpson[1:] - simpson.mean()) / simpson.std(),
        rtol=1e-6,
    )


def test_unchanged_input_is_not_prepared_again(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    first = prepare.prepare(_source(raw_file, seed=1), out_dir)

    def read():
        raise AssertionError("read again")

    second = prepare.prepare(_source(raw_file, read=read, seed=1), out_dir)
    assert second.declaration == first.declaration


@pytest.mark.parametrize(
    "change",
    [
        "raw file",
        "settings",
        "min_count",
        "reader",
        "damage",
        "missing",
        "swapped words",
        "labels in another order",
    ],
)
def test_changed_input_is_prepared_again(tmp_path, raw_file, change):
    out_dir = str(tmp_path / "out")
    prepare.prepare(_source(raw_file, seed=1), out_dir)
    seed = version = 1
    if change == "raw file":
        raw_file.write_text("other")
    elif change == "settings":
        seed = 2
    elif change == "reader":
        version = 2
    elif change == "damage":
        with open(os.path.join(out_dir, "vocabulary.txt"), "a") as file:
            file.write("more\n")
    elif change == "missing":
        os.remove(os.path.join(out_dir, "vocabulary.txt"))
    elif change == "swapped words":
        path = pathlib.Path(out_dir, "vocabulary.txt")
        *first, one, two = path.read_text().splitlines(keepends=True)
        path.write_text("".join([*first, two, one]))
    elif change == "labels in another order":
        path = pathlib.Path(out_dir, "corpus.json")
        declaration = json.loads(path.read_text())
        declaration["tasks"]["t"]["labels"].reverse()
        path.write_text(json.dumps(declaration))
    reads = []

    def read():
        reads.append(1)
        return [source.TaskRows(tasks.Task("t", ("no", "yes")), _splits())]

    prepare.prepare(
        _source(raw_file, read=read, seed=seed, version=version),
        out_dir,
        min_count=3 if change == "min_count" else 2,
    )
    assert reads == [1]
    assert tasks.Corpus.read(out_dir).tasks[0].labels == ("no", "yes")


def _break_at_the_end(monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.json, "dump", fail)


def test_interrupted_run_leaves_nothing(tmp_path, raw_file, monkeypatch):
    _break_at_the_end(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(_source(raw_file), str(tmp_path / "out"))
    assert os.listdir(tmp_path) == ["raw.txt"]


def test_interrupted_run_leaves_the_corpus_before(
    tmp_path, raw_file, monkeypatch
):
    out_dir = str(tmp_path / "out")
    first = prepare.prepare(_source(raw_file, seed=1), out_dir)
    _break_at_the_end(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(_source(raw_file, seed=2), out_dir)
    assert tasks.Corpus.read(out_dir).declaration == first.declaration
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_killed_run_is_cleaned_up(tmp_path, raw_file):
    out_dir = tmp_path / "out"
    # What a killed run leaves: its lock, which the system has let go of, and
    # half a corpus; or between the two renames the one before under another
    # name.
    (tmp_path / ".out.lock").write_text("4711 on here")
    (tmp_path / ".out.partial.0123abcd").mkdir()
    (tmp_path / ".out.partial.0123abcd" / "rubbish").write_text("")
    first = prepare.prepare(_source(raw_file), str(out_dir))
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]
    os.rename(out_dir, tmp_path / ".out.old")

    def read():
        raise AssertionError("the corpus before was not brought back")

    second = prepare.prepare(_source(raw_file, read=read), str(out_dir))
    assert second.declaration == first.declaration
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_calls_at_once_wait_for_the_first(tmp_path, raw_file):
    out_dir = str(tmp_path / "new" / "out")
    reads, waiting = [], threading.Barrier(2)

    def read():
        reads.append(1)
        waiting.wait(timeout=60)
        return [source.TaskRows(tasks.Task("t", ("no", "yes")), _splits())]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(prepare.prepare, _source(raw_file, read=read), out_dir)
            for _ in range(3)
        ]
        # One call reads, and is in the midst of it.
        waiting.wait(timeout=60)
        declared = [call.result(timeout=60).declaration for call in calls]
    assert reads == [1]
    assert declared[0] == declared[1] == declared[2]
    assert os.listdir(tmp_path / "new") == ["out"]


def test_calls_at_once_where_files_cannot_be_locked(
    tmp_path, raw_file, monkeypatch
):
    monkeypatch.setattr(prepare.run_lock, "fcntl", None)
    out_dir = str(tmp_path / "out")

    def read():
        # Another call begins and ends while this one is under way.
        prepare.prepare(_source(raw_file, seed=2), out_dir)
        return [source.TaskRows(tasks.Task("t", ("no", "yes")), _splits())]

    prepare.prepare(_source(raw_file, read=read, seed=1), out_dir)
    found = tasks.Corpus.read(out_dir).declaration
    assert found["settings"] == {"seed": 1}
    for path, checksum in found["files"].items():
        assert source.sha256(os.path.join(out_dir, path)) == checksum
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_a_call_that_is_refused_leaves_no_lock(tmp_path, raw_file):
    def read():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        prepare.prepare(
            _source(raw_file, read=read), str(tmp_path / "new" / "out")
        )
    assert os.listdir(tmp_path) == ["raw.txt"]


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "[1]", '{"tasks": []}', '{"files": null}', b"\xff"],
)
def test_a_corpus_that_lost_its_declaration_is_replaced(
    tmp_path, raw_file, content
):
    out_dir = tmp_path / "out"
    # Unlabeled rows, and a name with all kinds of characters.
    task = tasks.Task("A_b-2", ("no", "yes"))
    expected = [source.TaskRows(task, _splits())]
    first = prepare.prepare(
        _source(raw_file, read=lambda: expected), str(out_dir)
    )
    path = out_dir / "corpus.json"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    again = prepare.prepare(
        _source(raw_file, read=lambda: expected), str(out_dir)
    )
    assert again.declaration == first.declaration


@pytest.mark.parametrize("name", ["mine.txt", "records/mine.tfrecord"])
def test_a_corpus_that_lost_its_declaration_and_holds_others_files(
    tmp_path, raw_file, name
):
    out_dir = tmp_path / "out"
    prepare.prepare(_source(raw_file), str(out_dir))
    (out_dir / "corpus.json").unlink()
    (out_dir / name).write_text("keep me")
    with pytest.raises(ValueError, match=f"holds {name}, which is no part"):
        prepare.prepare(_source(raw_file), str(out_dir))
    assert (out_dir / name).read_text() == "keep me"


def test_a_vocabulary_alone_is_not_taken_for_a_corpus(tmp_path, raw_file):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vocabulary.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds vocabulary\.txt, which is no"):
        prepare.prepare(_source(raw_file), str(tmp_path / "out"))


def test_does_not_replace_what_is_not_its_own(tmp_path, raw_file):
    out_dir = tmp_path / "out"
    prepare.prepare(_source(raw_file), str(out_dir))
    (out_dir / "notes").mkdir()
    (out_dir / "notes" / "mine.txt").write_text("keep me")
    # Unchanged input: nothing to replace, nothing to refuse.
    prepare.prepare(_source(raw_file), str(out_dir))
    with pytest.raises(ValueError, match=r"holds notes.mine\.txt, which is no"):
        prepare.prepare(_source(raw_file, seed=5), str(out_dir))
    assert (out_dir / "notes" / "mine.txt").read_text() == "keep me"


def test_out_dir_is_a_file(tmp_path, raw_file):
    with pytest.raises(ValueError, match="is a file, not a directory"):
        prepare.prepare(_source(raw_file), str(raw_file))


def test_empty_out_dir_is_taken(tmp_path, raw_file):
    (tmp_path / "out").mkdir()
    prepare.prepare(_source(raw_file), str(tmp_path / "out"))
    assert (tmp_path / "out" / "corpus.json").exists()


def test_train_that_stands_in_dev_as_a_whole(tmp_path, raw_file):
    splits = _splits()
    splits["train"] = _rows("train", ("in dev .", "no"))
    with pytest.raises(ValueError, match="every text of train stands in dev"):
        prepare.prepare(_source(raw_file, splits), str(tmp_path / "out"))


def test_min_count_below_one(tmp_path, raw_file):
    with pytest.raises(ValueError, match="min_count has to be at least 1"):
        prepare.prepare(_source(raw_file), str(tmp_path / "out"), 0)


def test_same_input_gives_the_same_bytes(tmp_path, raw_file):
    found = []
    for name in ("a", "b"):
        prepare.prepare(_source(raw_file), str(tmp_path / name))
        found.append(json.loads((tmp_path / name / "corpus.json").read_text()))
    assert found[0] == found[1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
