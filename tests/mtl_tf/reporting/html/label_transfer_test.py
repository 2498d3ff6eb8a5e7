import pytest

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.reporting.html import label_transfer

TASK = tasks_lib.Task("stance", ("against", "for"), "macro_f1")


def scores(value):
    return {
        split: {"macro_f1": value + offset, "accuracy": 9.0, "n": 3}
        for split, offset in (("dev", 0.01), ("test", 0.02))
    }


RESULTS = {
    "phases": {
        "base": {
            "best_epoch": 3,
            "tasks": {
                "other": {"main": scores(0.9)},
                "stance": {"main": scores(0.1)},
            },
        },
        "label_transfer": {
            "best_epoch": 4.5,
            "tasks": {
                "other": {"main": scores(0.9)},
                "stance": {"main": scores(0.2), "label_transfer": scores(0.3)},
            },
        },
    }
}


def test_phases_in_order_by_the_main_task_s_metric():
    assert label_transfer.phases(RESULTS, TASK) == [
        label_transfer.Phase(
            "base",
            3,
            {"dev": pytest.approx(0.11), "test": pytest.approx(0.12)},
            {"dev": None, "test": None},
        ),
        label_transfer.Phase(
            "label transfer",
            4.5,
            {"dev": pytest.approx(0.21), "test": pytest.approx(0.22)},
            {"dev": pytest.approx(0.31), "test": pytest.approx(0.32)},
        ),
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
