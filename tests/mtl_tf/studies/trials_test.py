import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.studies import search_space_file
from mtl_tf.studies import tpe
from mtl_tf.studies import trials
from tests.helpers import fake_sweep


def plan(settings, method="random", halving=None, base=None, **sweep):
    content = {"settings": settings, "sweep": {"method": method, **sweep}}
    if halving is not None:
        content["successive_halving"] = halving
    config = config_lib.Config(run_dir="run", **(base or {}))
    made = trials.Plan(
        search_space_file.read(content), config, fake_sweep.Corpus()
    )
    if method != "tpe":
        made.fill()
    return made


def test_grid_has_all_combinations_in_order():
    made = plan(
        {"epochs": [1, 2], "encoder": ["lstm", "cnn"]},
        "grid",
        base={"pooling": "max"},
    )
    assert [(x.config.epochs, x.config.encoder) for x in made.trials] == [
        (1, "lstm"),
        (1, "cnn"),
        (2, "lstm"),
        (2, "cnn"),
    ]
    assert [x.index for x in made.trials] == [0, 1, 2, 3]
    assert made.trials[3].config.run_dir == "run/trials/3"
    assert made.trials[3].config.pooling == "max"


def test_grid_of_a_range_with_steps():
    made = plan({"epochs": {"low": 2, "high": 7, "step": 2}}, "grid")
    assert [x.config.epochs for x in made.trials] == [2, 4, 6]


def test_random_trials_depend_on_the_seed_alone():
    settings = {"learning_rate": {"low": 1e-4, "high": 1e-2, "log": True}}
    first = plan(settings, trials=8, seed=1)
    assert len(first.trials) == 8
    assert plan(settings, trials=8, seed=1).trials == first.trials
    assert plan(settings, trials=5, seed=1).trials == first.trials[:5]
    other = plan(settings, trials=8, seed=2)
    assert not {x.config.learning_rate for x in other.trials} & {
        x.config.learning_rate for x in first.trials
    }


def test_no_combination_twice():
    made = plan({"epochs": [1, 2, 3], "batch_size": [8, 16]}, trials=20)
    assert len(made.trials) == 6
    assert len({tuple(x.settings.values()) for x in made.trials}) == 6


def test_refused_combinations_are_kept_with_their_reason():
    settings = {
        "sharing": ["single_task", "fully_shared"],
        "adversarial_weight": [0.0, 0.1],
    }
    made = plan(settings, "grid")
    assert len(made.trials) == 3
    (refusal,) = made.refusals
    assert refusal.settings == {
        "sharing": "single_task",
        "adversarial_weight": 0.1,
    }
    assert "needs a shared encoder" in refusal.reason
    assert [x.index for x in made.trials] == [0, 1, 2]


def test_the_corpus_refuses_combinations():
    made = plan({"batch_size": [16, 2000]}, "grid")
    assert [x.settings["batch_size"] for x in made.trials] == [16]
    assert "1000, the number of training rows" in made.refusals[0].reason


def test_all_combinations_refused():
    with pytest.raises(
        ValueError,
        match="all combinations are refused, such as encoder=cnn: pooling=",
    ):
        plan({"encoder": ["cnn", "bag_of_words"]}, "grid")


@pytest.mark.parametrize(
    ("settings", "base", "message"),
    [
        ({"epochs": [1, 2]}, {}, "chooses the epochs of a trial"),
        ({"batch_size": [1]}, {"epochs": 2}, "2 is not below epochs=2"),
        (
            {"label_transfer": ["none", "supervised"]},
            {"main_task": "a"},
            "has phases, each of up to --epochs epochs",
        ),
        (
            {"batch_size": [1]},
            {"main_task": "a", "label_transfer": "supervised"},
            "has phases, each of up to --epochs epochs",
        ),
    ],
)
def test_successive_halving_needs_runs_that_can_be_continued(
    settings, base, message
):
    with pytest.raises(ValueError, match=message):
        plan(settings, halving={"min_epochs": 2}, base=base)


def test_different_tasks_need_a_main_task():
    settings = {"tasks": [["a"], ["a", "b"]]}
    with pytest.raises(ValueError, match="set --main_task"):
        plan(settings, "grid")
    made = plan(settings, "grid", base={"main_task": "a"})
    assert [x.config.tasks for x in made.trials] == [("a",), ("a", "b")]
    assert trials.describe(made.trials[1].settings) == "tasks=a,b"


def test_tpe_is_optional(monkeypatch):
    monkeypatch.setattr(tpe, "optuna", None)
    made = plan({"epochs": [1, 2, 3, 4, 5]}, "tpe")
    with pytest.raises(ValueError, match=r"pip install 'mtl_tf\[sweep\]'"):
        made.propose({})


def test_tpe_learns_from_scores():
    pytest.importorskip("optuna")
    settings = {
        "learning_rate": {"low": 1e-5, "high": 1e-1, "log": True},
        "hidden_size": {"low": 8, "high": 64, "step": 8},
        "sharing": ["fully_shared", "shared_private"],
    }
    made = plan(settings, "tpe", trials=40)
    scores = {}
    while new := made.propose(scores):
        assert len(new) == trials.TPE_BATCH
        for trial in new:
            # Best at 1e-3, and divergence above 1e-2.
            rate = trial.config.learning_rate
            error = abs(trial.config.hidden_size - 32) / 100
            scores[trial.index] = (
                None if rate > 1e-2 else -abs(rate - 1e-3) - error
            )
    rates = [trial.config.learning_rate for trial in made.trials]
    assert sum(x > 1e-2 for x in rates[:12]) >= 2
    assert sum(x > 1e-2 for x in rates[-12:]) <= 1
    sizes = [abs(trial.config.hidden_size - 32) for trial in made.trials]
    assert sum(sizes[-12:]) < sum(sizes[:12])
