"""The file of an analysis, whole and damaged."""

import pytest

from mtl_tf.runs import analysis_file
from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums
from tests.helpers import damages


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "analysis.json"
    found = {"schema": 1, "probes": {"shared": {"linear": 0.5}}}
    run_directory.write_json(str(path), checksums.sign(found))
    return path


def test_what_was_written_is_read(path):
    found = analysis_file.read(str(path.parent))
    assert found["probes"] == {"shared": {"linear": 0.5}}


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_a_damaged_file_is_refused(path, damage):
    damages.DAMAGES[damage](path)
    with pytest.raises(
        ValueError, match=r"analysis.json.*: --mode=analyze writes it again$"
    ):
        analysis_file.read(str(path.parent))


def test_a_changed_number_is_refused(path):
    path.write_text(path.read_text().replace("0.5", "0.6"))
    with pytest.raises(ValueError, match="was changed after it was written"):
        analysis_file.read(str(path.parent))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
