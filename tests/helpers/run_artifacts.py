"""Generated run directories with the files of a run, without training.

The tasks are `reviews` with three labels, and the pair task `stance` with two.
Labels, ids and texts contain characters that a page must escape.
"""

import json
import os

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
from mtl_tf.runs import ensemble
from mtl_tf.runs import label_embeddings
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.utils import checksums

SCRIPT = "<script>alert(1)</script>"
TASKS = (
    tasks_lib.Task("reviews", ("bad", SCRIPT, "$good"), "macro_f1"),
    tasks_lib.Task("stance", ("against", "for"), "accuracy", True),
)
ROWS = 40


def write_corpus(
    data_dir: str,
    fingerprint: str = "f00d",
    tasks: tuple[tasks_lib.Task, ...] = TASKS,
    name: str = "made_up",
) -> str:
    """Writes `corpus.json` and the test records; returns the directory."""
    declaration = {
        "schema": 1,
        "corpus": name,
        "tasks": {
            task.name: {
                "labels": task.labels,
                "metric": task.metric,
                "pair": task.pair,
                "splits": dict.fromkeys(("train", "dev", "test"), ROWS),
            }
            for task in tasks
        },
        "files": {"records/made-up.tfrecord": "c0ffee"},
        "license": f"CC0 {SCRIPT}",
        "fingerprint": fingerprint,
        "findings": [
            {"task": tasks[-1].name, "message": f"3 of {ROWS} rows {SCRIPT}"},
            {"task": "of-another-run", "message": "not here"},
        ],
    }
    run_directory.write_json(
        os.path.join(data_dir, "corpus.json"), checksums.sign(declaration)
    )
    for task in tasks:
        gold, _ = predictions(task, "test", 0)
        rows = [
            records.Row(
                _id(task, "test", row),
                f"topic {row} {SCRIPT}" if task.pair else "",
                f"text {row} of {task.name} {SCRIPT}",
                task.labels[label],
            )
            for row, label in enumerate(gold)
        ]
        records.write_rows(
            data_dir, task.name, "test", rows, np.zeros([len(rows), 5])
        )
    return data_dir


def predictions(
    task: tasks_lib.Task, split: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generates the predictions of a run on a split.

    Returns:
      Gold labels, int [rows], which do not depend on the seed of the run, and
      probabilities, float64 [rows, num_classes].
    """
    num_classes = len(task.labels)
    data_seed = [split == "test", num_classes]
    gold = np.random.default_rng(data_seed).integers(num_classes, size=ROWS)
    random = np.random.default_rng([*data_seed, seed])
    logits = random.normal(size=(ROWS, num_classes))
    logits += 1.5 * np.eye(num_classes)[gold]
    exponentials = np.exp(logits)
    return gold, exponentials / exponentials.sum(axis=1, keepdims=True)


def transfer_predictions(
    task: tasks_lib.Task, split: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generates the predictions of a label transfer network on a split."""
    return predictions(task, split, seed + 100)


def label_embedding(tasks: tuple[tasks_lib.Task, ...]) -> np.ndarray:
    """Generates vectors of the tasks' labels, float32 [labels, 4]."""
    num_labels = sum(len(task.labels) for task in tasks)
    random = np.random.default_rng(1)
    return random.normal(size=(num_labels, 4)).astype(np.float32)


def topics() -> np.ndarray:
    """Generates the topics of the rows of a split, str [rows]."""
    return np.array([f"topic {row % 3}" for row in range(ROWS)])


def _id(task, split, row):
    """Makes the id of a row."""
    return f"{task.name}-{split}-{row}<b>"


def write_run(
    run_dir: str,
    data_dir: str,
    *,
    tasks: tuple[tasks_lib.Task, ...] = TASKS,
    epochs: int = 3,
    **settings,
) -> str:
    """Writes the files of a run; returns its directory.

    Args:
      run_dir: directory of the run.
      data_dir: directory of a corpus of `write_corpus`.
      tasks: tasks of the run.
      epochs: number of epochs of each phase.
      **settings: settings of the run. With several seeds or single-task models,
        the run has parts in subdirectories.
    """
    config = config_lib.Config(
        data_dir=data_dir,
        run_dir=run_dir,
        tasks=() if tasks == TASKS else tuple(task.name for task in tasks),
        epochs=epochs,
        **settings,
    )
    corpus = tasks_lib.Corpus.read(data_dir)
    _write_record(config, corpus, tasks)
    parts = run_directory.part_dirs(config, tasks)
    for name, part_dir in parts.items():
        values = dict(settings)
        if config.num_runs > 1:
            values |= {"num_runs": 1, "seed": int(name)}
            part_tasks = tasks
        else:
            part_tasks = tuple(task for task in tasks if task.name == name)
        write_run(part_dir, data_dir, tasks=part_tasks, epochs=epochs, **values)
    if parts:
        results = [run_directory.read_results(path) for path in parts.values()]
        merged = _merge(config, results)
        if config.num_runs > 1:
            ensemble.add(merged, list(parts.values()))
        results_lib.write(run_dir, merged)
        return run_dir
    _write_predictions(config, tasks)
    _write_history(config, tasks)
    _write_features(config, tasks)
    if config.output_layer == "label_embedding":
        vectors = label_embedding(tasks)
        golds = [predictions(task, "train", 0)[0] for task in tasks]
        label_embeddings.write(run_dir, tasks, vectors, golds)
    results_lib.write(run_dir, _results(config, tasks))
    return run_dir


def _write_record(config, corpus, tasks):
    """Writes `config.json` and the assets."""
    path = os.path.join(config.run_dir, "assets", "corpus.json")
    run_directory.write_json(path, corpus.declaration)
    path = os.path.join(config.run_dir, "assets", "vocabulary.txt")
    with open(path, "w", encoding="utf-8") as file:
        file.write("[PAD]\n[UNK]\n")
    run_directory.write_config(
        config.run_dir,
        {
            "schema": 1,
            "config": config.to_dict(),
            "tasks": [task.name for task in tasks],
            "corpus": corpus.name,
            "fingerprint": corpus.declaration["fingerprint"],
            "data": corpus.declaration["files"],
            "assets": {},
            "versions": {"keras": "3.15.1"},
            "git_revision": "abc123",
            "started": "2026-11-22T08:00:00+0000",
        },
    )


def _outputs(config, task):
    """Returns functions that generate predictions, by output of the task."""
    if config.label_transfer == "none" or task.name != config.main_task:
        return {"main": predictions}
    return {"main": predictions, "label_transfer": transfer_predictions}


def _write_predictions(config, tasks):
    """Writes the files of predictions."""
    os.makedirs(os.path.join(config.run_dir, "predictions"))
    for task in tasks:
        for output, predict in _outputs(config, task).items():
            for split in ("dev", "test"):
                suffix = "" if output == "main" else f"-{output}"
                name = f"predictions/{task.name}-{split}{suffix}.jsonl"
                _write_prediction_file(
                    os.path.join(config.run_dir, name),
                    task,
                    split,
                    *predict(task, split, config.seed),
                )


def _write_prediction_file(path, task, split, gold, probabilities):
    """Writes the predictions of an output on a split."""
    with open(path, "w", encoding="utf-8") as file:
        for row, label in enumerate(gold):
            line = {
                "id": _id(task, split, row),
                "task": task.name,
                "group": topics()[row],
                "gold": task.labels[label],
                "predicted": task.labels[probabilities[row].argmax()],
                "probabilities": dict(
                    zip(task.labels, probabilities[row].tolist(), strict=True)
                ),
                "duplicate": row < 4,
                "tokens": 10 + row,
                "unknown": row % 3,
                "cut": max(0, row - 35),
            }
            file.write(json.dumps(line) + "\n")


def _write_history(config, tasks):
    """Writes `history.jsonl`."""
    losses = {}
    if config.adversarial_weight:
        losses = {
            "loss/adversarial": 0.6,
            "loss_weighted/adversarial": 0.03,
            "discriminator/cross_entropy": 0.6,
            "discriminator/task_prior_entropy": 0.69,
            "discriminator/accuracy": 0.6,
            "discriminator/chance": 0.5,
        }
    with open(
        os.path.join(config.run_dir, "history.jsonl"), "w", encoding="utf-8"
    ) as file:
        for index in range(config.epochs * len(config.phases)):
            epoch = index + 1
            phase = config.phases[index // config.epochs]
            accuracy = 0.5 + epoch / 20
            scores = {"accuracy": accuracy}
            dev = {
                "average": accuracy,
                "tasks": {task.name: scores for task in tasks},
            }
            if phase != "base":
                dev["label_transfer"] = {"accuracy": accuracy - 0.1}
            line = {
                "phase": phase,
                "epoch": epoch,
                "step": epoch,
                "terms": {
                    "training/accuracy": accuracy + epoch / 20,
                    "loss/task": 1 / epoch,
                    "loss_weighted/task": 2 / epoch,
                    **losses,
                },
                "dev": dev,
            }
            file.write(json.dumps(line) + "\n")


def _write_features(config, tasks):
    """Writes `features.npz`."""
    rows = len(tasks) * ROWS
    golds = [predictions(task, "test", 0)[0] for task in tasks]
    np.savez_compressed(
        os.path.join(config.run_dir, "features.npz"),
        kind="private" if config.sharing == "single_task" else "shared",
        features=np.random.default_rng(0)
        .normal(size=(rows, 5))
        .astype(np.float32),
        task=np.repeat([task.name for task in tasks], ROWS),
        label=np.concatenate(
            [
                np.array(task.labels)[gold]
                for task, gold in zip(tasks, golds, strict=True)
            ]
        ),
        predicted=np.full(rows, "x"),
        id=np.arange(rows).astype(str),
    )


def _results(config, tasks):
    """Makes the content of `results.json`."""
    by_task = {
        task.name: {
            **{
                output: _scores(task, config.seed, predict)
                for output, predict in _outputs(config, task).items()
            },
            "majority": _scores(task, config.seed, _majority),
        }
        for task in tasks
    }
    results = {
        "schema": 1,
        "tasks": by_task,
        "average": results_lib.averages(by_task),
        "best_epoch": config.epochs * len(config.phases),
        "steps": 30,
        "seconds": 65.0,
        "tokens_per_second": 1234.0,
    }
    if len(config.phases) > 1:
        # The model of the base phase differs from the final one.
        base = {
            task.name: {"main": _scores(task, config.seed + 1, predictions)}
            for task in tasks
        }
        results["phases"] = {
            phase: {
                "best_epoch": config.epochs * (index + 1),
                "tasks": by_task if index else base,
            }
            for index, phase in enumerate(config.phases)
        }
    return results


def _majority(task, split, seed):
    """Predicts the first label."""
    gold, _ = predictions(task, split, seed)
    return gold, np.eye(len(task.labels))[np.zeros(len(gold), int)]


def _scores(task, seed, predict):
    """Computes the scores of the predictions of `predict` by split."""
    scores = {}
    for split in ("dev", "test", "test_deduplicated"):
        start = 4 if split == "test_deduplicated" else 0
        gold, probabilities = predict(
            task, split.removesuffix("_deduplicated"), seed
        )
        scores[split] = {
            **classification.compute(
                task.metric,
                task.labels,
                gold[start:],
                probabilities.argmax(axis=1)[start:],
                topics()[start:],
            ),
            "n": ROWS - start,
        }
    return scores


def _merge(config, results):
    """Merges the results of parts."""
    if config.num_runs > 1:
        values = [
            {k: v for k, v in of_part.items() if k != "schema"}
            for of_part in results
        ]
        return {
            "schema": 1,
            **results_lib.combine(values, np.mean),
            "num_runs": config.num_runs,
            "deviation": results_lib.combine(
                values, lambda x: np.std(x, ddof=1)
            ),
        }
    by_task = {}
    for of_part in results:
        by_task |= of_part["tasks"]
    merged = {k: v for k, v in results[0].items() if k != "best_epoch"}
    return {
        **merged,
        "tasks": by_task,
        "average": results_lib.averages(by_task),
    }
