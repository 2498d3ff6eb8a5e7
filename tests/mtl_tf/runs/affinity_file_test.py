import json
import os

import numpy as np
import pytest

from mtl_tf.runs import affinity_file
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from tests.helpers import run_artifacts

_NAMES = tuple(task.name for task in run_artifacts.TASKS)
_MATRIX = np.array([[0.5, 0.25], [-0.125, np.nan]])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return run_artifacts.write_corpus(str(tmp_path_factory.mktemp("corpus")))


def leave_affinity(run_dir, matrix):
    """Writes the file, and then the results, as an evaluation does."""
    affinity_file.write(run_dir, run_artifacts.TASKS, matrix)
    path = os.path.join(run_dir, "results.json")
    with open(path, encoding="utf-8") as file:
        results_lib.write(run_dir, json.load(file))


@pytest.fixture
def run_dir(corpus, tmp_path):
    run_dir = str(tmp_path / "run")
    run_artifacts.write_run(run_dir, corpus, affinity_every=5)
    return run_dir


def test_file_survives_writing_and_reading(run_dir):
    run = run_directory.Run.read(run_dir)
    assert not affinity_file.exists(run)
    leave_affinity(run_dir, _MATRIX)
    assert affinity_file.exists(run)
    affinity = affinity_file.read(run)
    assert affinity.tasks == _NAMES
    np.testing.assert_array_equal(affinity.matrix, _MATRIX)
    with open(os.path.join(run_dir, "affinity.json"), encoding="utf-8") as file:
        by_task = json.load(file)["affinity"]
    assert by_task["reviews"] == {"reviews": 0.5, "stance": 0.25}
    assert by_task["stance"] == {"reviews": -0.125, "stance": None}


def test_changed_or_missing_file_is_refused(run_dir):
    leave_affinity(run_dir, _MATRIX)
    run = run_directory.Run.read(run_dir)
    affinity_file.write(run_dir, run_artifacts.TASKS, 2 * _MATRIX)
    with pytest.raises(ValueError, match=r"affinity.json was changed"):
        affinity_file.read(run)
    os.remove(os.path.join(run_dir, "affinity.json"))
    with pytest.raises(ValueError, match=r"affinity.json is missing"):
        affinity_file.read(run)


def test_affinity_of_several_seeds_is_their_mean(corpus, tmp_path):
    run_dir = str(tmp_path / "run")
    run_artifacts.write_run(run_dir, corpus, affinity_every=5, num_runs=2)
    run = run_directory.Run.read(run_dir)
    for factor, part in enumerate(run.parts.values(), 1):
        leave_affinity(part, factor * _MATRIX)
    assert affinity_file.exists(run)
    np.testing.assert_array_equal(affinity_file.read(run).matrix, 1.5 * _MATRIX)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
