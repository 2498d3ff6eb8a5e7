import dataclasses

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.training import task_splits
from tests.helpers import generated

_ROWS = {"train": 8, "dev": 2, "test": 2, "unlabeled": 2}


@pytest.mark.parametrize("unlabeled", [False, True])
def test_splits_are_read_for_each_task(tmp_path, unlabeled):
    data_dir = generated.write_corpus(str(tmp_path / "corpus"), rows=_ROWS)
    corpus = tasks_lib.Corpus.read(data_dir)
    tasks = corpus.select(["films", "games"])
    config = config_lib.Config(
        data_dir=data_dir, unlabeled=unlabeled, adversarial_weight=0.1
    )
    splits = task_splits.read(corpus, tasks, config)
    names = ["train", "dev", "test"] + ["unlabeled"] * unlabeled
    assert [list(by_name) for by_name in splits] == [names] * 2
    for task_id, by_name in enumerate(splits):
        assert {x.task_id for x in by_name.values()} == {task_id}
        assert {k: len(x) for k, x in by_name.items()} == {
            name: _ROWS[name] for name in names
        }


@dataclasses.dataclass
class Split:
    """The labels of some rows."""

    labels: np.ndarray

    def __len__(self):
        return len(self.labels)


def test_class_weights_are_padded_with_ones():
    tasks = (
        tasks_lib.Task("a", ("no", "yes")),
        tasks_lib.Task("b", ("no", "yes", "maybe")),
    )
    splits = [
        {"train": Split(np.array(labels))}
        for labels in ([0, 0, 0, 1], [0, 1, 2])
    ]
    # 4 rows of 2 labels: 4 / (2 * 3) and 4 / (2 * 1).
    np.testing.assert_allclose(
        task_splits.class_weights(tasks, splits, "balanced"),
        [[2 / 3, 2, 1], [1, 1, 1]],
        rtol=1e-6,
    )
    weights = task_splits.class_weights(tasks, splits, "none")
    assert weights.dtype == np.float32
    np.testing.assert_array_equal(weights, np.ones((2, 3)))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
