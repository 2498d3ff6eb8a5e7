import os
import shutil

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import trained_model
from tests.helpers import generated
from tests.helpers import trained_runs


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return generated.write_corpus(
        str(tmp_path_factory.mktemp("generated") / "corpus"),
        rows={"train": 8, "dev": 8, "test": 8},
        task_names=("books", "films"),
    )


@pytest.fixture(scope="module")
def run_dir(corpus, tmp_path_factory):
    return trained_runs.leave_run(
        corpus,
        str(tmp_path_factory.mktemp("run") / "run"),
        encoder="bag_of_words",
        pooling="mean",
        embedding_dim=4,
    )


@pytest.fixture
def copy(run_dir, tmp_path):
    return shutil.copytree(run_dir, str(tmp_path / "copy"))


def test_run_without_checkpoint_is_refused(copy):
    shutil.rmtree(os.path.join(copy, "checkpoints", "best"))
    with pytest.raises(ValueError, match="best holds no checkpoint"):
        trained_model.load(copy)


def test_folder_without_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"config.json is missing"):
        trained_model.load(str(tmp_path))


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        (
            {"hidden_size": 5},
            r"another model: \S*encoder/\S+ has the shape .*4.*5",
        ),
        ({"encoder": "lstm"}, "another model: .* is missing"),
    ],
)
def test_checkpoint_of_another_architecture_is_refused(copy, setting, message):
    record = run_directory.read_config(copy)
    record["config"] |= setting
    run_directory.write_config(copy, record)
    with pytest.raises(ValueError, match=message):
        trained_model.load(copy)


def test_checkpoint_of_other_tasks_is_refused(copy):
    record = run_directory.read_config(copy)
    run_directory.write_config(copy, record | {"tasks": ["films"]})
    with pytest.raises(
        ValueError,
        match=r"ckpt-\d+: expected the tasks films, got books, films",
    ):
        trained_model.load(copy)


def test_run_of_several_seeds_is_refused(corpus, tmp_path):
    config = config_lib.Config(
        data_dir=corpus, run_dir=str(tmp_path / "run"), seed=3, num_runs=2
    )
    declared = tasks_lib.Corpus.read(corpus)
    run_directory.start(config, declared, declared.tasks)
    with pytest.raises(
        ValueError, match=r"choose one of .*seeds/3, .*seeds/4$"
    ):
        trained_model.load(config.run_dir)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
