"""The table of a leave-one-out study, of runs that were not trained."""

import os

import numpy as np
import pytest

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import leave_one_out_page
from mtl_tf.studies import leave_one_out_runs
from mtl_tf.studies import leave_one_out_table
from tests.helpers import run_artifacts

_NAMES = ("books", "dvd", "music")
_MODELS = leave_one_out_runs.MODELS


def make_table(folder, *, corpus_name="fdu_mtl", metric="accuracy", **settings):
    """Makes the table of two held-out tasks."""
    # The predictions of a made-up run depend on the number of labels.
    tasks = tuple(
        tasks_lib.Task(name, ("bad", "fair", "good")[: 2 + index % 2], metric)
        for index, name in enumerate(_NAMES)
    )
    corpus = tasks_lib.Corpus.read(
        run_artifacts.write_corpus(
            str(folder / "corpus"), tasks=tasks, name=corpus_name
        )
    )
    config = config_lib.Config(
        data_dir=corpus.data_dir, run_dir=str(folder / "study"), **settings
    )
    plan = leave_one_out_runs.plan(config, corpus, ("books", "dvd"))
    for held in plan:
        for seed, (model, target) in enumerate(held.targets.items()):
            run_artifacts.write_run(
                target.run_dir,
                corpus.data_dir,
                tasks=(held.task,),
                seed=3 * seed,
                num_runs=config.num_runs,
                sharing="fully_shared" if seed else "single_task",
            )
            assert model == _MODELS[seed]
    table = leave_one_out_table.Table.read(config, corpus, plan)
    return table, plan


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("table")


@pytest.fixture(scope="module")
def made(folder):
    return make_table(folder)


def scores_of(plan, split="test", part=""):
    """Reads the accuracies of the runs, float64 [tasks, models]."""
    return np.array(
        [
            [
                run_directory.read_results(
                    os.path.join(held.targets[model].run_dir, part)
                )["tasks"][held.task.name]["main"][split]["accuracy"]
                for model in _MODELS
            ]
            for held in plan
        ]
    )


def test_records_have_the_scores_of_the_runs(made):
    table, plan = made
    expected = scores_of(plan)
    # The models of a task differ, and the tasks do.
    assert len(set(expected.ravel())) > 3
    records = table.records()
    assert [(x["task"], x["model"]) for x in records] == [
        (name, model)
        for name in ("books", "dvd", "average")
        for model in _MODELS
    ]
    actual = np.array([x["test"] for x in records]).reshape(3, 3)
    np.testing.assert_allclose(actual[:2], expected)
    np.testing.assert_allclose(actual[2], expected.mean(axis=0))
    differences = [x["gain"] for x in records]
    assert differences[0] is None
    np.testing.assert_allclose(
        differences[1:3], expected[0, 1:] - expected[0, 0]
    )
    np.testing.assert_allclose(
        differences[7:], (expected[:, 1:] - expected[:, :1]).mean(axis=0)
    )


def test_accuracy_is_shown_as_an_error_rate(made):
    table, plan = made
    errors = [f"{100 * (1 - x):.1f}" for x in scores_of(plan)[0]]
    (line,) = [x for x in table.format().split("\n") if x.startswith("books")]
    cells = line.split()
    assert cells[:4] == ["books", "error", "rate", "40"]
    assert cells[5:8] == errors
    # Table 3 of the paper: the mean of three single-task models, SP-MTL-SC and
    # SP-MTL-BC.
    assert cells[-3:] == ["19.2", "17.8", "16.3"]


def test_average_of_the_paper_is_that_of_the_held_out_tasks(made):
    table, _ = made
    published = [x["published"] for x in table.records()[-3:]]
    np.testing.assert_allclose(
        published, [1 - 0.1955, 1 - 0.163, 1 - 0.159], atol=1e-9
    )


def test_page_has_the_table_and_the_tests(made):
    table, plan = made
    path = leave_one_out_page.write(table)
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for error in 100 * (1 - scores_of(plan)).ravel():
        assert f">{error:.1f}</td>" in text
    assert "SP-MTL-SC" in text
    assert "bi-channel against single-task" in text
    assert "src=" not in text


def test_seeds_have_mean_and_deviation(tmp_path):
    table, plan = make_table(tmp_path, num_runs=2)
    record = table.records()[1]
    target = plan[0].targets["single_channel"].run_dir
    scores = [
        run_directory.read_results(f"{target}/seeds/{seed}")["tasks"]["books"][
            "main"
        ]["test"]["accuracy"]
        for seed in (3, 4)
    ]
    assert record["test"] == pytest.approx(np.mean(scores))
    assert record["test_deviation"] == pytest.approx(np.std(scores, ddof=1))
    assert "means of 2 seeds" in table.caption
    assert f"± {100 * np.std(scores, ddof=1):.1f}" in table.format()


def test_other_corpora_and_metrics_have_no_published_scores(tmp_path):
    table, _ = make_table(tmp_path, corpus_name="reviews", metric="macro_f1")
    assert not table.published
    assert {x["published"] for x in table.records()} == {None}
    assert "macro_f1" in table.format()
    assert "error rate" not in table.format()


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
