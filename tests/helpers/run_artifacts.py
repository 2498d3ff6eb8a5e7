"""A made-up run directory: what a run leaves, without training one.

Two tasks: `reviews` with three labels, and the pair task `stance` with two.
Labels, ids and texts hold what a page has to escape.
"""

import json
import os

import numpy as np

from mtl_tf.config import config as config_lib
from mtl_tf.data import records
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.metrics import classification
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
        gold, _ = answers(task, "test", 0)
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


def answers(
    task: tasks_lib.Task, split: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Gold labels, int [rows], the same for all seeds, and probabilities."""
    labels = len(task.labels)
    number = [split == "test", labels]
    gold = np.random.default_rng(number).integers(labels, size=ROWS)
    random = np.random.default_rng([*number, seed])
    scores = random.normal(size=(ROWS, labels)) + 1.5 * np.eye(labels)[gold]
    scores = np.exp(scores)
    return gold, scores / scores.sum(axis=1, keepdims=True)


def transfer_answers(
    task: tasks_lib.Task, split: str, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """`answers` of a label transfer network."""
    return answers(task, split, seed + 100)


def label_embedding(tasks: tuple[tasks_lib.Task, ...]) -> np.ndarray:
    """Vectors of the tasks' labels, float32 [labels, 4]."""
    count = sum(len(task.labels) for task in tasks)
    return np.random.default_rng(1).normal(size=(count, 4)).astype(np.float32)


def topics() -> np.ndarray:
    """Topics of the rows of any split, str [rows]."""
    return np.array([f"topic {row % 3}" for row in range(ROWS)])


def _id(task, split, row):
    return f"{task.name}-{split}-{row}<b>"


def write_run(
    run_dir: str,
    data_dir: str,
    *,
    tasks: tuple[tasks_lib.Task, ...] = TASKS,
    epochs: int = 3,
    **settings,
) -> str:
    """Writes what a run leaves; returns its directory.

    Args:
      run_dir: where to.
      data_dir: a corpus that `write_corpus` wrote.
      tasks: tasks of the run.
      epochs: lines of its history, of each phase.
      **settings: settings of the run. Several seeds, and single-task models,
        become runs below it.
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
        found = [run_directory.read_results(path) for path in parts.values()]
        results_lib.write(run_dir, _merge(config, found))
        return run_dir
    _write_predictions(config, tasks)
    _write_history(config, tasks)
    _write_features(config, tasks)
    if config.output_layer == "label_embedding":
        vectors = label_embedding(tasks)
        golds = [answers(task, "train", 0)[0] for task in tasks]
        label_embeddings.write(run_dir, tasks, vectors, golds)
    results_lib.write(run_dir, _results(config, tasks))
    return run_dir


def _write_record(config, corpus, tasks):
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
    """`answers` by output."""
    if config.label_transfer == "none" or task.name != config.main_task:
        return {"main": answers}
    return {"main": answers, "label_transfer": transfer_answers}


def _write_predictions(config, tasks):
    os.makedirs(os.path.join(config.run_dir, "predictions"))
    for task in tasks:
        for output, answer in _outputs(config, task).items():
            for split in ("dev", "test"):
                of_output = "" if output == "main" else f"-{output}"
                name = f"predictions/{task.name}-{split}{of_output}.jsonl"
                _write_answers(
                    os.path.join(config.run_dir, name),
                    task,
                    split,
                    *answer(task, split, config.seed),
                )


def _write_answers(path, task, split, gold, probabilities):
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
    terms = {}
    if config.adversarial_weight:
        terms = {
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
        for number in range(config.epochs * len(config.phases)):
            epoch = number + 1
            phase = config.phases[number // config.epochs]
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
                    "loss/task": 1 / epoch,
                    "loss_weighted/task": 2 / epoch,
                    **terms,
                },
                "dev": dev,
            }
            file.write(json.dumps(line) + "\n")


def _write_features(config, tasks):
    rows = len(tasks) * ROWS
    golds = [answers(task, "test", 0)[0] for task in tasks]
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
    by_task = {
        task.name: {
            **{
                output: _scores(task, config.seed, answer)
                for output, answer in _outputs(config, task).items()
            },
            "majority": _scores(task, config.seed, _majority),
        }
        for task in tasks
    }
    found = {
        "schema": 1,
        "tasks": by_task,
        "average": results_lib.averages(by_task),
        "best_epoch": config.epochs * len(config.phases),
        "steps": 30,
        "seconds": 65.0,
        "tokens_per_second": 1234.0,
    }
    if len(config.phases) > 1:
        # The base model is another than that of the end.
        first = {
            task.name: {"main": _scores(task, config.seed + 1, answers)}
            for task in tasks
        }
        found["phases"] = {
            phase: {
                "best_epoch": config.epochs * (number + 1),
                "tasks": by_task if number else first,
            }
            for number, phase in enumerate(config.phases)
        }
    return found


def _majority(task, split, seed):
    gold, _ = answers(task, split, seed)
    return gold, np.eye(len(task.labels))[np.zeros(len(gold), int)]


def _scores(task, seed, answer):
    """Scores by split of what `answer` returns."""
    found = {}
    for split in ("dev", "test", "test_deduplicated"):
        first = 4 if split == "test_deduplicated" else 0
        gold, probabilities = answer(
            task, split.removesuffix("_deduplicated"), seed
        )
        found[split] = {
            **classification.compute(
                task.metric,
                task.labels,
                gold[first:],
                probabilities.argmax(axis=1)[first:],
                topics()[first:],
            ),
            "n": ROWS - first,
        }
    return found


def _merge(config, found):
    if config.num_runs > 1:
        numbers = [
            {k: v for k, v in result.items() if k != "schema"}
            for result in found
        ]
        return {
            "schema": 1,
            **results_lib.combine(numbers, np.mean),
            "num_runs": config.num_runs,
            "deviation": results_lib.combine(
                numbers, lambda x: np.std(x, ddof=1)
            ),
        }
    by_task = {}
    for result in found:
        by_task |= result["tasks"]
    merged = {k: v for k, v in found[0].items() if k != "best_epoch"}
    return {
        **merged,
        "tasks": by_task,
        "average": results_lib.averages(by_task),
    }
