import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import descriptions


@pytest.mark.parametrize(
    ("settings", "name"),
    [
        ({"sharing": "single_task"}, "single-task"),
        ({"sharing": "fully_shared"}, "fully-shared"),
        ({}, "shared-private"),
        ({"adversarial_weight": 0.1}, "adversarial shared-private"),
    ],
)
def test_model_name(settings, name):
    assert descriptions.model_name(config_lib.Config(**settings)) == name


def test_description_names_the_parts_of_the_model():
    text = descriptions.describe(
        config_lib.Config(
            hidden_size=64,
            word_vectors=["package:x"],
            adversarial_weight=0.05,
            orthogonality_weight=0.01,
        )
    )
    for part in (
        "private",
        "lstm of 64 units",
        "package:x",
        "λ = 0.05",
        "0.01",
    ):
        assert part in text


def test_description_omits_missing_parts():
    text = descriptions.describe(config_lib.Config(sharing="fully_shared"))
    for part in ("private", "adversary", "orthogonality", "from"):
        assert part not in text


def test_a_frozen_encoder_and_its_run_are_named():
    frozen = {"train_shared_encoder": False, "init_from": "runs/x"}
    config = config_lib.Config(**frozen)
    name = "shared-private with a frozen shared encoder"
    assert descriptions.model_name(config) == name
    text = descriptions.describe(config)
    assert "The shared encoder comes from runs/x and was frozen." in text
    config = config_lib.Config(train_word_vectors=False, **frozen)
    text = descriptions.describe(config)
    assert "from runs/x and was frozen, as were word vectors." in text


def label_transfer(**settings):
    config = config_lib.Config(
        main_task="b", **{"label_transfer": "supervised"} | settings
    )
    tasks = [tasks_lib.Task(name, ("no", "yes")) for name in "abc"]
    return descriptions.describe(config), descriptions.label_transfer(
        config, tasks
    )


def test_label_transfer_in_words():
    described, text = label_transfer()
    assert described.endswith(
        "A label transfer network predicts the labels of b from the "
        "predictions for the other tasks."
    )
    assert "a text of a, c (probabilities of the labels); the div" in text
    assert "It is a second output for b" in text
    assert "pseudo" not in text


@pytest.mark.parametrize(
    ("settings", "part"),
    [
        (
            {"output_layer": "label_embedding", "transfer_diversity": False},
            "a text of a, c (expected label embeddings). It is",
        ),
        (
            {"output_layer": "label_embedding", "transfer_probabilities": True},
            "a text of a, c (probabilities of the labels); the div",
        ),
        ({"transfer_main_predictions": True}, "labels); those for b itself; "),
        (
            {"label_transfer": "semi_supervised"},
            "its predictions for the texts of the other tasks serve as",
        ),
        (
            {"label_transfer": "semi_supervised", "unlabeled": True},
            "the other tasks and unlabeled ones serve as pseudo-labels",
        ),
    ],
    ids=str,
)
def test_inputs_of_the_network_follow_the_settings(settings, part):
    assert part in label_transfer(**settings)[1]


def test_description_names_pseudo_labels():
    described, _ = label_transfer(label_transfer="semi_supervised")
    assert described.endswith(
        ", and the main model is trained on its pseudo-labels."
    )


@pytest.mark.parametrize(
    ("settings", "metrics", "text"),
    [
        ({}, ["accuracy"], "accuracy"),
        ({}, ["accuracy"] * 2, "the average over tasks of accuracy"),
        (
            {},
            ["accuracy", "macro_f1"],
            "the average over tasks of each task's metric",
        ),
        (
            {"main_task": "task1"},
            ["accuracy", "macro_f1"],
            "the score of task1 (--main_task)",
        ),
        (
            {"main_task": "task1", "label_transfer": "supervised"},
            ["accuracy", "macro_f1"],
            "the score of task1 (--main_task), after the base phase the mean "
            "of the main model's and the label transfer network's",
        ),
        # A single-task model follows its task.
        (
            {"sharing": "single_task", "main_task": "task1"},
            ["accuracy", "macro_f1"],
            "each task's metric, separately for each model",
        ),
        (
            {"sharing": "single_task"},
            ["macro_f1"] * 2,
            "macro_f1, separately for each model",
        ),
    ],
)
def test_score_that_early_stopping_follows(settings, metrics, text):
    tasks = [
        tasks_lib.Task(f"task{index}", ("no", "yes"), metric)
        for index, metric in enumerate(metrics)
    ]
    assert descriptions.stopping(config_lib.Config(**settings), tasks) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (125, "2 min 05 s"),
        (3599.7, "1 h 00 min"),
        (7500, "2 h 05 min"),
    ],
)
def test_duration(seconds, text):
    assert descriptions.duration(seconds) == text


def test_settings_of_one_run_are_compared_with_the_defaults():
    config = config_lib.Config(hidden_size=7, tasks=("a", "b"))
    distinctive, others = descriptions.settings([config])
    assert {s.name: s.values for s in distinctive} == {
        "tasks": ["a,b"],
        "hidden_size": ["7"],
    }
    assert {s.name: s.default for s in distinctive} == {
        "tasks": "",
        "hidden_size": "100",
    }
    assert all(s.values == [s.default] for s in others)
    assert len(distinctive) + len(others) == len(config.to_dict())


def test_settings_of_several_runs_are_compared_with_each_other():
    configs = [
        config_lib.Config(hidden_size=7, num_layers=3, epochs=e)
        for e in (5, 20)
    ]
    distinctive, others = descriptions.settings(configs)
    assert {s.name: s.values for s in distinctive} == {"epochs": ["5", "20"]}
    # Equal in both, although not the default.
    assert {s.name: s.values for s in others}["num_layers"] == ["3", "3"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
