"""Repeated, interrupted and concurrent calls of `prepare`."""

import concurrent.futures
import json
import os
import pathlib
import threading

import pytest

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import tasks
from tests.helpers import small_corpus

raw_file = small_corpus.raw_file


def test_unchanged_input_is_not_prepared_again(tmp_path, raw_file):
    out_dir = str(tmp_path / "out")
    first = prepare.prepare(small_corpus.make_source(raw_file, seed=1), out_dir)

    def read():
        raise AssertionError("read again")

    second = prepare.prepare(
        small_corpus.make_source(raw_file, read=read, seed=1), out_dir
    )
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
    prepare.prepare(small_corpus.make_source(raw_file, seed=1), out_dir)
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
        return [
            source.TaskRows(
                tasks.Task("t", ("no", "yes")), small_corpus.make_splits()
            )
        ]

    prepare.prepare(
        small_corpus.make_source(
            raw_file, read=read, seed=seed, version=version
        ),
        out_dir,
        min_count=3 if change == "min_count" else 2,
    )
    assert reads == [1]
    assert tasks.Corpus.read(out_dir).tasks[0].labels == ("no", "yes")


def _interrupt_at_the_end(monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.json, "dump", fail)


def test_an_interrupted_call_leaves_no_files(tmp_path, raw_file, monkeypatch):
    _interrupt_at_the_end(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(
            small_corpus.make_source(raw_file), str(tmp_path / "out")
        )
    assert os.listdir(tmp_path) == ["raw.txt"]


def test_an_interrupted_call_keeps_the_previous_corpus(
    tmp_path, raw_file, monkeypatch
):
    out_dir = str(tmp_path / "out")
    first = prepare.prepare(small_corpus.make_source(raw_file, seed=1), out_dir)
    _interrupt_at_the_end(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(small_corpus.make_source(raw_file, seed=2), out_dir)
    assert tasks.Corpus.read(out_dir).declaration == first.declaration
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_files_of_a_killed_process_are_removed(tmp_path, raw_file):
    out_dir = tmp_path / "out"
    # A killed process leaves a lock file, which is not locked, and a partial
    # corpus; or, between two renames, the previous corpus under another name.
    (tmp_path / ".out.lock").write_text("4711 on here")
    (tmp_path / ".out.partial.0123abcd").mkdir()
    (tmp_path / ".out.partial.0123abcd" / "rubbish").write_text("")
    first = prepare.prepare(small_corpus.make_source(raw_file), str(out_dir))
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]
    os.rename(out_dir, tmp_path / ".out.old")

    def read():
        raise AssertionError("the previous corpus was not restored")

    second = prepare.prepare(
        small_corpus.make_source(raw_file, read=read), str(out_dir)
    )
    assert second.declaration == first.declaration
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_concurrent_calls_wait_for_the_first(tmp_path, raw_file):
    out_dir = str(tmp_path / "new" / "out")
    reads, waiting = [], threading.Barrier(2)

    def read():
        reads.append(1)
        waiting.wait(timeout=60)
        return [
            source.TaskRows(
                tasks.Task("t", ("no", "yes")), small_corpus.make_splits()
            )
        ]

    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        calls = [
            pool.submit(
                prepare.prepare,
                small_corpus.make_source(raw_file, read=read),
                out_dir,
            )
            for _ in range(3)
        ]
        # One call is reading.
        waiting.wait(timeout=60)
        declared = [call.result(timeout=60).declaration for call in calls]
    assert reads == [1]
    assert declared[0] == declared[1] == declared[2]
    assert os.listdir(tmp_path / "new") == ["out"]


def test_concurrent_calls_without_file_locks(tmp_path, raw_file, monkeypatch):
    monkeypatch.setattr(prepare.run_lock, "fcntl", None)
    out_dir = str(tmp_path / "out")

    def read():
        # Another call starts and ends during this one.
        prepare.prepare(small_corpus.make_source(raw_file, seed=2), out_dir)
        return [
            source.TaskRows(
                tasks.Task("t", ("no", "yes")), small_corpus.make_splits()
            )
        ]

    prepare.prepare(
        small_corpus.make_source(raw_file, read=read, seed=1), out_dir
    )
    declaration = tasks.Corpus.read(out_dir).declaration
    assert declaration["settings"] == {"seed": 1}
    for path, checksum in declaration["files"].items():
        assert source.sha256(os.path.join(out_dir, path)) == checksum
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_a_failed_call_leaves_no_lock(tmp_path, raw_file):
    def read():
        raise ValueError("wrong")

    with pytest.raises(ValueError, match="wrong"):
        prepare.prepare(
            small_corpus.make_source(raw_file, read=read),
            str(tmp_path / "new" / "out"),
        )
    assert os.listdir(tmp_path) == ["raw.txt"]


def test_equal_input_gives_equal_files(tmp_path, raw_file):
    declarations = []
    for name in ("a", "b"):
        prepare.prepare(
            small_corpus.make_source(raw_file), str(tmp_path / name)
        )
        declarations.append(
            json.loads((tmp_path / name / "corpus.json").read_text())
        )
    assert declarations[0] == declarations[1]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
