"""Nothing of Apache Beam is needed, or imported, without --runner."""

import os
import subprocess
import sys

import pytest

from data_prep import pipeline
from data_prep.pipeline import prepare
from tests.helpers import leaky_corpus

_PREPARE = """
import sys
from data_prep import main
from data_prep import pipeline
from data_prep.pipeline import prepare
from tests.helpers import leaky_corpus

prepare.prepare(leaky_corpus.make_source(), sys.argv[1])
assert not [name for name in sys.modules if name.startswith("apache_beam")]
"""


def test_nothing_of_beam_is_imported(tmp_path):
    subprocess.run(
        [sys.executable, "-c", _PREPARE, str(tmp_path / "out")],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_a_missing_beam_is_an_error_that_names_the_extra(tmp_path, monkeypatch):
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, "apache_beam", None)
    monkeypatch.delattr(pipeline, "beam_runner", raising=False)
    monkeypatch.delitem(
        sys.modules, "data_prep.pipeline.beam_runner", raising=False
    )
    with pytest.raises(ImportError, match=r"needs the extra beam .*\[beam\]"):
        prepare.prepare(
            leaky_corpus.make_source(),
            str(tmp_path / "out"),
            beam_flags=["--runner=DirectRunner"],
        )
    assert os.listdir(tmp_path) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
