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


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
