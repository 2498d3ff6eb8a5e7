import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import task_settings
from mtl_tf.data import tasks as tasks_lib


def test_a_batch_is_not_larger_than_the_largest_task():
    tasks = [tasks_lib.Task(name, ("no", "yes")) for name in ("small", "large")]
    rows = {"small": {"train": 9}, "large": {"train": 3_000}}
    corpus = tasks_lib.Corpus("d", "c", tuple(tasks), rows, {})

    def check(tasks, **settings):
        config = config_lib.Config(**settings)
        task_settings.check(config, corpus, tasks)

    check(tasks, batch_size=3_000)
    with pytest.raises(
        ValueError,
        match=r"^batch_size=3001: expected at most 3000, the number of "
        r"training rows of the largest task \(large\): a batch would repeat "
        r"rows$",
    ):
        check(tasks, batch_size=3_001)
    # The default is valid for tasks with few rows.
    check(tasks[:1], batch_size=1_024)
    with pytest.raises(ValueError, match=r"at most 9, .* task \(small\)"):
        check(tasks[:1], batch_size=1_025)
    with pytest.raises(
        ValueError, match="at most 2000, the number of training"
    ):
        check(tasks, batch_size=2_001, max_train_examples=("2000",))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
