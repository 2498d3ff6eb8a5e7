"""Checksums of the files of an evaluation."""

import json
import os
import shutil

import numpy as np
import pytest

from mtl_tf.runs import checksum_file
from mtl_tf.runs import results
from mtl_tf.runs import run_directory
from mtl_tf.runs import run_id
from tests.helpers import damages

_FILES = (
    "history.jsonl",
    "features.npz",
    "label_embedding.npz",
    "predictions/books-dev.jsonl",
    "predictions/books-test.jsonl",
    "results.json",
)


@pytest.fixture
def run_dir(tmp_path):
    """A run directory with a file of each kind, and brackets in its name."""
    path = tmp_path / "run [7]"
    (path / "predictions").mkdir(parents=True)
    run_directory.write_config(str(path), {"id": "a"})
    for name in _FILES[:-1]:
        if name.endswith(".npz"):
            np.savez_compressed(path / name, x=np.arange(9))
        else:
            (path / name).write_text('{"step": 1}\n{"step": 2}\n')
    results.write(str(path), {"schema": 1, "tasks": {"books": 0.5}})
    return path


@pytest.mark.parametrize("name", _FILES)
def test_unchanged_file_passes(run_dir, name):
    checksum_file.check(str(run_dir), name)


@pytest.mark.parametrize("name", _FILES)
@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_damaged_file_is_refused(run_dir, name, damage):
    damages.DAMAGES[damage](run_dir / name)
    with pytest.raises(ValueError, match=r"--mode=evaluate writes it again$"):
        checksum_file.check(str(run_dir), name)


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_damaged_checksums_are_refused(run_dir, damage):
    damages.DAMAGES[damage](run_dir / "checksums.json")
    with pytest.raises(
        ValueError, match=r"checksums.json.*: --mode=evaluate writes it again$"
    ):
        run_directory.read_results(str(run_dir))


def test_directory_in_place_of_a_file_is_refused(run_dir):
    os.remove(run_dir / "results.json")
    (run_dir / "results.json").mkdir()
    with pytest.raises(
        ValueError, match=r"results.json is not a file: remove it"
    ):
        run_directory.read_results(str(run_dir))


def test_files_of_another_run_are_refused(run_dir, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(run_dir, other)
    run_directory.write_config(str(other), {"id": "b"})
    with pytest.raises(ValueError, match=r"checksums.json is of another run"):
        run_directory.read_results(str(other))
    results.write(str(other), {"schema": 1, "tasks": {"books": 0.75}})
    shutil.copy(other / "results.json", run_dir)
    with pytest.raises(ValueError, match=r"results.json was changed after"):
        run_directory.read_results(str(run_dir))
    shutil.copy(other / "checksums.json", run_dir)
    with pytest.raises(ValueError, match=r"checksums.json is of another run"):
        run_directory.read_results(str(run_dir))


def test_missing_checksums_are_refused(run_dir):
    os.remove(run_dir / "checksums.json")
    with pytest.raises(ValueError, match=r"checksums.json is missing"):
        run_directory.read_results(str(run_dir))


def test_results_are_not_written_without_checksums(run_dir, monkeypatch):
    os.remove(run_dir / "results.json")
    os.remove(run_dir / "checksums.json")
    monkeypatch.setattr(
        results.checksum_file, "write", lambda *arguments: 1 / 0
    )
    with pytest.raises(ZeroDivisionError):
        results.write(str(run_dir), {"schema": 1})
    assert not run_directory.has_ended(str(run_dir))


def test_run_id(tmp_path):
    assert run_id.read(str(tmp_path)) is None
    (tmp_path / "config.json").write_text("[]")
    assert run_id.read(str(tmp_path)) is None
    (tmp_path / "config.json").write_text("{")
    assert run_id.read(str(tmp_path)) is None
    (tmp_path / "config.json").write_text(json.dumps({"id": "x"}))
    assert run_id.read(str(tmp_path)) == "x"
    assert run_id.new() != run_id.new()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
