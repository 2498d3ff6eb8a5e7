"""Model cards of a run that nobody trained."""

import re

from mtl_tf.config import config as config_lib
from mtl_tf.data import tasks as tasks_lib
from mtl_tf.runs import results as results_lib
from mtl_tf.runs import run_directory
from mtl_tf.serving import model_card

# All that Markdown, its tables and HTML read something into.
NASTY = "a|b\\ <script>*x*</script> `c` [d](e) & _f_ g_h \n# i $j$ ~k~"
LICENCES = "CC0 for films\nno *license* for books"


def make_run(license=LICENCES, findings=(), **settings):
    tasks = (
        tasks_lib.Task("books", ("bad", NASTY), pair=True),
        tasks_lib.Task("films", ("poor", "fair", "great"), "macro_f1"),
    )
    declared = {
        task.name: {
            "splits": {"train": 1400, "dev": 20, "test": 40, "unlabeled": 77},
            "label_counts": {"train": dict.fromkeys(task.labels, 10)},
            "skipped": {"text is in dev": 3} if task.pair else {},
            "duplicates": {"test": 4 if task.pair else 0},
        }
        for task in tasks
    }
    corpus = tasks_lib.Corpus(
        "/data",
        "my_corpus",
        tasks,
        {},
        {
            "tasks": declared,
            "vocabulary": {"size": 12345, "min_count": 2},
            "license": license,
            "findings": list(findings),
        },
    )
    config = config_lib.Config(
        data_dir="/secret/data", run_dir="/secret/run", **settings
    )
    record = {
        "started": "2026-01-02T03:04:05+0000",
        "git_revision": "abc-dirty",
        "fingerprint": "f00d",
        "versions": {"tensorflow": "2.21.0", "keras": "3.15.1"},
    }
    return run_directory.Run("/secret/run", config, corpus, tasks, record)


def make_results():
    def scores(accuracy, macro_f1, n):
        return {"accuracy": accuracy, "macro_f1": macro_f1, "n": n}

    tasks = {
        "books": {
            "main": {
                "test": scores(0.9, 0.8, 40),
                "test_deduplicated": scores(0.7, 0.6, 36),
            },
            "majority": {
                "test": scores(0.5, 0.3, 40),
                "test_deduplicated": scores(0.5, 0.3, 36),
            },
        },
        "films": {
            "main": {"test": scores(0.6, 0.55, 40)},
            "majority": {"test": scores(0.4, 0.2, 40)},
        },
    }
    return {
        "tasks": tasks,
        "average": results_lib.averages(tasks),
        "best_epoch": 7,
        "steps": 1234,
        "seconds": 200.0,
    }


def describe(run, temperatures=()):
    signatures = {
        "serve_books": {
            "task": "books",
            "output": "main",
            "inputs": ["seq1", "seq2"],
            "labels": list(run.tasks[0].labels),
        },
        "serve_films": {
            "task": "films",
            "output": "main",
            "inputs": ["text"],
            "labels": list(run.tasks[1].labels),
        },
        "encode": {"inputs": ["text"], "width": 100},
    }
    if run.config.label_transfer != "none":
        signatures["serve_films_label_transfer"] = {
            **signatures["serve_films"],
            "output": "label_transfer",
        }
    for name, temperature in dict(temperatures).items():
        signatures[name]["temperature"] = temperature
    return {"serving_default": "serve_films", "signatures": signatures}


def build(run=None, results=None, temperatures=()):
    run = run or make_run()
    results = results or make_results()
    described = describe(run, temperatures)
    return model_card.build(run, results, described, 654321)


def read_table(card, section, head):
    """Rows of cells of the table of a section with this first head.

    Read as CommonMark has it: a backslash takes the meaning from the
    punctuation behind it, and a bar without one ends a cell.
    """
    rows = []
    for line in card.split(f"## {section}\n")[1].split("\n## ")[0].splitlines():
        if not line.startswith("| "):
            if rows:
                return rows
            continue
        cells = re.split(r"(?<!\\)\|", line)[1:-1]
        cells = [
            re.sub(r"\\([!-/:-@\[-`{-~])", r"\1", c.strip()) for c in cells
        ]
        if (rows or cells[0] == head) and not set(line) <= set("| -:"):
            rows.append(cells)
    return rows
