"""The pages: `report.html` of a run, and the comparison of runs.

A page is one file that needs nothing else: no script, no font, no picture from
elsewhere. Whatever is not there, such as a file of an older version, is left
out and named.
"""

import dataclasses
import os
import string
from collections.abc import Mapping, Sequence

from absl import logging

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
from mtl_tf.runs import score_table

REPORT_FILE = "report.html"
# Examples on the page that compares runs, of all tasks together.
_DISAGREEMENTS = 12


@dataclasses.dataclass(frozen=True)
class ShownExample:
    """An example and its texts; None where they are not to be shown."""

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
      run_dir: directory of the run; it has to have ended.
      baseline_run: directory of a run to stand beside it, most often the
        single-task models. Where it cannot, the page says why.
      texts: whether the page shows texts of the corpus.
      path: where to write the page, if not to the run's directory.

    Returns:
      Path of the page.

    Raises:
      ValueError: if there is no such run, it has not ended, or a file of it
        is broken.
    """
    path = path or os.path.join(run_dir, REPORT_FILE)
    logging.info("Writing the report to %s", path)
    run = artifacts.read(run_dir)
    baseline, no_baseline = _read_baseline(run, baseline_run)
    runs = [baseline, run] if baseline else [run]
    average = run.results["average"][results_lib.MAIN]
    values = {
        "run": run,
        "config": run.run.config,
        "lines": scores.lines(runs, run.run.tasks),
        "caption": score_table.caption(run.run.tasks),
        "deduplication_note": score_table.deduplication_note(
            run.run.tasks, run.results
        ),
        "deduplicated": results_lib.DEDUPLICATED in average,
        "deduplicated_tasks": score_table.num_tasks_note(
            average.get(results_lib.DEDUPLICATED), len(run.run.tasks)
        ),
        "baseline": baseline,
        "no_baseline": no_baseline,
        "paper": published.find(
            run.run.config, run.run.corpus.name, run.run.tasks
        ),
        "seeds": _seed_lines(run) if run.of_seeds else [],
        "curves": _curves(run),
        "labels": _by_task(run, ("test",), details.labels),
        "num_labels": {task.name: len(task.labels) for task in run.run.tasks},
        "calibrations": _calibrations(run),
        "readings": _readings(run),
        "lengths": _lengths(run),
        "mistakes": [],
        "map": _map(run.features),
        "label_map": _label_map(run.label_vectors),
        "nearest_labels": label_vectors_lib.nearest(run.label_vectors)
        if run.label_vectors
        else [],
        "transfer": _label_transfer(run),
        "missing": run.missing(),
        "settings": descriptions.settings([run.run.config]),
        "stopping": descriptions.stopping(run.run.config, run.run.tasks),
        "pages": _pages_of_parts(run, os.path.dirname(path)),
    }
    if values["calibrations"]:
        values["reliability"] = charts.reliability(values["calibrations"])
    if texts:
        examples = [
            example
            for shown in _by_task(run, ("test",), details.mistakes).values()
            for example in shown
        ]
        values["mistakes"], values["no_texts"] = _with_texts(run, examples)
    return rendering.write("run.html", path, values)


def compare(run_dirs: Sequence[str], path: str, *, texts: bool = True) -> str:
    """Writes a page that compares runs on the same corpus.

    Args:
      run_dirs: directories of the runs, at least two; tests are against the
        first.
      path: where to write the page.
      texts: whether the page shows texts of the corpus.

    Returns:
      Path of the page.

    Raises:
      ValueError: if there are fewer than two runs, or they are of different
        corpora, have no task in common, or predict different rows.
    """
    if len(run_dirs) < 2:
        raise ValueError(
            f"at least 2 runs are needed to compare them, got {list(run_dirs)}"
        )
    logging.info("Writing the comparison to %s", path)
    runs = [artifacts.read(run_dir) for run_dir in run_dirs]
    artifacts.check_comparable(runs)
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
    every = sorted({name for of_run in names for name in of_run})
    letters = [letter(number) for number in range(len(runs))]
    apart, others = descriptions.settings([run.run.config for run in runs])
    values = {
        "runs": dict(zip(letters, runs, strict=True)),
        "corpus": runs[0].run.corpus,
        "lines": scores.lines(runs, common),
        "caption": score_table.caption(common),
        "left_out": [
            name for name in every if name not in {t.name for t in common}
        ],
        "curves": _dev_curves(
            {
                f"{letter}: {descriptions.model_name(run.run.config)}": run
                for letter, run in zip(letters, runs, strict=True)
            }
        ),
        "examples": [],
        "missing": [
            f"{letter}: {file}"
            for letter, run in zip(letters, runs, strict=True)
            for file in run.missing_predictions()
        ],
        "settings": (apart, others),
    }
    if texts:
        values["examples"], values["no_texts"] = _with_texts(
            runs[0], _disagreements(runs, common)
        )
    return rendering.write("comparison.html", path, values)


def _read_baseline(run, baseline_run):
    """The run to stand beside, and why it cannot, if so."""
    if not baseline_run:
        return None, ""
    try:
        baseline = artifacts.read(baseline_run)
        artifacts.check_comparable([baseline, run])
    except ValueError as error:
        # The page is the end of a long training: it is to be written.
        logging.warning("The report leaves out the baseline: %s", error)
        return None, str(error)
    return baseline, ""


def letter(number: int) -> str:
    """How a page calls a run: A, B, ..., Z, A1, B1, ..."""
    turn, place = divmod(number, len(string.ascii_uppercase))
    return string.ascii_uppercase[place] + (str(turn) if turn else "")


def _by_task(run, splits, function):
    """`function(*predictions, task)` by task that has the predictions."""
    found = {}
    for task in run.run.tasks:
        predictions = [run.predictions.get((task.name, s)) for s in splits]
        if all(predicted is not None for predicted in predictions):
            found[task.name] = function(*predictions, task)
    return found


def _calibrations(run):
    return list(
        _by_task(
            run,
            ("dev", "test"),
            lambda dev, test, task: details.calibrate(task.name, dev, test),
        ).values()
    )


def _readings(run):
    return [
        details.reading(task.name, split, predictions)
        for task in run.run.tasks
        for split in artifacts.SPLITS
        if (predictions := run.predictions.get((task.name, split)))
    ]


def _lengths(run):
    return _by_task(
        run,
        ("test",),
        lambda test, _: details.by_length(test),
    )


def _curves(run):
    """A chart of the run, or of its parts together; empty without history."""
    if run.history:
        return charts.training(run)
    kind = "seed " if run.of_seeds else ""
    return _dev_curves(
        {f"{kind}{name}": part for name, part in run.parts.items()}
    )


def _dev_curves(by_name: Mapping[str, artifacts.Artifacts]):
    curves = {name: charts.dev_accuracy(run) for name, run in by_name.items()}
    curves = {name: curve for name, curve in curves.items() if curve}
    return charts.dev_curves(curves) if curves else ""


def _map(features):
    """The map of features; nothing where there are no two axes to draw."""
    if features is None or min(features.features.shape) < 2:
        return ""
    return charts.feature_map(features)


def _label_map(label_vectors):
    """The map of labels; nothing where there are no two axes to draw."""
    if label_vectors is None or not label_vectors.has_plane:
        return ""
    return charts.label_map(label_vectors)


def _label_transfer(run):
    """What there is to say of a label transfer network; None without one."""
    task = run.transfer_task
    if not task:
        return None
    return {
        "task": task,
        "wording": descriptions.label_transfer(run.run.config, run.run.tasks),
        "phases": label_transfer.phases(run.results, task),
        "curves": charts.transfer_curves(run)
        if transfer_curves.has_label_transfer(run.history)
        else "",
        "agreement": run.agreement,
    }


def _seed_lines(run):
    """Test scores by seed: (task or average, scores)."""
    found = scores.lines(run.seeds, run.run.tasks)
    return [
        (line.name, [score.value for score in line.scores]) for line in found
    ]


def _pages_of_parts(run, folder):
    """Pages of the parts, by name, relative to a folder."""
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
    """Texts on which runs are furthest apart, over all tasks."""
    found = []
    for task in tasks:
        by_run = [
            [seed.predictions.get((task.name, "test")) for seed in run.seeds]
            for run in runs
        ]
        if any(seed is None for seeds in by_run for seed in seeds):
            continue
        aligned = artifacts.align(
            [seed for seeds in by_run for seed in seeds], f"task {task.name}"
        )
        by_run = [[aligned.pop(0) for _ in seeds] for seeds in by_run]
        found += details.disagreements(by_run, task)
    found.sort(key=lambda pair: -pair[0])
    return [example for _, example in found[:_DISAGREEMENTS]]


def _with_texts(run, examples):
    """The examples with their texts, and why there are none, if so."""
    texts, why_not = {}, ""
    try:
        texts_lib.check(run.run)
        for task in dict.fromkeys(example.task for example in examples):
            ids = [e.id for e in examples if e.task == task]
            found = texts_lib.read(run.run, task, ids)
            texts |= {(task, key): text for key, text in found.items()}
    except ValueError as error:
        # The corpus need not outlive the run.
        why_not = str(error)
    shown = [ShownExample(e, texts.get((e.task, e.id))) for e in examples]
    return shown, why_not
