"""Where a corpus may be prepared: links, disks, folders that are not there."""

import os

import pytest

from data_prep.pipeline import prepare
from data_prep.pipeline import source
from mtl_tf.data import records
from mtl_tf.data import tasks
from tests.helpers import full_disk


@pytest.fixture
def raw_file(tmp_path):
    path = tmp_path / "raw.txt"
    path.write_text("raw")
    return path


def _source(raw_file, read=None, **settings):
    """A corpus of one task."""

    def default():
        splits = {
            split: [
                records.Row(f"{split}-{label}", "", f"{split} {label}", label)
                for label in ("no", "yes")
            ]
            for split in ("train", "dev", "test")
        }
        return [source.TaskRows(tasks.Task("t", ("no", "yes")), splits)]

    files = {"raw.txt": str(raw_file)}
    return source.Source("c", 1, files, settings, "CC0", read or default)


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_stays_one(tmp_path, raw_file, exists):
    (tmp_path / "disk").mkdir()
    target = tmp_path / "disk" / "corpus"
    if exists:
        target.mkdir()
    link = tmp_path / "out"
    link.symlink_to("disk/corpus")
    # What earlier versions left, after which nothing could be prepared.
    (target.parent / ".corpus.old").symlink_to("corpus")
    for seed in (1, 2):
        prepared = prepare.prepare(_source(raw_file, seed=seed), str(link))
        assert prepared.declaration["settings"] == {"seed": seed}
        assert link.is_symlink()
        assert tasks.Corpus.read(str(target)).declaration == (
            prepared.declaration
        )
        assert os.listdir(target.parent) == ["corpus"]
    assert sorted(os.listdir(tmp_path)) == ["disk", "out", "raw.txt"]


def test_a_link_that_leads_nowhere(tmp_path, raw_file):
    (tmp_path / "out").symlink_to("unmounted/corpus")
    with pytest.raises(ValueError, match=r"out is a link to .*, and there is"):
        prepare.prepare(_source(raw_file), str(tmp_path / "out"))
    assert sorted(os.listdir(tmp_path)) == ["out", "raw.txt"]


def test_folders_above_are_not_left_behind(tmp_path, raw_file, monkeypatch):
    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(prepare.json, "dump", fail)
    with pytest.raises(KeyboardInterrupt):
        prepare.prepare(_source(raw_file), str(tmp_path / "a" / "b" / "out"))
    assert os.listdir(tmp_path) == ["raw.txt"]


def test_places_that_cannot_be_written(tmp_path, raw_file):
    def read():
        raise AssertionError("refused too late")

    folder = tmp_path / "folder"
    folder.mkdir()
    with (
        full_disk.read_only(folder),
        pytest.raises(ValueError, match=r"out_dir=.*; give another out_dir"),
    ):
        prepare.prepare(_source(raw_file, read=read), str(folder / "out"))
    with (
        full_disk.small(tmp_path / "disk", "1m") as disk,
        pytest.raises(ValueError, match="is a mount point, which cannot be"),
    ):
        prepare.prepare(_source(raw_file, read=read), str(disk))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
