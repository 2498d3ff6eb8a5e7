"""Links, disks, and directories that cannot be replaced."""

import os

import pytest

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import tasks
from tests.helpers import full_disk
from tests.helpers import small_corpus

raw_file = small_corpus.raw_file


@pytest.mark.parametrize("exists", [True, False])
def test_the_target_of_a_link_is_replaced(tmp_path, raw_file, exists):
    (tmp_path / "disk").mkdir()
    target = tmp_path / "disk" / "corpus"
    if exists:
        target.mkdir()
    link = tmp_path / "out"
    link.symlink_to("disk/corpus")
    # Earlier versions could leave such a link.
    (target.parent / ".corpus.old").symlink_to("corpus")
    for seed in (1, 2):
        prepared = prepare.prepare(
            small_corpus.make_source(raw_file, seed=seed), str(link)
        )
        assert prepared.declaration["settings"] == {"seed": seed}
        assert link.is_symlink()
        assert tasks.Corpus.read(str(target)).declaration == (
            prepared.declaration
        )
        assert os.listdir(target.parent) == ["corpus"]
    assert sorted(os.listdir(tmp_path)) == ["disk", "out", "raw.txt"]


def test_a_broken_link_is_an_error(tmp_path, raw_file):
    (tmp_path / "out").symlink_to("unmounted/corpus")
    with pytest.raises(ValueError, match=r"out is a link to .*, and there is"):
        prepare.prepare(
            small_corpus.make_source(raw_file), str(tmp_path / "out")
        )
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_an_interrupted_call_leaves_no_parent_directories(
    tmp_path, raw_file, monkeypatch
):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.json, "dump", fail)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(
            small_corpus.make_source(raw_file),
            str(tmp_path / "a" / "b" / "out"),
        )
    assert os.listdir(tmp_path) == ["raw.txt"]


def test_directories_that_cannot_be_written_are_an_error(tmp_path, raw_file):
    def read():
        raise AssertionError("checked too late")

    folder = tmp_path / "folder"
    folder.mkdir()
    with (
        full_disk.read_only(folder),
        pytest.raises(ValueError, match=r"out_dir=.*; use another out_dir"),
    ):
        prepare.prepare(
            small_corpus.make_source(raw_file, read=read), str(folder / "out")
        )
    with (
        full_disk.small(tmp_path / "disk", "1m") as disk,
        pytest.raises(ValueError, match="is a mount point, which cannot be"),
    ):
        prepare.prepare(
            small_corpus.make_source(raw_file, read=read), str(disk)
        )


@pytest.mark.parametrize(
    "content",
    [None, "", "{", "[1]", '{"tasks": []}', '{"files": null}', b"\xff"],
)
def test_a_corpus_without_its_declaration_is_replaced(
    tmp_path, raw_file, content
):
    out_dir = tmp_path / "out"
    # With unlabeled rows, and a name with all kinds of characters.
    task = tasks.Task("A_b-2", ("no", "yes"))
    expected = [source.TaskRows(task, small_corpus.make_splits())]
    first = prepare.prepare(
        small_corpus.make_source(raw_file, read=lambda: expected), str(out_dir)
    )
    path = out_dir / "corpus.json"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    again = prepare.prepare(
        small_corpus.make_source(raw_file, read=lambda: expected), str(out_dir)
    )
    assert again.declaration == first.declaration


@pytest.mark.parametrize("name", ["mine.txt", "records/mine.tfrecord"])
def test_other_files_in_a_corpus_without_its_declaration_are_kept(
    tmp_path, raw_file, name
):
    out_dir = tmp_path / "out"
    prepare.prepare(small_corpus.make_source(raw_file), str(out_dir))
    (out_dir / "corpus.json").unlink()
    (out_dir / name).write_text("keep me")
    with pytest.raises(ValueError, match=f"holds {name}, which is not part"):
        prepare.prepare(small_corpus.make_source(raw_file), str(out_dir))
    assert (out_dir / name).read_text() == "keep me"


def test_a_vocabulary_alone_is_not_a_corpus(tmp_path, raw_file):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "vocabulary.txt").write_text("mine")
    with pytest.raises(
        ValueError, match=r"holds vocabulary\.txt, which is not"
    ):
        prepare.prepare(
            small_corpus.make_source(raw_file), str(tmp_path / "out")
        )


def test_other_files_in_a_corpus_are_kept(tmp_path, raw_file):
    out_dir = tmp_path / "out"
    prepare.prepare(small_corpus.make_source(raw_file), str(out_dir))
    (out_dir / "notes").mkdir()
    (out_dir / "notes" / "mine.txt").write_text("keep me")
    # Unchanged input: nothing is replaced.
    prepare.prepare(small_corpus.make_source(raw_file), str(out_dir))
    with pytest.raises(
        ValueError, match=r"holds notes.mine\.txt, which is not"
    ):
        prepare.prepare(
            small_corpus.make_source(raw_file, seed=5), str(out_dir)
        )
    assert (out_dir / "notes" / "mine.txt").read_text() == "keep me"


def test_a_file_as_out_dir_is_an_error(tmp_path, raw_file):
    with pytest.raises(ValueError, match="is a file, expected a directory"):
        prepare.prepare(small_corpus.make_source(raw_file), str(raw_file))


def test_an_empty_out_dir_is_used(tmp_path, raw_file):
    (tmp_path / "out").mkdir()
    prepare.prepare(small_corpus.make_source(raw_file), str(tmp_path / "out"))
    assert (tmp_path / "out" / "corpus.json").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
