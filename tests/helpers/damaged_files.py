"""Files of corpora and runs that are damaged, and what is said of them.

More cases of the table in `wrong_input`.
"""

import json

import mtl_tf
from tests.helpers import wrong_input

GO_ON = f"{wrong_input.AGAIN} {wrong_input.MODEL} --epochs=2"
PREDICT = f"{wrong_input.PREDICT} --input=requests.tsv"
AGAIN_ELSEWHERE = (
    "put back a copy of the file, or train again in another run_dir"
)
CHANGED = (
    "was changed after it was written: its checksum does not match its content"
)
# All that takes a run for granted.
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
    """A declaration whose labels are in another order."""
    declaration = json.loads(text)
    declaration["tasks"]["requests"]["labels"].reverse()
    return json.dumps(declaration)


def swap_words(data):
    """A vocabulary with two of its lines swapped."""
    lines = data.splitlines(keepends=True)
    return b"".join([*lines[:-2], lines[-1], lines[-2]])


def changed(path, file):
    """What is told of a file that is not as it was written."""
    return (
        f"{path} was changed after it was written: its sha256 is not the one "
        f"in {file}: "
    )


# As in `wrong_input`.
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
    "a corpus that was changed under its run": (
        {"corpus/corpus.json": other_order},
        "mtl_tf --mode=evaluate --run_dir=run",
        f"corpus/corpus.json {CHANGED}: prepare the corpus again",
    ),
    # Runs.
    "edited settings": (
        {
            "run/config.json": lambda text: text.replace(
                '"units": 2', '"units": 3'
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
    "start from a run that was changed": (
        {"run/assets/corpus.json": other_order},
        f"{wrong_input.TRAIN} --init_from=run",
        f"init_from=run: {changed('run/assets/corpus.json', 'config.json')}"
        f"{AGAIN_ELSEWHERE}",
    ),
    "cut checkpoint": (
        {DATA: lambda data: data[:9]},
        PREDICT,
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); whole "
        f"checkpoints: checkpoints/last/ckpt-1 (epoch 1): {AGAIN_ELSEWHERE}",
    ),
    "cut checkpoint, evaluate": (
        {DATA: lambda data: data[:9]},
        "mtl_tf --mode=evaluate --run_dir=run",
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); whole "
        f"checkpoints: checkpoints/last/ckpt-1 (epoch 1): {AGAIN_ELSEWHERE}",
    ),
    "run without its last checkpoint": (
        {"run/checkpoints/last": None},
        GO_ON,
        "run/checkpoints/last holds no checkpoint, and run/history.jsonl holds "
        "epochs; whole checkpoints: checkpoints/best/ckpt-1 (epoch 1): put "
        "back copies of the files to go on; to begin again, remove run or give "
        "another run_dir",
    ),
    "run whose best checkpoint is damaged": (
        {DATA: lambda data: data[:9]},
        GO_ON,
        f"{DATA} is damaged (its sha256 is not the one in ckpt-1.json); whole "
        "checkpoints: checkpoints/last/ckpt-1 (epoch 1): put back copies of "
        "the files to go on; to begin again, remove run or give another "
        "run_dir",
    ),
    "run without its settings": (
        {"run/config.json": None, "run/results.json": None},
        GO_ON,
        "run/config.json is missing, and run holds a run: put back a copy of "
        "the file; to begin again, remove run or give another run_dir",
    ),
}
