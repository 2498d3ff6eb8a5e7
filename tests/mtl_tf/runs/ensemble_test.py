"""Scores of the mean probabilities of several seeds."""

import json
import os

import numpy as np
import pytest
import sklearn.metrics

from mtl_tf.runs import checksum_file
from mtl_tf.runs import ensemble
from mtl_tf.runs import prediction_files
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from tests.helpers import run_artifacts

TASK = run_artifacts.TASKS[0]


@pytest.fixture
def run_dir(tmp_path):
    corpus = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    return run_artifacts.write_run(str(tmp_path / "run"), corpus, num_runs=3)


def parts(run_dir):
    return list(run_directory.Run.read(run_dir).parts.values())


def rewrite(run_dir, task, change):
    """Changes the lines of a part's predictions for test."""
    path = prediction_files.path_of(run_dir, task.name, "test")
    with open(path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    with open(path, "w", encoding="utf-8") as file:
        for line in change(lines):
            file.write(json.dumps(line) + "\n")
    results = run_directory.format_json(run_directory.read_results(run_dir))
    checksum_file.write(run_dir, run_directory.RESULTS_FILE, results)


def test_scores_are_those_of_the_mean_probabilities(run_dir):
    runs = [run_directory.Run.read(x) for x in parts(run_dir)]
    scores = ensemble.scores(runs, TASK)
    gold, _ = run_artifacts.predictions(TASK, "test", 0)
    mean = sum(
        run_artifacts.predictions(TASK, "test", seed)[1] for seed in range(3)
    )
    predicted = mean.argmax(axis=1)
    assert scores["test"]["accuracy"] == pytest.approx(
        (predicted == gold).mean()
    )
    assert scores["test"]["macro_f1"] == pytest.approx(
        sklearn.metrics.f1_score(gold, predicted, average="macro")
    )
    assert scores["test"]["n"] == run_artifacts.ROWS
    # The first four rows are duplicates.
    assert scores["test_deduplicated"]["n"] == run_artifacts.ROWS - 4
    for part in parts(run_dir):
        rewrite(part, TASK, lambda x: (y | {"duplicate": False} for y in x))
    assert ensemble.scores(runs, TASK).keys() == {"dev", "test"}


def test_duplicates_are_left_out_of_the_de_duplicated_score(run_dir):
    duplicate = np.arange(run_artifacts.ROWS) % 3 == 0

    def change(lines):
        for line, value in zip(lines, duplicate, strict=True):
            yield line | {"duplicate": bool(value)}

    for part in parts(run_dir):
        rewrite(part, TASK, change)
    runs = [run_directory.Run.read(x) for x in parts(run_dir)]
    scores = ensemble.scores(runs, TASK)["test_deduplicated"]
    gold, _ = run_artifacts.predictions(TASK, "test", 0)
    mean = sum(
        run_artifacts.predictions(TASK, "test", seed)[1] for seed in range(3)
    )
    correct = (mean.argmax(axis=1) == gold)[~duplicate]
    assert scores["accuracy"] == pytest.approx(correct.mean())
    assert scores["n"] == len(correct)
    for part in parts(run_dir):
        rewrite(part, TASK, lambda x: (y | {"duplicate": True} for y in x))
    assert ensemble.scores(runs, TASK)["test_deduplicated"] is None


def test_results_have_an_average_of_the_ensemble(run_dir):
    results = run_directory.read_results(run_dir)
    of_main = results["average"][results_lib.MAIN]
    ensemble.add(results, parts(run_dir))
    accuracies = [
        results["tasks"][task.name][results_lib.ENSEMBLE]["test"]["accuracy"]
        for task in run_artifacts.TASKS
    ]
    average = results["average"]
    assert average[results_lib.ENSEMBLE]["test"]["accuracy"] == pytest.approx(
        np.mean(accuracies)
    )
    assert average[results_lib.MAIN] is of_main


def test_seeds_with_other_rows_are_refused(run_dir):
    rewrite(parts(run_dir)[1], TASK, lambda lines: reversed(list(lines)))
    results = run_directory.read_results(run_dir)
    with pytest.raises(ValueError, match=r"reviews, test: .* different rows"):
        ensemble.add(results, parts(run_dir))
    os.remove(prediction_files.path_of(parts(run_dir)[2], TASK.name, "dev"))
    with pytest.raises(ValueError, match=r"reviews-dev.jsonl is missing"):
        ensemble.add(results, parts(run_dir))
