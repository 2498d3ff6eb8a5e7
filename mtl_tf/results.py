"""Scores of a run: `results.json`, `predictions/`, and the printed table."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from mtl_tf import evaluation
from mtl_tf import metrics
from mtl_tf import run_directory
from mtl_tf import tasks as tasks_lib

FEATURES_FILE = "features.npz"
# Texts in it, of all tasks together.
FEATURE_ROWS = 2000
MAIN = evaluation.MAIN
LABEL_TRANSFER = evaluation.LABEL_TRANSFER
MAJORITY = "majority"
TEST = "test"
DEDUPLICATED = "test_deduplicated"


def scores_by_split(
    predictions: Mapping[str, evaluation.Predictions],
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
    train_labels: np.ndarray, predictions: evaluation.Predictions
) -> evaluation.Predictions:
    """What predicting the training split's most frequent label gives."""
    labels = predictions.probabilities.shape[1]
    most = np.bincount(train_labels, minlength=labels).argmax()
    probabilities = np.zeros_like(predictions.probabilities)
    probabilities[:, most] = 1
    return evaluation.Predictions(
        predictions.task, predictions.split, probabilities, {}, float("nan")
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
            for metric in metrics.METRICS
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


def num_tasks_note(average: Mapping | None, num_tasks: int) -> str:
    """Returns how many tasks a mean is over, where that is not all of them.

    Args:
      average: means of a split as `averages` returns them.
      num_tasks: number of all tasks.
    """
    # Means over seeds are floats.
    over = round((average or {}).get("num_tasks", num_tasks))
    return f"{over} of {num_tasks} tasks" if over < num_tasks else ""


def average_metric(tasks: Iterable[tasks_lib.Task]) -> str:
    """The metric of an average: the one of all tasks, or else accuracy."""
    deciding = {task.metric for task in tasks}
    return deciding.pop() if len(deciding) == 1 else "accuracy"


def average_name(tasks: Iterable[tasks_lib.Task]) -> str:
    """What the row of averages is called: of what, where metrics differ."""
    differ = len({task.metric for task in tasks}) > 1
    return "average accuracy" if differ else "average"


def caption(tasks: Iterable[tasks_lib.Task]) -> str:
    """What `table` is in: `Test scores in percent`, and what is not."""
    return f"Test scores {metrics.units(task.metric for task in tasks)}"


def deduplication_note(
    tasks: Iterable[tasks_lib.Task], results: Mapping
) -> str:
    """Returns which tasks have no de-duplicated score; nothing if all have one.

    Args:
      tasks: the tasks.
      results: what `results.json` holds.
    """
    lacking = [
        task.name
        for task in tasks
        if scores_of(results["tasks"][task.name][MAIN], DEDUPLICATED) is None
    ]
    if not lacking:
        return ""
    return (
        f"No de-duplicated score of {', '.join(lacking)}: all test texts are "
        "in train or dev too."
    )


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
    predictions: Sequence[evaluation.Predictions],
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


def table(
    results: Mapping,
    tasks: Sequence[tasks_lib.Task],
    name: str,
    baseline: Mapping | None = None,
) -> str:
    """Test scores, a line a task, and their average (see `average_name`).

    Args:
      results: what `results.json` holds.
      tasks: the tasks, with their metrics.
      name: heading of this run's column.
      baseline: results of the single-task models that stand beside it.
    """
    return _lines(_columns(results, tasks, name, baseline))


def markdown_table(
    results: Mapping, tasks: Sequence[tasks_lib.Task], name: str
) -> str:
    """What `table` says, in Markdown."""
    columns = _columns(results, tasks, name)
    for place, cells in enumerate(columns):
        cells.insert(1, "---" if place < 2 else "---:")
    rows = zip(*columns, strict=True)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _columns(results, tasks, name, baseline=None):
    """The columns of a table, each with its heading and a cell a line."""
    deciding = [*(task.metric for task in tasks), average_metric(tasks)]

    def column(heading, source, output, split=TEST):
        found = [source["tasks"].get(task.name) for task in tasks]
        # Over these tasks, whichever others the baseline has.
        found.append(averages(dict(enumerate(found))) if all(found) else None)
        cells = [heading]
        scores = None
        for by_output, metric in zip(found, deciding, strict=True):
            there = by_output and output in by_output
            scores = scores_of(by_output[output], split) if there else None
            value = (scores or {}).get(metric)
            cells.append(
                "-" if value is None else metrics.METRICS[metric].show(value)
            )
        note = num_tasks_note(scores, len(tasks))
        cells[-1] += f" ({note})" if note else ""
        return cells

    counts = [results["tasks"][t.name][MAIN][TEST]["n"] for t in tasks]
    columns = [
        ["task", *(task.name for task in tasks), average_name(tasks)],
        ["metric", *deciding],
        ["test", *(f"{count:.0f}" for count in counts), ""],
        column("majority", results, MAJORITY),
    ]
    if baseline:
        columns.append(column("single-task", baseline, MAIN))
    columns.append(column(name, results, MAIN))
    if any(LABEL_TRANSFER in scores for scores in results["tasks"].values()):
        # Of the main task.
        columns.append(column("label transfer", results, LABEL_TRANSFER))
    if DEDUPLICATED in results["average"][MAIN]:
        columns.append(column(f"{name}, de-dup.", results, MAIN, DEDUPLICATED))
    return columns


def _lines(columns):
    """The first two columns to the left, the others to the right."""
    padded = []
    for place, cells in enumerate(columns):
        width = max(map(len, cells))
        pad = str.ljust if place < 2 else str.rjust
        padded.append([pad(cell, width) for cell in cells])
    lines = ["  ".join(row) for row in zip(*padded, strict=True)]
    rule = "-" * len(lines[0])
    return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])


def write(run_dir: str, results: Mapping) -> None:
    """Writes `results.json`."""
    run_directory.write_json(
        os.path.join(run_dir, run_directory.RESULTS_FILE), results
    )
