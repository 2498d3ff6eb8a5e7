"""What is refused of the analysis of a text, from the files of runs."""

import dataclasses

import pytest

from mtl_tf.cli import text_settings
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory

TASKS = (
    tasks_lib.Task("stance", ("against", "for"), "accuracy", pair=True),
    tasks_lib.Task("films", ("bad", "good"), "accuracy"),
)


def make_run(run_dir="runs/a", tasks=TASKS, **settings):
    config = config_lib.Config(run_dir=run_dir, **settings)
    return run_directory.Run(run_dir, config, None, tasks, {})


def check(*runs, task="films", **settings):
    if len(runs) > 1:
        settings |= {"runs": [x.run_dir for x in runs], "output": "a.svg"}
    command = command_lib.Command(
        mode="analyze", text="a text", task=task, **settings
    )
    text_settings.check(command, runs)


RUN = make_run()
SEQ2 = make_run("runs/b", sequences="seq2")
PAIR = {"task": "stance", "seq1": "about"}


@pytest.mark.parametrize(
    ("runs", "settings"),
    [
        ([RUN], {}),
        ([RUN], PAIR),
        ([SEQ2], {"task": "stance"}),
        # Only one of them reads the first text.
        ([RUN, SEQ2], PAIR),
        ([SEQ2, RUN], PAIR),
        ([RUN], {"neurons": ("shared:3", "private:0")}),
        ([make_run(sharing="single_task")], {"neurons": ("private:0",)}),
        ([make_run(encoder="bag_of_words", pooling="max")], {}),
    ],
)
def test_valid_settings_are_accepted(runs, settings):
    check(*runs, **settings)


@pytest.mark.parametrize(
    ("runs", "settings", "message"),
    [
        ([RUN], {"task": "film"}, r"^runs/a has no task 'film' \(did you"),
        ([RUN, make_run("runs/b", TASKS[:1])], {}, "^runs/b has no task"),
        ([RUN], {"task": "stance"}, "^task stance has pairs of texts: --seq1"),
        ([RUN, SEQ2], {"task": "stance"}, "^task stance has pairs of texts"),
        ([RUN], {"seq1": "about"}, "^--seq1 is not used: runs/a reads single"),
        ([SEQ2], PAIR, "^--seq1 is not used: runs/b reads single texts of"),
        (
            [make_run(num_runs=2)],
            {},
            "^runs/a contains a run for each seed: choose one of runs/a/seeds/",
        ),
        (
            [make_run(sharing="fully_shared")],
            {"neurons": ("shared:0", "private:0")},
            r"^neurons=private: runs/a has no private encoder \(sharing="
            r"fully_shared\), only shared$",
        ),
        (
            [make_run(encoder="bag_of_words", pooling="max")],
            {"neurons": ("shared:0",)},
            "^--neurons is not used: runs/a has encoder=bag_of_words, which",
        ),
    ],
)
def test_invalid_settings_are_refused(runs, settings, message):
    with pytest.raises(ValueError, match=message):
        check(*runs, **settings)


def test_runs_with_other_labels_are_refused():
    other = dataclasses.replace(TASKS[1], labels=("good", "bad"))
    with pytest.raises(
        ValueError, match=r"^the labels of films differ: \['bad"
    ):
        check(RUN, make_run("runs/b", (TASKS[0], other)))
    # Those of other tasks may differ.
    check(RUN, make_run("runs/b", TASKS[1:]))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
