"""The runs of a comparison."""

import dataclasses
import os

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.studies import comparison_plan
from tests.helpers import generated

_MODELS = {
    "alone": config_lib.Config(sharing="single_task"),
    "shared": config_lib.Config(sharing="fully_shared", epochs=3),
}
_NAMES = ("books", "films", "games")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    rows = {"train": 16, "dev": 4, "test": 4, "unlabeled": 4}
    return generated.make_corpus(tmp_path_factory, rows)


@pytest.fixture
def base(tmp_path, corpus):
    return config_lib.Config(
        data_dir=corpus.data_dir,
        run_dir=str(tmp_path / "study"),
        seed=5,
        num_runs=2,
        threads=1,
    )


def test_all_tasks_are_limited(base):
    plan = comparison_plan.make(
        _MODELS, base, runs_by_size={4: 2, 8: 2, None: 2}
    )
    assert plan.train_sizes == (4, 8, None)
    assert plan.baseline == "alone"
    cells = list(plan.cells())
    assert len(cells) == len(set(cells)) == 2 * 3 * 2
    # The first seed of everything comes first.
    assert [cell.seed for cell in cells] == [5] * 6 + [6] * 6
    configs = [plan.config(cell) for cell in cells]
    assert len({config.run_dir for config in configs}) == 12
    first, second = configs[:2]
    assert first == dataclasses.replace(
        _MODELS["alone"],
        data_dir=base.data_dir,
        run_dir=os.path.join(base.run_dir, "runs", "alone", "4", "5"),
        seed=5,
        max_train_examples=("4",),
        threads=1,
        keep_checkpoints=1,
        pictures=False,
    )
    assert (second.sharing, second.epochs) == ("fully_shared", 3)
    assert [x.max_train_examples for x in configs[::2]] == [
        ("4",),
        ("8",),
        (),
    ] * 2


def test_each_task_is_the_new_one(base):
    plan = comparison_plan.make(
        _MODELS, base, runs_by_size={8: 2}, new_tasks=["each"]
    )
    assert plan.new_tasks == _NAMES
    configs = [plan.config(cell) for cell in plan.cells() if cell.seed == 5]
    alone, shared = configs[::2], configs[1::2]
    # Single-task models learn the new task only.
    assert [x.tasks for x in alone] == [(name,) for name in _NAMES]
    assert {x.main_task for x in alone} == {""}
    assert {x.tasks for x in shared} == {()}
    # It decides on early stopping and the best checkpoint.
    assert [x.main_task for x in shared] == list(_NAMES)
    for model in (alone, shared):
        assert [x.max_train_examples for x in model] == [
            (f"{name}:8",) for name in _NAMES
        ]
    assert os.path.relpath(shared[0].run_dir, base.run_dir) == os.path.join(
        "runs", "shared", "books_8", "5"
    )


def test_sizes_may_have_numbers_of_seeds(base):
    plan = comparison_plan.make(
        {"alone": _MODELS["alone"]}, base, runs_by_size={4: 1, 8: 3}
    )
    assert [(x.train_size, x.seed) for x in plan.cells()] == [
        (4, 5),
        (8, 5),
        (8, 6),
        (8, 7),
    ]
    assert list(plan.seeds(8)) == [5, 6, 7]


def test_tasks_are_those_of_the_command(base):
    base = dataclasses.replace(base, tasks=("films", "books"))
    plan = comparison_plan.make(
        _MODELS, base, runs_by_size={None: 2}, new_tasks=("books",)
    )
    assert [task.name for task in plan.tasks] == ["books", "films"]
    (alone, shared) = (
        plan.config(cell) for cell in plan.cells() if cell.seed == 5
    )
    assert (alone.tasks, shared.tasks) == (("books",), ("films", "books"))


@pytest.mark.parametrize(
    "settings",
    [
        {"runs_by_size": {8: 1, None: 1}},
        {"runs_by_size": {None: 1}, "new_tasks": ("books",)},
    ],
    ids=str,
)
def test_teachers_must_not_know_labels_that_are_left_out(base, settings):
    taught = config_lib.Config(teachers=("run",), unlabeled=True)
    models = {**_MODELS, "taught": taught}
    plan = comparison_plan.make(models, base, **settings)
    with pytest.raises(
        ValueError,
        match=r"^model taught: teachers=run are not used by compare: they may",
    ):
        plan.check()


def test_wrong_plans_are_refused(base):
    with pytest.raises(
        ValueError,
        match=r"^new_tasks: there is no task 'bookz' \(did you mean books\?\); "
        "expected some of books, films, games, or each$",
    ):
        comparison_plan.make(
            _MODELS, base, runs_by_size={None: 1}, new_tasks=("bookz",)
        )
    with pytest.raises(ValueError, match=r"^models: expected at least one$"):
        comparison_plan.make({}, base, runs_by_size={None: 1})
    models = {
        **_MODELS,
        "wrong": config_lib.Config(task_weights=("bookz:2",)),
    }
    plan = comparison_plan.make(models, base, runs_by_size={None: 1})
    with pytest.raises(
        ValueError,
        match=r"^model wrong: task_weights: there is no task 'bookz'",
    ):
        plan.check()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
