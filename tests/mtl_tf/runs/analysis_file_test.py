"""The file of an analysis, intact and damaged."""

import pytest

from mtl_tf.runs import analysis_file
from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums
from tests.helpers import damages


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "analysis.json"
    analysis = {"schema": 1, "probes": {"shared": {"linear": 0.5}}}
    run_directory.write_json(str(path), checksums.sign(analysis))
    return path


def test_written_analysis_is_read(path):
    analysis = analysis_file.read(str(path.parent))
    assert analysis["probes"] == {"shared": {"linear": 0.5}}


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_damaged_file_is_refused(path, damage):
    damages.DAMAGES[damage](path)
    with pytest.raises(
        ValueError, match=r"analysis.json.*: --mode=analyze writes it again$"
    ):
        analysis_file.read(str(path.parent))


def test_changed_number_is_refused(path):
    path.write_text(path.read_text().replace("0.5", "0.6"))
    with pytest.raises(ValueError, match="was changed after it was written"):
        analysis_file.read(str(path.parent))


def test_sections_and_text(path):
    run_dir = str(path.parent)
    assert analysis_file.read_text(run_dir) is None
    sections = {"probes": {"shared": {"linear": 0.5}}}
    assert analysis_file.read_sections(run_dir) == sections
    written = checksums.sign({"schema": 1, **sections, "text": {"task": "a"}})
    run_directory.write_json(str(path), written)
    assert analysis_file.read_text(run_dir) == {"task": "a"}
    path.unlink()
    assert analysis_file.read_sections(run_dir) == {}
    assert analysis_file.read_text(run_dir) is None


def test_text_of_a_damaged_file_is_none(path):
    path.write_text("{")
    assert analysis_file.read_text(str(path.parent)) is None
    with pytest.raises(ValueError, match="not JSON"):
        analysis_file.read_sections(str(path.parent))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
