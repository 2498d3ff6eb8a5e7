"""Results of a run: `results.json` and `features.npz`."""

import os
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mtl_tf.data import tasks as tasks_lib
from mtl_tf.evaluation import predictions as predictions_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import checksum_file
from mtl_tf.runs import run_directory

FEATURES_FILE = "features.npz"
# Maximum number of texts in it, over all tasks.
FEATURE_ROWS = 2000
MAIN = predictions_lib.MAIN
LABEL_TRANSFER = predictions_lib.LABEL_TRANSFER
MAJORITY = "majority"
# Of a run with several seeds: the mean of their probabilities.
ENSEMBLE = "ensemble"
TEST = "test"
DEDUPLICATED = "test_deduplicated"


def scores_by_split(
    predictions: Mapping[str, predictions_lib.SplitPredictions],
) -> dict[str, dict[str, float] | None]:
    """Computes scores by split; of `test` also without its duplicates.

    Args:
      predictions: predictions by split.

    Returns:
      Scores by split. `test_deduplicated` is None if all rows of `test` are
      duplicates, and missing if none is.
    """
    scores: dict[str, dict[str, float] | None] = {}
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
    """Returns predictions of the most frequent label of the training split.

    Args:
      train_labels: int [training rows], label indices.
      predictions: predictions of a model for the same rows.
    """
    num_classes = predictions.probabilities.shape[1]
    majority = np.bincount(train_labels, minlength=num_classes).argmax()
    probabilities = np.zeros_like(predictions.probabilities)
    probabilities[:, majority] = 1
    return predictions_lib.SplitPredictions(
        predictions.task, probabilities, predictions.split, {}, float("nan")
    )


def averages(
    tasks: Mapping[str, Mapping], outputs: Sequence[str] = (MAIN, MAJORITY)
) -> dict:
    """Computes means over tasks of the metrics that all tasks have.

    `test_deduplicated` of a task without duplicates is its `test`. Tasks whose
    test rows are all duplicates are left out; `num_tasks` is the number of the
    others. Without such tasks the mean is None.

    Args:
      tasks: results by task, as in `results.json`.
      outputs: outputs that all tasks have.

    Returns:
      {OUTPUT: {SPLIT: {METRIC: mean}}}.
    """
    means = {}
    for output in outputs:
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
    """Computes means of metrics over the tasks that have scores of a split."""
    of_split = [scores_of(scores, split) for scores in by_task]
    of_split = [scores for scores in of_split if scores is not None]
    if not of_split:
        return None
    means = {
        name: float(np.mean([scores[name] for scores in of_split]))
        for name in names
    }
    if split == DEDUPLICATED:
        means["num_tasks"] = len(of_split)
    return means


def average_metric(tasks: Iterable[tasks_lib.Task]) -> str:
    """Returns the metric of averages: that of all tasks, or else accuracy."""
    metrics = {task.metric for task in tasks}
    return metrics.pop() if len(metrics) == 1 else "accuracy"


def average_name(tasks: Iterable[tasks_lib.Task]) -> str:
    """Returns the name of averages; with the metric if the tasks' differ."""
    differ = len({task.metric for task in tasks}) > 1
    return "average accuracy" if differ else "average"


def scores_of(scores: Mapping, split: str) -> Mapping | None:
    """Returns the scores of a split; None if it has no rows.

    `test_deduplicated` is `test` if there are no duplicates.

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
    """Writes `features.npz`, the features of a sample of texts.

    `features`, float32 [texts, feature size], are from the shared encoder, or
    from the private one if there is no shared one; `kind` is `shared` or
    `private`. `task`, `label`, `predicted` and `id` are strings [texts].

    Args:
      run_dir: directory of the run.
      tasks: the tasks.
      predictions: predictions for one split of each task.
      seed: seed of the sample.
    """
    kind = "shared" if "shared" in predictions[0].features else "private"
    columns: dict[str, list[np.ndarray]] = {
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
        # mypy does not know that no column is called `allow_pickle`.
        **{  # type: ignore[arg-type]
            name: np.concatenate(arrays) for name, arrays in columns.items()
        },
    )


def combine(
    results: Sequence[Mapping | float | None],
    function: Callable[[list[float]], float],
) -> dict | float | None:
    """Combines the numbers that all results have in common.

    Args:
      results: nested dicts of numbers; None: there is no number.
      function: combines numbers, such as a mean.

    Returns:
      A nested dict; None where one of the results is None.
    """
    if any(result is None for result in results):
        return None
    mappings = [x for x in results if isinstance(x, Mapping)]
    if len(mappings) == len(results):
        return {
            key: combine([mapping[key] for mapping in mappings], function)
            for key in mappings[0]
            if all(key in mapping for mapping in mappings)
        }
    return float(function(typing.cast(list[float], list(results))))


def write(run_dir: str, results: Mapping) -> None:
    """Writes the checksums of an evaluation, and then `results.json`."""
    checksum_file.write(
        run_dir,
        run_directory.RESULTS_FILE,
        run_directory.format_json(results),
    )
    run_directory.write_json(
        os.path.join(run_dir, run_directory.RESULTS_FILE), results
    )
