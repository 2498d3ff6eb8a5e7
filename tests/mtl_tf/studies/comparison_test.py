"""A comparison of two models on a generated corpus."""

import csv
import os

import pytest

import mtl_tf
from mtl_tf.config import config as config_lib
from mtl_tf.runs import run_directory
from mtl_tf.studies import comparison
from mtl_tf.studies import comparison_plan
from mtl_tf.studies import comparison_scores
from mtl_tf.studies import comparison_table
from mtl_tf.training import experiment
from mtl_tf.training import run_pool
from tests.helpers import generated

_SETTINGS = {
    "encoder": "bag_of_words",
    "pooling": "mean",
    "hidden_size": 4,
    "embedding_dim": 4,
    "pictures": False,
    "batch_size": 8,
    "epochs": 1,
}
_MODELS = {
    "alone": {**_SETTINGS, "sharing": "single_task"},
    "together": {**_SETTINGS, "sharing": "fully_shared"},
}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    return generated.write_corpus(
        data_dir,
        rows={"train": 24, "dev": 16, "test": 16},
        task_names=("books", "games"),
    )


@pytest.fixture(scope="module")
def trained():
    """Run directories of all runs that are trained, in this process."""
    run_dirs = []

    def run_all(mode, configs, corpus, processes, allow_divergence):
        del mode, corpus, processes, allow_divergence
        for config in configs:
            run_dirs.append(config.run_dir)
            experiment.Experiment(config).run()
        return set()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run_pool, "run_all", run_all)
        yield run_dirs


@pytest.fixture(scope="module")
def study(corpus, trained, tmp_path_factory):
    """Rows and directory of a comparison of a new task."""
    study_dir = str(tmp_path_factory.mktemp("studies") / "study")
    rows = mtl_tf.compare(
        _MODELS,
        corpus,
        study_dir,
        train_sizes=["8:2", "all"],
        new_tasks=["books"],
        num_runs=1,
    )
    return [dict(x) for x in _records(rows)], study_dir


def _records(rows):
    """Rows of a data frame, or of a list without pandas."""
    return rows if isinstance(rows, list) else rows.to_dict("records")


def test_the_table_has_the_scores_of_each_run(study, trained):
    rows, study_dir = study
    assert len(trained) == len(rows) == 2 * 3
    keys = [(x["model"], x["train_size"], x["seed"]) for x in rows]
    assert keys == [
        ("alone", "8", 0),
        ("together", "8", 0),
        ("alone", "all", 0),
        ("together", "all", 0),
        ("alone", "8", 1),
        ("together", "8", 1),
    ]
    for row in rows:
        assert row["task"] == row["new_task"] == "books"
        assert row["train_examples"] == (8 if row["train_size"] == "8" else 24)
        run_dir = os.path.join(study_dir, row["run_dir"])
        results = run_directory.read_results(run_dir)
        scores = results["tasks"]["books"]["main"]
        assert row["test"] == scores["test"][row["metric"]]
        assert row["dev"] == scores["dev"][row["metric"]]
        names = [x.name for x in run_directory.Run.read(run_dir).tasks]
        assert names == (
            ["books"] if row["model"] == "alone" else ["books", "games"]
        )
    with open(os.path.join(study_dir, "runs.csv"), encoding="utf-8") as file:
        saved = list(csv.DictReader(file))
    assert [float(x["test"]) for x in saved] == [x["test"] for x in rows]


def test_the_summary_has_means_and_gains(study):
    rows, study_dir = study
    with open(os.path.join(study_dir, "scores.csv"), encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    # The average over one new task is that task.
    assert [x["task"] for x in lines] == ["books"] * 4 + ["average"] * 4
    for line in lines:
        tests = [
            x["test"]
            for x in rows
            if (x["model"], x["train_size"])
            == (line["model"], line["train_size"])
        ]
        assert float(line["test"]) == pytest.approx(sum(tests) / len(tests))
        assert int(line["seeds"]) == len(tests)
        assert float(line["low"]) <= float(line["test"]) <= float(line["high"])
    for alone, together in zip(lines[::2], lines[1::2], strict=True):
        assert alone["gain"] == ""
        assert float(together["gain"]) == pytest.approx(
            float(together["test"]) - float(alone["test"])
        )


def test_the_page_shows_scores_and_settings(study):
    _, study_dir = study
    with open(
        os.path.join(study_dir, "comparison.html"), encoding="utf-8"
    ) as file:
        page = file.read()
    for text in ("alone", "together", "sharing", "fully_shared", "<svg"):
        assert text in page
    assert "Test scores in percent by number of labeled examples" in page
    assert os.path.getsize(os.path.join(study_dir, "learning_curve.png"))


def test_a_finished_comparison_trains_nothing(study, trained, corpus):
    rows, study_dir = study
    before = list(trained)
    again = mtl_tf.compare(
        _MODELS,
        corpus,
        study_dir,
        train_sizes=["8:2", "all"],
        new_tasks=["books"],
        num_runs=1,
    )
    assert trained == before
    assert [x["test"] for x in _records(again)] == [x["test"] for x in rows]


def test_more_seeds_train_the_missing_runs(study, trained, corpus):
    _, study_dir = study
    del trained[:]
    mtl_tf.compare(
        _MODELS,
        corpus,
        study_dir,
        train_sizes=["8:2", "all:2"],
        new_tasks=["books"],
    )
    assert [os.path.relpath(x, study_dir) for x in trained] == [
        os.path.join("runs", model, "books_all", "1") for model in _MODELS
    ]


def test_all_tasks_are_limited_and_averaged(corpus, trained, tmp_path):
    models = {
        name: config_lib.Config.from_dict(model)
        for name, model in _MODELS.items()
    }
    base = config_lib.Config(data_dir=corpus, run_dir=str(tmp_path / "study"))
    plan = comparison_plan.make(models, base, runs_by_size={8: 1})
    result = comparison.run(plan)
    assert [(x["model"], x["task"]) for x in result.rows] == [
        (model, task) for model in _MODELS for task in ("books", "games")
    ]
    scores = comparison_scores.compute(plan)
    comparison_ = comparison_scores.Comparison(plan, result.rows, scores)
    (row,) = comparison_table.make_rows(comparison_, ["average"])
    for model, score in row.scores.items():
        tests = [x["test"] for x in result.rows if x["model"] == model]
        assert score.mean == pytest.approx(sum(tests) / 2)
    assert "labeled examples in every" in result.text.replace("\n", " ")
    assert "95 % interval of the gain over alone" in result.text


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
