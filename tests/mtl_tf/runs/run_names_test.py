import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.runs import run_names


def make(*settings):
    configs = [
        config_lib.Config(data_dir="data", run_dir=f"runs/{index}", **values)
        for index, values in enumerate(settings)
    ]
    return run_names.make(configs, [config.run_dir for config in configs])


def test_kinds_of_models():
    assert make(
        {"sharing": "single_task"},
        {"adversarial_weight": 0.05, "orthogonality_weight": 0.01},
        {"label_transfer": "supervised", "main_task": "a"},
        {"sharing": "fully_shared"},
    ) == [
        "single-task",
        "adversarial shared-private",
        "shared-private with label transfer",
        "fully-shared",
    ]


def test_a_setting_that_differs():
    assert make({}, {"hidden_size": 7}) == ["hidden_size=100", "hidden_size=7"]


def test_models_of_one_kind_have_the_settings_in_which_they_differ():
    assert make(
        {"sharing": "single_task"},
        {"adversarial_weight": 0.05},
        {"adversarial_weight": 0.1},
    ) == [
        "single-task, adversarial_weight=0.0",
        "adversarial shared-private, adversarial_weight=0.05",
        "adversarial shared-private, adversarial_weight=0.1",
    ]


def test_two_settings_that_differ_are_both_in_the_name():
    assert make({}, {"hidden_size": 7, "batch_size": 3}) == [
        "hidden_size=100, batch_size=16",
        "hidden_size=7, batch_size=3",
    ]


def test_seeds_are_named_only_if_nothing_else_differs():
    assert make({"hidden_size": 7}, {"seed": 3, "num_runs": 2}) == [
        "hidden_size=7",
        "hidden_size=100",
    ]
    assert make({}, {"seed": 3}) == ["seed=0", "seed=3"]


def test_of_many_settings_only_the_necessary_ones():
    assert make(
        {"epochs": 3, "batch_size": 8, "hidden_size": 1},
        {"epochs": 3, "batch_size": 8, "hidden_size": 2},
        {"epochs": 3, "batch_size": 16, "hidden_size": 2},
        {"epochs": 4, "batch_size": 16, "hidden_size": 1},
    ) == [
        "hidden_size=1, batch_size=8",
        "hidden_size=2, batch_size=8",
        "hidden_size=2, batch_size=16",
        "hidden_size=1, batch_size=16",
    ]


def test_long_values_stay_distinct():
    tasks = tuple(f"task{index}" for index in range(16))
    names = make({"tasks": tasks}, {"tasks": (*tasks[:-1], "another")})
    assert len(set(names)) == 2
    assert max(map(len, names)) < 40


def test_an_empty_value_is_named():
    assert make({}, {"tasks": ("a", "b")}) == ["tasks=(empty)", "tasks=a,b"]


def test_runs_of_the_same_settings_are_named_by_their_directories(tmp_path):
    config = config_lib.Config(data_dir="data", run_dir="x")
    paths = [str(tmp_path / name) for name in ("a", "b")]
    assert run_names.make([config] * 2, paths) == paths


def test_some_runs_of_the_same_settings():
    assert make({"seed": 1}, {"seed": 2}, {"seed": 2}) == [
        "seed=1 (0)",
        "seed=2 (1)",
        "seed=2 (2)",
    ]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
