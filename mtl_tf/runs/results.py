"""Scores of a run: `results.json`, `predictions/`, and the printed table."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_directory

FEATURES_FILE = "features.npz"
# Texts in it, of all tasks together.
FEATURE_ROWS = 2000
MAIN = predictions_lib.MAIN
LABEL_TRANSFER = predictions_lib.LABEL_TRANSFER
MAJORITY = "majority"
TEST = "test"
DEDUPLICATED = "test_deduplicated"


def scores_by_split(
    predictions: Mapping[str, predictions_lib.SplitPredictions],
) -> dict[str, dict[str, float]]:
    """Computes scores by split; of `test` also those without its duplicates.

    Those are None where all rows of `test` are duplicates, and left out where
    none is: they are those of `test` then.
    """
    scores = {}
    for split, predicted in predictions.items():
        scores[split] = predicted.scores()
        unseen = ~predicted.split.duplicate
        if split == TEST and not unseen.all():
            scores[DEDUPLICATED] = (
                predicted.scores(unseen) if unseen.any() else None
            )
    return scores


def majority_predictions(
    train_labels: np.ndarray, predictions: predictions_lib.SplitPredictions
) -> predictions_lib.SplitPredictions:
    """What predicting the training split's most frequent label gives."""
    labels = predictions.probabilities.shape[1]
    most = np.bincount(train_labels, minlength=labels).argmax()
    probabilities = np.zeros_like(predictions.probabilities)
    probabilities[:, most] = 1
    return predictions_lib.SplitPredictions(
        predictions.task, probabilities, predictions.split, {}, float("nan")
    )


def averages(tasks: Mapping[str, Mapping]) -> dict:
    """Means over tasks of what they all report: {OUTPUT: {SPLIT: {METRIC: x}}}.

    `test_deduplicated` of a task without duplicates is its `test`. A task whose
    test rows are all duplicates has none, and is left out: `num_tasks` there
    tells how many tasks the mean is over. It is None where that is no task.

    Args:
      tasks: what `results.json` says of them, by name.
    """
    means = {}
    for output in (MAIN, MAJORITY):
        by_task = [task[output] for task in tasks.values()]
        names = [
            metric
            for metric in classification.METRICS
            if all(metric in scores[TEST] for scores in by_task)
        ]
        means[output] = {
            split: _mean(split, names, by_task)
            for split in dict.fromkeys(s for scores in by_task for s in scores)
        }
    return means


def _mean(split, names, by_task):
    """Means of metrics over the tasks that have scores of a split."""
    found = [scores_of(scores, split) for scores in by_task]
    found = [scores for scores in found if scores is not None]
    if not found:
        return None
    mean = {
        name: float(np.mean([scores[name] for scores in found]))
        for name in names
    }
    return mean | ({"num_tasks": len(found)} if split == DEDUPLICATED else {})


def average_metric(tasks: Iterable[tasks_lib.Task]) -> str:
    """The metric of an average: the one of all tasks, or else accuracy."""
    deciding = {task.metric for task in tasks}
    return deciding.pop() if len(deciding) == 1 else "accuracy"


def average_name(tasks: Iterable[tasks_lib.Task]) -> str:
    """What the row of averages is called: of what, where metrics differ."""
    differ = len({task.metric for task in tasks}) > 1
    return "average accuracy" if differ else "average"


def scores_of(scores: Mapping, split: str) -> Mapping | None:
    """Returns the scores of a split; None where it has no rows.

    `test_deduplicated` is `test` where there are no duplicates to leave out.

    Args:
      scores: scores by split.
      split: the split.
    """
    return scores.get(split, scores[TEST])


def write_features(
    run_dir: str,
    tasks: Sequence[tasks_lib.Task],
    predictions: Sequence[predictions_lib.SplitPredictions],
    seed: int,
) -> None:
    """Writes `features.npz`: a sample of texts in the space of features.

    `features`, float32 [texts, width], are of the shared encoder, or of the
    private one where there is no other; `kind` says which. `task`, `label`,
    `predicted` and `id` are strings [texts].

    Args:
      run_dir: directory of the run.
      tasks: the tasks.
      predictions: predictions of a split of each of them.
      seed: seed of the sample.
    """
    kind = "shared" if "shared" in predictions[0].features else "private"
    columns = {
        name: [] for name in ("features", "task", "label", "predicted", "id")
    }
    for task, predicted in zip(tasks, predictions, strict=True):
        random = np.random.default_rng((seed, 5))
        rows = random.permutation(len(predicted.split))
        rows = np.sort(rows[: FEATURE_ROWS // len(tasks)])
        labels = np.array(task.labels)
        columns["features"].append(predicted.features[kind][rows])
        columns["task"].append(np.full(len(rows), task.name))
        columns["label"].append(labels[predicted.split.labels[rows]])
        columns["predicted"].append(labels[predicted.predicted[rows]])
        keys = [key.decode("utf-8") for key in predicted.split.ids[rows]]
        columns["id"].append(np.array(keys))
    np.savez_compressed(
        os.path.join(run_dir, FEATURES_FILE),
        kind=kind,
        **{name: np.concatenate(parts) for name, parts in columns.items()},
    )


def combine(
    results: Sequence[Mapping], function: Callable[[list[float]], float]
) -> dict | float | None:
    """Applies a function to each number that all results have in common.

    Where one of them has None, the result is None: there is nothing to combine.
    """
    if any(result is None for result in results):
        return None
    if all(isinstance(result, Mapping) for result in results):
        return {
            key: combine([result[key] for result in results], function)
            for key in results[0]
            if all(key in result for result in results)
        }
    return float(function(list(results)))


def write(run_dir: str, results: Mapping) -> None:
    """Writes `results.json`, and before it the checksums of an evaluation."""
    checksum_file.write(
        run_dir,
        run_directory.RESULTS_FILE,
        run_directory.format_json(results),
    )
    run_directory.write_json(
        os.path.join(run_dir, run_directory.RESULTS_FILE), results
    )
