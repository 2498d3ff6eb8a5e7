"""Made-up records of jobs on two tasks of FDU-MTL."""

import numpy as np

from reproduction import records

ROWS = 400


def of_run(errors, seed=0, deduplicated=None):
    """Makes the record of a run with these errors in percent, by task."""
    random = np.random.default_rng(seed)
    tasks, correct = {}, {}
    for task, error in errors.items():
        is_correct = np.arange(ROWS) >= round(error * ROWS / 100)
        correct[task] = random.permutation(is_correct)
        tasks[task] = {"main": _splits(error, deduplicated)}
    mean = float(np.mean(list(errors.values())))
    results = {
        "tasks": tasks,
        "average": {"main": _splits(mean, deduplicated)},
        "seconds": 1800.0,
    }
    return _record(results=results, correct=correct)


def of_outputs(task, main, transfer):
    """Makes the record of a run with a label transfer network."""
    return _record(
        correct={task: np.array(main, bool)},
        transfer_correct={task: np.array(transfer, bool)},
    )


def of_probes(probes, error):
    """Makes the record of a run that is analyzed."""
    results = {"average": {"main": _splits(error, None)}}
    return _record(results=results, probes=probes)


def of_study(rows):
    """Makes the record of a study with these rows."""
    return _record(rows=rows)


def _record(**outcome):
    return records.Record(
        command="python -m mtl_tf.main",
        date="2026-11-30",
        processor="Some CPU",
        revision="abc",
        seconds=1800.0,
        **outcome,
    )


def _splits(error, deduplicated):
    """Returns accuracies by split; dev is one point worse than test."""
    errors = {
        "dev": error + 1,
        "test": error,
        "test_deduplicated": error if deduplicated is None else deduplicated,
    }
    return {
        split: {"accuracy": 1 - value / 100} for split, value in errors.items()
    }


def of_main_task(task, accuracy):
    """Makes the record of a run; dev is ten points better than test."""
    by_split = {
        "test": {"accuracy": accuracy},
        "dev": {"accuracy": accuracy + 0.1},
    }
    return _record(results={"tasks": {task: {"main": by_split}}})


def of_seeds(main, deviation, ensemble):
    """Makes the record of a run with several seeds, equal in all splits."""

    def by_split(accuracy):
        splits = ("dev", "test", "test_deduplicated")
        return {split: {"accuracy": accuracy} for split in splits}

    average = {"main": by_split(main), "ensemble": by_split(ensemble)}
    deviations = {"average": {"main": by_split(deviation)}}
    return _record(results={"average": average, "deviation": deviations})


def of_seeds_of_task(task, scores):
    """Makes the record of a run with several seeds.

    The ensemble is one point better, the majority 14 worse, and the deviation
    one point.
    """

    def by_split(change):
        changed = {name: score + change for name, score in scores.items()}
        return {"dev": changed, "test": changed}

    deviations = {
        split: dict.fromkeys(scores, 0.01) for split in ("dev", "test")
    }
    by_output = {
        "main": by_split(0),
        "ensemble": by_split(0.01),
        "majority": by_split(-0.14),
    }
    return _record(
        results={
            "tasks": {task: by_output},
            "deviation": {"tasks": {task: {"main": deviations}}},
        }
    )
