"""Parts of runs, and foreign runs among them."""

import os
import shutil

import pytest

from mtl_tf.runs import run_directory
from mtl_tf.runs import run_parts
from tests.helpers import run_artifacts


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder with runs on one corpus, and one on another."""
    root = tmp_path_factory.mktemp("root")
    data_dir = run_artifacts.write_corpus(str(root / "corpus"))
    other = run_artifacts.write_corpus(str(root / "other"), fingerprint="beef")
    single = {"sharing": "single_task"}
    for name, data, settings in (
        ("seeds", data_dir, {"num_runs": 2}),
        ("longer", data_dir, {"num_runs": 2, "epochs": 5, "threads": 2}),
        ("wider", data_dir, {"num_runs": 2, "hidden_size": 7}),
        ("elsewhere", other, {"num_runs": 2}),
        ("single", data_dir, single | {"task_weights": ("stance:2",)}),
    ):
        run_artifacts.write_run(str(root / name), data, **settings)
    return root


def check(run_dir):
    run_parts.check(run_directory.Run.read(str(run_dir)))


@pytest.mark.parametrize("name", ["seeds", "longer", "wider", "single"])
def test_own_parts_pass(root, name):
    check(root / name)


@pytest.mark.parametrize(
    ("run", "part", "source", "message"),
    [
        ("seeds", "seeds/1", "seeds/seeds/0", "it is another one"),
        ("seeds", "seeds/1", "wider/seeds/1", "hidden_size: 100 -> 7"),
        ("seeds", "seeds/1", "elsewhere/seeds/1", "corpus: another one, or"),
        ("single", "tasks/stance", "single/tasks/reviews", "it is another one"),
        # The same settings with more epochs.
        ("seeds", "seeds/1", "longer/seeds/1", ""),
    ],
)
def test_part_of_another_run_is_refused(
    root, tmp_path, run, part, source, message
):
    folder = tmp_path / "run"
    shutil.copytree(root / run, folder)
    shutil.rmtree(folder / part)
    shutil.copytree(root / source, folder / part)
    if not message:
        check(folder)
        return
    with pytest.raises(ValueError, match=message) as caught:
        check(folder)
    assert str(caught.value).startswith(
        f"{os.path.join(folder, part)} holds no part of the run in {folder} ("
    )


def test_missing_part_is_refused(root, tmp_path):
    shutil.copytree(root / "single", tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "tasks" / "stance")
    with pytest.raises(ValueError, match="tasks/stance holds no run"):
        check(tmp_path / "run")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
