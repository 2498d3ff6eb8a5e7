"""Damaged files of corpora and runs, and the expected messages.

More cases for the table in `wrong_input`.
"""

import json

import mtl_tf
from mtl_tf.utils import checksums
from tests.helpers import wrong_input

RESUME = f"{wrong_input.AGAIN} {wrong_input.MODEL} --epochs=2"
PREDICT = f"{wrong_input.PREDICT} --input=requests.tsv"
AGAIN_ELSEWHERE = (
    "put back a copy of the file, or train again in another run_dir"
)
CHANGED = (
    "was changed after it was written: its checksum does not match its content"
)
EVALUATE_AGAIN = "--mode=evaluate writes it again"
# Modes that need a run.
READERS = {
    "predict": PREDICT,
    "evaluate a file": f"{wrong_input.EVALUATE} --input=requests.tsv",
    "evaluate": "mtl_tf --mode=evaluate --run_dir=run",
    "export": "mtl_tf --mode=export --run_dir=run",
    "analyze": "mtl_tf --mode=analyze --run_dir=run",
    "report": "mtl_tf --mode=report --run_dir=run",
    "compare": "mtl_tf --mode=report --runs=run,run --output=new.html",
    "Python": lambda: mtl_tf.load("run"),
}
DATA = "run/checkpoints/best/ckpt-1.data-00000-of-00001"
SHARD = "corpus/records/answers-dev-00000-of-00001.tfrecord"
IDS = "corpus/token_ids/answers-dev.ids.npy"


def other_order(text):
    """Reverses the labels in a declaration."""
    declaration = json.loads(text)
    declaration["tasks"]["requests"]["labels"].reverse()
    return json.dumps(declaration)


def swap_words(data):
    """Swaps the last two lines of a vocabulary."""
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:-2], lines[-1], lines[-2]])


def cut_lines(data):
    """Removes the last line of a file."""
    return b"".join(data.splitlines(keepends=True)[:-1])


def of_other_run(text):
    """Turns settings into those of another run with the same shapes."""
    record = json.loads(text) | {"id": "0123456789abcdef"}
    record["config"]["pooling"] = "mean"
    return json.dumps(checksums.sign(record))


def changed(path, file):
    """Returns the message for a changed file."""
    return (
        f"{path} was changed after it was written: its sha256 is not the one "
        f"in {file}: "
    )


# Cases as in `wrong_input`.
CASES = {
    # A prepared corpus.
    "missing shard": (
        {SHARD: None},
        wrong_input.TRAIN,
        f"{SHARD} is missing: prepare the corpus again",
    ),
    "damaged shard": (
        {SHARD: lambda data: data[:40] + b"?" + data[41:]},
        wrong_input.TRAIN,
        f"{changed(SHARD, 'corpus.json')}prepare the corpus again",
    ),
    "cut token ids": (
        {IDS: lambda data: data[:-4]},
        wrong_input.TRAIN,
        f"{changed(IDS, 'corpus.json')}prepare the corpus again",
    ),
    "empty token ids": (
        {IDS: ""},
        wrong_input.TRAIN,
        f"{changed(IDS, 'corpus.json')}prepare the corpus again",
    ),
    "swapped words of a corpus": (
        {"corpus/vocabulary.txt": swap_words},
        wrong_input.TRAIN,
        f"{changed('corpus/vocabulary.txt', 'corpus.json')}prepare the corpus "
        "again",
    ),
    "labels of a corpus in another order": (
        {"corpus/corpus.json": other_order},
        wrong_input.TRAIN,
        f"corpus/corpus.json {CHANGED}: prepare the corpus again",
    ),
    "corpus changed after training": (
        {"corpus/corpus.json": other_order},
        "mtl_tf --mode=evaluate --run_dir=run",
        f"corpus/corpus.json {CHANGED}: prepare the corpus again",
    ),
    # Runs.
    "edited settings": (
        {
            "run/config.json": lambda text: text.replace(
                '"hidden_size": 2', '"hidden_size": 3'
            )
        },
        PREDICT,
        f"run/config.json {CHANGED}: {AGAIN_ELSEWHERE}",
    ),
    **{
        f"swapped words of a run, {mode}": (
            {"run/assets/vocabulary.txt": swap_words},
            line,
            f"{changed('run/assets/vocabulary.txt', 'config.json')}"
            f"{AGAIN_ELSEWHERE}",
        )
        for mode, line in READERS.items()
    },
    **{
        f"labels of a run in another order, {mode}": (
            {"run/assets/corpus.json": other_order},
            line,
            f"{changed('run/assets/corpus.json', 'config.json')}"
            f"{AGAIN_ELSEWHERE}",
        )
        for mode, line in READERS.items()
    },
    "start from a changed run": (
        {"run/assets/corpus.json": other_order},
        f"{wrong_input.TRAIN} --init_from=run",
        f"init_from=run: {changed('run/assets/corpus.json', 'config.json')}"
        f"{AGAIN_ELSEWHERE}",
    ),
    "cut checkpoint": (
        {DATA: lambda data: data[:9]},
        PREDICT,
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); intact "
        f"checkpoints: checkpoints/last/ckpt-1 (epoch 1): {AGAIN_ELSEWHERE}",
    ),
    "cut checkpoint, evaluate": (
        {DATA: lambda data: data[:9]},
        "mtl_tf --mode=evaluate --run_dir=run",
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); intact "
        f"checkpoints: checkpoints/last/ckpt-1 (epoch 1): {AGAIN_ELSEWHERE}",
    ),
    "run without its last checkpoint": (
        {"run/checkpoints/last": None},
        RESUME,
        "run/checkpoints/last holds no checkpoint, and run/history.jsonl holds "
        "epochs; intact checkpoints: checkpoints/best/ckpt-1 (epoch 1): put "
        "back copies of the files to continue; to start again, remove run or "
        "give another run_dir",
    ),
    "run whose best checkpoint is damaged": (
        {DATA: lambda data: data[:9]},
        RESUME,
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); intact "
        "checkpoints: checkpoints/last/ckpt-1 (epoch 1): put back copies of "
        "the files to continue; to start again, remove run or give another "
        "run_dir",
    ),
    **{
        f"edited scores, {mode}": (
            {
                "run/results.json": lambda text: text.replace(
                    '"accuracy": 0.', '"accuracy": 0.9', 1
                )
            },
            line,
            f"{changed('run/results.json', 'checksums.json')}{EVALUATE_AGAIN}",
        )
        for mode, line in {
            "train": f"{wrong_input.AGAIN} {wrong_input.MODEL}",
            "baseline": f"{wrong_input.TRAIN} --baseline_run=run",
            **{name: READERS[name] for name in ("export", "report", "compare")},
        }.items()
    },
    **{
        f"{name} without its last line, {mode}": (
            {f"run/{name}": cut_lines},
            line,
            f"{changed(f'run/{name}', 'checksums.json')}{EVALUATE_AGAIN}",
        )
        for name, lines in {
            "predictions/requests-dev.jsonl": {
                "report": READERS["report"],
                "compare": READERS["compare"],
                "calibrated": f"{PREDICT} --calibrated",
                "calibrated export": f"{READERS['export']} --calibrated",
            },
            "features.npz": {"report": READERS["report"]},
            "history.jsonl": {
                "report": READERS["report"],
                "compare": READERS["compare"],
            },
        }.items()
        for mode, line in lines.items()
    },
    "no checksums": (
        {"run/checksums.json": None},
        READERS["report"],
        f"run/checksums.json is missing: {EVALUATE_AGAIN}",
    ),
    "edited checksums": (
        {"run/checksums.json": lambda text: text.replace("a", "b")},
        READERS["report"],
        f"run/checksums.json {CHANGED}: {EVALUATE_AGAIN}",
    ),
    **{
        f"settings of another run, {mode}": (
            {"run/config.json": of_other_run},
            line,
            "run/checkpoints/...ckpt-1 is of another run (its id is not the "
            f"one in config.json); intact checkpoints: none: {AGAIN_ELSEWHERE}",
        )
        for mode, line in READERS.items()
        if mode not in ("report", "compare")
    },
    **{
        f"settings of another run, {mode}": (
            {"run/config.json": of_other_run},
            READERS[mode],
            f"run/checksums.json is of another run: {EVALUATE_AGAIN}",
        )
        for mode in ("report", "compare")
    },
    "run without its settings": (
        {"run/config.json": None, "run/results.json": None},
        RESUME,
        "run/config.json is missing, and run holds a run: put back a copy of "
        "the file; to start again, remove run or give another run_dir",
    ),
}
