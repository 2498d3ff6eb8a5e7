"""HTML pages: `report.html` of a run, and the comparison of several runs.

A page is a single file without scripts, fonts or images from elsewhere. Content
whose files are missing, such as those of an older version, is left out and
listed at the top.
"""

import dataclasses
import os
import string
from collections.abc import Sequence

from absl import logging

from mtl_tf.reporting.html import analysis
from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import charts
from mtl_tf.reporting.html import details
from mtl_tf.reporting.html import label_transfer
from mtl_tf.reporting.html import published
from mtl_tf.reporting.html import rendering
from mtl_tf.reporting.html import scores
from mtl_tf.reporting.html import texts as texts_lib
from mtl_tf.reporting.plots import transfer_curves
from mtl_tf.runs import descriptions
from mtl_tf.runs import label_embeddings as label_vectors_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_names
from mtl_tf.runs import score_table

REPORT_FILE = "report.html"
# Examples in a comparison, of all tasks together.
_MAX_DISAGREEMENTS = 12


@dataclasses.dataclass(frozen=True)
class ShownExample:
    """An example and its texts; None if the texts are not shown."""

    example: details.Example
    text: texts_lib.Text | None


def write(
    run_dir: str,
    *,
    baseline_run: str = "",
    texts: bool = True,
    path: str = "",
) -> str:
    """Writes the page of a run, `report.html` in its directory.

    Args:
      run_dir: directory of the run, which must have ended.
      baseline_run: directory of a run to compare it with, usually of the
        single-task models. The page names the reason if they are not
        comparable.
      texts: whether the page shows texts of the corpus.
      path: path of the page, if it is not in the run's directory.

    Returns:
      Path of the page.

    Raises:
      ValueError: if there is no such run, the run has not ended, or one of its
        files is broken.
    """
    path = path or os.path.join(run_dir, REPORT_FILE)
    logging.info("Writing the report to %s", path)
    run = artifacts.read(run_dir)
    baseline, no_baseline = _read_baseline(run, baseline_run)
    changed, others = descriptions.settings([run.run.config])
    variables = {
        "run": run,
        "config": run.run.config,
        "baseline": baseline,
        "no_baseline": no_baseline,
        "missing": run.missing(),
        **_score_variables(run, baseline),
        "stopping": descriptions.stopping(run.run.config, run.run.tasks),
        "part_pages": _part_pages(run, os.path.dirname(path)),
        **_chart_variables(run),
        **_detail_variables(run),
        **analysis.variables(run.analysis, texts),
        "mistakes": [],
        "changed_settings": changed,
        "other_settings": others,
    }
    if texts:
        by_task = _by_task(run, ("test",), details.mistakes)
        examples = [x for of_task in by_task.values() for x in of_task]
        variables["mistakes"], variables["no_texts"] = _add_texts(run, examples)
    return rendering.write("run.html", path, variables)


def compare(run_dirs: Sequence[str], path: str, *, texts: bool = True) -> str:
    """Writes a page that compares runs on the same corpus.

    Args:
      run_dirs: directories of at least two runs. Tests are against the first.
      path: path of the page.
      texts: whether the page shows texts of the corpus.

    Returns:
      Path of the page.

    Raises:
      ValueError: if there are fewer than two runs, or they use different
        corpora, have no task in common, or predict different rows.
    """
    if len(run_dirs) < 2:
        raise ValueError(
            f"expected at least 2 runs to compare, got {list(run_dirs)}"
        )
    logging.info("Writing the comparison to %s", path)
    runs = [artifacts.read(run_dir) for run_dir in run_dirs]
    artifacts.check_comparable(runs)
    tasks, left_out = _split_common_tasks(runs)
    by_letter = {letter(index): run for index, run in enumerate(runs)}
    configs = [run.run.config for run in runs]
    names = dict(zip(by_letter, run_names.make(configs, run_dirs), strict=True))
    changed, others = descriptions.settings(configs)
    variables = {
        "runs": by_letter,
        "names": names,
        "corpus": runs[0].run.corpus,
        "rows": scores.table_rows(runs, tasks),
        "caption": score_table.caption(tasks),
        "left_out": left_out,
        "curves": charts.accuracies(
            {f"{key}: {names[key]}": run for key, run in by_letter.items()}
        ),
        "examples": [],
        "missing": [
            f"{key}: {file}"
            for key, run in by_letter.items()
            for file in run.missing_predictions()
        ],
        "changed_settings": changed,
        "other_settings": others,
    }
    if texts:
        variables["examples"], variables["no_texts"] = _add_texts(
            runs[0], _disagreements(runs, tasks)
        )
    return rendering.write("runs.html", path, variables)


def letter(index: int) -> str:
    """Returns the name of a run on a page: A, B, ..., Z, A1, B1, ..."""
    suffix, position = divmod(index, len(string.ascii_uppercase))
    return string.ascii_uppercase[position] + (str(suffix) if suffix else "")


def _read_baseline(run, baseline_run):
    """Reads the baseline.

    Returns:
      The baseline or None, and the reason if it is not comparable.
    """
    if not baseline_run:
        return None, ""
    try:
        baseline = artifacts.read(baseline_run)
        artifacts.check_comparable([baseline, run])
    except ValueError as error:
        # A long training ends with this page, which must not fail for it.
        logging.warning("The report leaves out the baseline: %s", error)
        return None, str(error)
    return baseline, ""


def _split_common_tasks(runs):
    """Splits tasks into those that all runs have and names of the others."""
    names = [[task.name for task in run.run.tasks] for run in runs]
    common = [
        task
        for task in runs[0].run.tasks
        if all(task.name in of_run for of_run in names)
    ]
    if not common:
        raise ValueError(
            "the runs have no task in common: "
            + "; ".join(
                f"{run.run.run_dir} has {', '.join(of_run)}"
                for run, of_run in zip(runs, names, strict=True)
            )
        )
    all_names = {name for of_run in names for name in of_run}
    return common, sorted(all_names - {task.name for task in common})


def _score_variables(run, baseline):
    """Makes the variables of the section on test scores."""
    tasks = run.run.tasks
    average = run.results["average"][results_lib.MAIN]
    return {
        "rows": scores.table_rows(
            [baseline, run] if baseline else [run], tasks
        ),
        "caption": score_table.caption(tasks),
        "has_deduplicated": results_lib.DEDUPLICATED in average,
        "deduplicated_tasks": score_table.num_tasks_note(
            average.get(results_lib.DEDUPLICATED), len(tasks)
        ),
        "deduplication_note": score_table.deduplication_note(
            tasks, run.results
        ),
        "paper": published.find(run.run.config, run.run.corpus.name, tasks),
        "seed_rows": _seed_rows(run) if run.of_seeds else [],
    }


def _chart_variables(run):
    """Makes the variables of sections with charts."""
    return {
        "curves": _curves(run),
        "feature_maps": _feature_maps(run.features),
        "label_map": _label_map(run.label_vectors),
        "nearest_labels": label_vectors_lib.nearest(run.label_vectors)
        if run.label_vectors
        else [],
        "affinity": charts.affinity(run.affinity) if run.affinity else "",
        "transfer": _label_transfer_variables(run),
    }


def _detail_variables(run):
    """Makes the variables of sections on predictions; empty without them."""
    calibrations = _by_task(
        run,
        ("dev", "test"),
        lambda dev, test, task: details.calibrate(task.name, dev, test),
    )
    calibrations = list(calibrations.values())
    return {
        "label_scores": _by_task(run, ("test",), details.label_scores),
        "confusions": _by_task(run, ("test",), details.confusions),
        "num_labels": {task.name: len(task.labels) for task in run.run.tasks},
        "calibrations": calibrations,
        "reliability": charts.reliability(calibrations) if calibrations else "",
        "input_statistics": [
            details.input_statistics(task.name, split, predictions)
            for task in run.run.tasks
            for split in artifacts.SPLITS
            if (predictions := run.predictions.get((task.name, split)))
        ],
        "length_bins": _by_task(
            run, ("test",), lambda test, _: details.accuracy_by_length(test)
        ),
    }


def _by_task(run, splits, function):
    """Calls `function(*predictions, task)` for each task with predictions."""
    by_task = {}
    for task in run.run.tasks:
        predictions = [run.predictions.get((task.name, s)) for s in splits]
        if all(of_split is not None for of_split in predictions):
            by_task[task.name] = function(*predictions, task)
    return by_task


def _curves(run):
    """Draws the curves of the run, or of its parts; empty without history."""
    if run.history:
        return charts.training(run)
    prefix = "seed " if run.of_seeds else ""
    return charts.accuracies(
        {f"{prefix}{name}": part for name, part in run.parts.items()}
    )


def _feature_maps(features):
    """Draws the maps of features; empty if they do not span two axes."""
    if features is None or min(features.features.shape) < 2:
        return []
    return charts.feature_maps(features)


def _label_map(label_vectors):
    """Draws the map of labels; empty if they do not span two axes."""
    if label_vectors is None or not label_vectors.has_plane:
        return ""
    return charts.label_map(label_vectors)


def _label_transfer_variables(run):
    """Makes the variables of a label transfer network; None without one."""
    task = run.transfer_task
    if not task:
        return None
    return {
        "task": task,
        "description": descriptions.label_transfer(
            run.run.config, run.run.tasks
        ),
        "phases": label_transfer.phases(run.results, task),
        "curves": charts.transfer_curves(run, task)
        if transfer_curves.has_label_transfer(run.history)
        else "",
        "agreement": run.agreement,
    }


def _seed_rows(run):
    """Lists test scores by seed: (task or average, scores, ensemble)."""
    of_tasks = run.results["tasks"]
    rows = []
    for row in scores.table_rows(run.seeds, run.run.tasks):
        by_output = of_tasks.get(row.name, run.results["average"])
        ensemble = by_output[results_lib.ENSEMBLE][results_lib.TEST]
        by_seed = [score.value for score in row.scores]
        rows.append((row.name, by_seed, ensemble[row.metric]))
    return rows


def _part_pages(run, folder):
    """Finds existing pages of the parts, by name, relative to a folder."""
    pages = {
        name: os.path.join(part.run.run_dir, REPORT_FILE)
        for name, part in run.parts.items()
    }
    return {
        name: os.path.relpath(page, folder or ".")
        for name, page in pages.items()
        if os.path.exists(page)
    }


def _disagreements(runs, tasks):
    """Selects the examples of all tasks on which the runs differ most."""
    examples = []
    for task in tasks:
        by_run = [
            [seed.predictions.get((task.name, "test")) for seed in run.seeds]
            for run in runs
        ]
        if any(seed is None for seeds in by_run for seed in seeds):
            continue
        by_run = artifacts.align_seeds(by_run, f"task {task.name}")
        examples += details.disagreements(by_run, task)
    examples.sort(key=lambda pair: -pair[0])
    return [example for _, example in examples[:_MAX_DISAGREEMENTS]]


def _add_texts(run, examples):
    """Reads the texts of examples.

    Returns:
      The examples with their texts, and the reason if there are no texts.
    """
    texts, reason = {}, ""
    try:
        texts_lib.check(run.run)
        for task in dict.fromkeys(example.task for example in examples):
            ids = [e.id for e in examples if e.task == task]
            of_task = texts_lib.read(run.run, task, ids)
            texts |= {(task, key): text for key, text in of_task.items()}
    except ValueError as error:
        # The corpus may have been removed since the run.
        reason = str(error)
    shown = [ShownExample(e, texts.get((e.task, e.id))) for e in examples]
    return shown, reason
