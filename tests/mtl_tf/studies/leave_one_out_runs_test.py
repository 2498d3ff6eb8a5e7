"""The plan of a leave-one-out study."""

import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.studies import leave_one_out_runs
from tests.helpers import command_line
from tests.helpers import run_artifacts

_NAMES = ("books", "dvd", "music")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    tasks = [tasks_lib.Task(name, ("no", "yes")) for name in _NAMES]
    data_dir = str(tmp_path_factory.mktemp("corpus"))
    return tasks_lib.Corpus.read(
        run_artifacts.write_corpus(data_dir, tasks=tuple(tasks))
    )


def make_config(corpus, **settings):
    values = {"adversarial_weight": 0.1, "orthogonality_weight": 0.1}
    return config_lib.Config(
        data_dir=corpus.data_dir, run_dir="study", **values | settings
    )


def test_each_task_is_held_out_in_turn(corpus):
    plan = leave_one_out_runs.plan(make_config(corpus), corpus)
    assert [held.task.name for held in plan] == list(_NAMES)
    assert plan[1].source.tasks == ("books", "music")
    assert plan[1].source.run_dir == "study/dvd/source"
    assert {
        model: (target.tasks, target.run_dir, target.init_from)
        for model, target in plan[1].targets.items()
    } == {
        "single_task": (("dvd",), "study/dvd/single_task", ""),
        "single_channel": (
            ("dvd",),
            "study/dvd/single_channel",
            "study/dvd/source",
        ),
        "bi_channel": (("dvd",), "study/dvd/bi_channel", "study/dvd/source"),
    }


def test_only_named_tasks_are_held_out(corpus):
    config = make_config(corpus)
    plan = leave_one_out_runs.plan(config, corpus, ("music", "books"))
    assert [held.task.name for held in plan] == ["books", "music"]


@pytest.mark.parametrize("model", ["single_channel", "bi_channel"])
def test_transfers_have_the_settings_of_the_presets(corpus, model):
    config = make_config(corpus, main_task="dvd", hidden_size=7)
    flags = [
        *config.to_flags(),
        f"--flagfile=preset:{model}",
        "--init_from=study/books/source",
        "--tasks=books",
        f"--run_dir=study/books/{model}",
    ]
    _, expected = command_line.parse(flags)
    (held,) = leave_one_out_runs.plan(config, corpus, ("books",))
    assert held.targets[model] == expected


def test_baseline_has_the_settings_of_the_source(corpus):
    config = make_config(corpus, hidden_size=7)
    (held,) = leave_one_out_runs.plan(config, corpus, ("books",))
    baseline = held.targets["single_task"]
    names = {x.split(":")[0] for x in baseline.difference(held.source)}
    losses = ("adversarial_weight", "orthogonality_weight")
    assert names == {"tasks", "sharing", *losses}
    assert baseline.sharing == "single_task"


def test_settings_of_single_tasks_go_where_their_task_is(corpus):
    config = make_config(
        corpus,
        main_task="books",
        task_weights=("books:2", "dvd:3"),
        max_train_examples=("30", "books:20", "dvd:10"),
    )
    books, dvd, _ = leave_one_out_runs.plan(config, corpus)
    assert (books.source.main_task, dvd.source.main_task) == ("", "books")
    assert books.source.task_weights == ("dvd:3",)
    assert dvd.source.max_train_examples == ("30", "books:20")
    target = dvd.targets["single_channel"]
    assert target.max_train_examples == ("30", "dvd:10")


@pytest.mark.parametrize(
    ("settings", "held_out", "message"),
    [
        (
            {"sharing": "single_task"},
            (),
            "leave_one_out transfers the shared encoder: it needs",
        ),
        ({"init_from": "run"}, (), "init_from=run is not used by leave_one"),
        (
            {"teachers": ("a", "b"), "unlabeled": True},
            (),
            "teachers=a,b are not used by leave_one_out: they may know",
        ),
        (
            {"label_transfer": "supervised", "main_task": "dvd"},
            (),
            "label_transfer=supervised is not used by leave_one_out",
        ),
        ({}, ("book",), r"held_out: there is no task 'book' \(did you mean b"),
        ({"tasks": ("dvd",)}, (), "at least 2 tasks, got dvd"),
        (
            {"tasks": ("dvd", "books"), "adversarial_weight": 0.1},
            (),
            "at least 3 tasks with an adversary, got books, dvd",
        ),
        ({"main_task": "bookz"}, (), "main_task=bookz: not one of the tasks"),
    ],
    ids=str,
)
def test_study_without_an_encoder_to_transfer_is_refused(
    corpus, settings, held_out, message
):
    values = {"adversarial_weight": 0.0, "orthogonality_weight": 0.0}
    config = make_config(corpus, **values | settings)
    with pytest.raises(ValueError, match=message):
        leave_one_out_runs.plan(config, corpus, held_out)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
