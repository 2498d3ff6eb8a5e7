"""Runs on one device, on two, and those that change from one to the other."""

import numpy as np
import pytest
import tensorflow as tf

from tests.helpers import generated
from tests.helpers import logical_devices
from tests.helpers import same_scores

pytestmark = pytest.mark.slow

# Two tasks of 64 rows: 8 steps an epoch.
_FLAGS = (
    *("--encoder=bag_of_words", "--pooling=mean", "--embedding_dim=4"),
    *("--hidden_size=4", "--batch_size=8", "--learning_rate=0.02"),
    *("--adversarial_weight=0.1", "--orthogonality_weight=0.01"),
    *("--unlabeled", "--ema_decay=0.5", "--patience=0", "--seed=3"),
    *("--nopictures", "--noprogress", "--noreport", "--noexport"),
    # As few threads as possible: no device may wait for another one's.
    *("--threads=1", "--log_every=1"),
)
_EPOCHS = 3
# The distribution of each epoch.
_RUNS = {
    "one_device": ("one_device",) * _EPOCHS,
    "mirrored": ("mirrored",) * _EPOCHS,
    "changing": ("one_device", "mirrored", "one_device"),
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generated")
    return generated.write_corpus(
        str(folder / "corpus"), task_names=("books", "films")
    )


def train(corpus, run_dir, *flags):
    return logical_devices.run(
        2,
        "mtl_tf.main",
        *_FLAGS,
        f"--data_dir={corpus}",
        f"--run_dir={run_dir}",
        *flags,
    )


@pytest.fixture(scope="module")
def run_dirs(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, distributions in _RUNS.items():
        for epoch, distribution in enumerate(distributions, 1):
            # One command for all epochs of a distribution.
            if epoch < _EPOCHS and distributions[epoch] == distribution:
                continue
            process = train(
                corpus,
                folder / name,
                f"--distribution={distribution}",
                f"--epochs={epoch}",
            )
            assert not process.returncode, process.stderr
            is_split = "split among /device:CPU:0" in process.stderr
            assert is_split == (distribution == "mirrored"), process.stderr
    return {name: str(folder / name) for name in _RUNS}


@pytest.mark.parametrize("name", ["mirrored", "changing"])
def test_losses_and_scores_are_those_of_one_device(run_dirs, name):
    same_scores.check(run_dirs[name], run_dirs["one_device"], _EPOCHS)


@pytest.mark.parametrize("name", ["mirrored", "changing"])
def test_checkpoints_have_the_variables_of_one_device(run_dirs, name):
    expected, actual = (
        tf.train.load_checkpoint(f"{run_dirs[x]}/checkpoints/last")
        for x in ("one_device", name)
    )
    shapes = expected.get_variable_to_shape_map()
    assert actual.get_variable_to_shape_map() == shapes
    types = expected.get_variable_to_dtype_map()
    for key in (key for key, kind in types.items() if kind == tf.float32):
        np.testing.assert_allclose(
            actual.get_tensor(key),
            expected.get_tensor(key),
            rtol=1e-3,
            atol=1e-4,
            err_msg=key,
        )


def test_tasks_that_two_devices_cannot_share_are_refused(corpus, tmp_path):
    process = train(
        corpus,
        tmp_path / "run",
        *("--tasks=books", "--adversarial_weight=0", "--nounlabeled"),
        "--distribution=mirrored",
        "--epochs=1",
    )
    assert process.returncode == 1
    assert (
        "1 task batches of labeled texts, which 2 devices cannot share equally"
        in process.stderr
    )
    assert not (tmp_path / "run").exists()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
