"""Scores of a run: `results.json`, `predictions/`, and the printed table."""

import json
import os
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mtl_tf import evaluation
from mtl_tf import metrics
from mtl_tf import run_directory
from mtl_tf import tasks as tasks_lib

MAIN = "main"
MAJORITY = "majority"


def scores_by_split(
    predictions: Mapping[str, evaluation.Predictions],
) -> dict[str, dict[str, float]]:
    """Scores by split; of `test` also those without its duplicates."""
    scores = {}
    for split, predicted in predictions.items():
        scores[split] = predicted.scores()
        unseen = ~predicted.split.duplicate
        if split == "test" and not unseen.all() and unseen.any():
            scores["test_deduplicated"] = predicted.scores(unseen)
    return scores


def majority_predictions(
    train_labels: np.ndarray, predictions: evaluation.Predictions
) -> evaluation.Predictions:
    """What predicting the training split's most frequent label gives."""
    labels = predictions.probabilities.shape[1]
    most = np.bincount(train_labels, minlength=labels).argmax()
    probabilities = np.zeros_like(predictions.probabilities)
    probabilities[:, most] = 1
    return evaluation.Predictions(
        predictions.split, probabilities, {}, float("nan")
    )


def averages(tasks: Mapping[str, Mapping]) -> dict:
    """Means over tasks: {OUTPUT: {SPLIT: {METRIC: x}}}.

    `test_deduplicated` of a task without duplicates is its `test`.
    """
    means = {}
    for output in (MAIN, MAJORITY):
        means[output] = {}
        for split in ("dev", "test", "test_deduplicated"):
            rows = [
                task[output].get(split) or task[output].get("test")
                for task in tasks.values()
                if split == "test_deduplicated" or split in task[output]
            ]
            if split == "test_deduplicated" and not any(
                split in task[output] for task in tasks.values()
            ):
                continue
            rows = [row for row in rows if row]
            if rows:
                means[output][split] = {
                    metric: float(np.mean([row[metric] for row in rows]))
                    for metric in metrics.METRICS
                }
    return means


def write_predictions(
    run_dir: str,
    task: tasks_lib.Task,
    split: str,
    predictions: evaluation.Predictions,
) -> None:
    """Writes `predictions/TASK-SPLIT.jsonl`, one line an example."""
    path = os.path.join(run_dir, "predictions", f"{task.name}-{split}.jsonl")
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for row, (key, gold, predicted) in enumerate(
            zip(
                predictions.split.ids,
                predictions.split.labels,
                predictions.predicted,
                strict=True,
            )
        ):
            line = {
                "id": key.decode("utf-8"),
                "task": task.name,
                "gold": task.labels[gold],
                "predicted": task.labels[predicted],
                "probabilities": {
                    label: round(float(probability), 6)
                    for label, probability in zip(
                        task.labels,
                        predictions.probabilities[row],
                        strict=True,
                    )
                },
                "duplicate": bool(predictions.split.duplicate[row]),
            }
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


def combine(
    results: Sequence[Mapping], function: Callable[[list[float]], float]
) -> dict | float:
    """Applies a function to each number that all results have in common."""
    if all(isinstance(result, Mapping) for result in results):
        return {
            key: combine([result[key] for result in results], function)
            for key in results[0]
            if all(key in result for result in results)
        }
    return float(function(list(results)))


def table(
    results: Mapping,
    tasks: Sequence[tasks_lib.Task],
    name: str,
    baseline: Mapping | None = None,
) -> str:
    """Test scores in percent, a line a task.

    Args:
      results: what `results.json` holds.
      tasks: the tasks, with their metrics.
      name: heading of this run's column.
      baseline: results of the run that stands beside it.
    """
    deduplicated = "test_deduplicated" in results["average"][MAIN]
    headings = ["task", "metric", "test", "majority"]
    headings += ["single-task"] if baseline else []
    headings += [name]
    headings += [f"{name}, de-dup."] if deduplicated else []
    rows = []
    for task in (*tasks, None):
        if task is not None and "test" not in results["tasks"][task.name][MAIN]:
            continue
        metric = task.metric if task else "accuracy"

        def of(source, output, split="test", task=task, metric=metric):
            scores = (
                source["tasks"].get(task.name, {}) if task else source["average"]
            ).get(output, {})
            found = scores.get(split) or scores.get("test", {})
            value = found.get(metric)
            return "-" if value is None else f"{100 * value:.1f}"

        row = [task.name if task else "average", metric]
        row += [
            f"{results['tasks'][task.name][MAIN]['test']['n']}" if task else ""
        ]
        row += [of(results, MAJORITY)]
        row += [of(baseline, MAIN)] if baseline else []
        row += [of(results, MAIN)]
        row += [of(results, MAIN, "test_deduplicated")] if deduplicated else []
        rows.append(row)
    return _align([headings, *rows])


def _align(rows):
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if place < 2 else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def write(run_dir: str, results: Mapping) -> None:
    """Writes `results.json`."""
    run_directory.write_json(
        os.path.join(run_dir, run_directory.RESULTS_FILE), results
    )
