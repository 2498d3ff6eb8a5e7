"""Wrong input, and what is said of it: the table of `messages_test`.

Every case begins in a folder that holds `FILES`, the corpus `corpus` that was
made of them, and the run `run`.
"""

import json

import mtl_tf
from mtl_tf.utils import checksums
from tests.helpers import wrong_task_files

MODEL = "--encoder=bag_of_words --pooling=max --hidden_size=2 --embedding_dim=2"
AGAIN = (
    "mtl_tf --data_dir=corpus --run_dir=run --epochs=1 --noreport --noexport"
)
TRAIN = f"mtl_tf --data_dir=corpus --run_dir=new {MODEL}"
PREDICT = "mtl_tf --mode=predict --run_dir=run --task=requests"
EVALUATE = "mtl_tf --mode=evaluate --run_dir=run --task=requests"


def other_data(text):
    """The declaration of a corpus that was prepared from other files."""
    declaration = json.loads(text) | {"fingerprint": "other"}
    return json.dumps(checksums.sign(declaration))


# By name: what is written (None: removed; a function: changed), the call, and
# the whole message; `...` stands for any text.
CASES = {
    # Flags.
    "misspelt value": (
        {},
        f"{TRAIN} --encoder=lstn",
        "encoder=lstn: not one of lstm, bilstm, stacked_lstm, "
        "conditional_bilstm, cnn, bag_of_words (did you mean lstm, bilstm?)",
    ),
    "not above 0": (
        {},
        f"{TRAIN} --hidden_size=0",
        "hidden_size=0: expected a number above 0",
    ),
    "far too large": (
        {},
        f"{TRAIN} --hidden_size=1000000000",
        "hidden_size=1000000000: at most 10000 (the number of weights grows "
        "with its square)",
    ),
    "batch larger than a task": (
        {},
        f"{TRAIN} --batch_size=60000",
        "batch_size=60000: expected at most 16, the number of training rows of "
        "the largest task (answers): a batch would repeat rows",
    ),
    "no share": (
        {},
        f"{TRAIN} --word_dropout=1",
        "word_dropout=1.0: expected a rate, from 0 to below 1",
    ),
    "no finite number": (
        {},
        f"{TRAIN} --forget_bias=nan",
        "forget_bias=nan: not a finite number",
    ),
    "encoder without a last state": (
        {},
        f"{TRAIN} --pooling=last",
        "pooling=last takes the last state of a recurrent encoder (lstm, "
        "bilstm, stacked_lstm, conditional_bilstm); encoder=bag_of_words has "
        "none: choose pooling=max, mean or attention",
    ),
    "adversary of one task at a time": (
        {},
        f"{TRAIN} --adversarial_weight=1 --update=alternating",
        "adversarial_weight needs texts of all tasks in a step (update=joint): "
        "with update=alternating the discriminator sees one task at a time",
    ),
    "adversary of one task": (
        {},
        f"{TRAIN} --adversarial_weight=1 --tasks=requests",
        "adversarial_weight needs at least 2 tasks, got requests",
    ),
    "orthogonal to nothing": (
        {},
        f"{TRAIN} --orthogonality_weight=1 --sharing=fully_shared",
        "orthogonality_weight needs a shared and a private encoder "
        "(sharing=shared_private), got sharing=fully_shared",
    ),
    "no unlabeled text": (
        {},
        f"{TRAIN} --adversarial_weight=1 --unlabeled",
        "unlabeled: these tasks have no unlabeled text: answers, requests",
    ),
    "weight of a misspelt task": (
        {},
        f"{TRAIN} --task_weights=reqests:2",
        "task_weights: there is no task 'reqests' (did you mean requests?)",
    ),
    "stop on a misspelt task": (
        {},
        f"{TRAIN} --main_task=reqests",
        "main_task=reqests: not one of the tasks answers, "
        "requests (did you mean requests?)",
    ),
    "misspelt task": (
        {},
        f"{TRAIN} --tasks=reqests",
        "corpus custom has no task 'reqests' (did you mean requests?); its "
        "tasks are answers, requests",
    ),
    "task given twice": (
        {},
        f"{TRAIN} --tasks=requests,requests",
        "tasks=requests,requests: requests is repeated 2 times",
    ),
    "large seed": (
        {},
        f"{TRAIN} --seed=4294967295 --num_runs=2",
        "seed=4294967295, num_runs=2: the last seed must be below 4294967296",
    ),
    "stray argument": (
        {},
        f"{TRAIN} train",
        "unexpected argument 'train': flags start with --",
    ),
    "no run_dir": ({}, "mtl_tf", "--run_dir is missing"),
    # Files of somebody else.
    "run_dir with other files": (
        {"new/figures": "mine"},
        TRAIN,
        "run_dir=new holds figures, but no run (config.json is missing): "
        "training might write over it; give another run_dir, or an empty one",
    ),
    "export of somebody else": (
        {"run/export/mine.txt": "mine"},
        f"mtl_tf --data_dir=corpus --run_dir=run --epochs=1 {MODEL}",
        "run/export contains mine.txt, which is not part of an export: "
        "move the file, as the directory is replaced",
    ),
    "SavedModel of somebody else": (
        {"run/export/saved_model.pb": "mine"},
        "mtl_tf --mode=export --run_dir=run",
        "run/export contains saved_model.pb, which is not part of an export: "
        "move the file, as the directory is replaced",
    ),
    "export that is a file": (
        {"run/export": "mine"},
        f"{AGAIN} {MODEL} --export",
        "run/export is a file: an export would replace it",
    ),
    "comparison.html of somebody else": (
        {"comparison.html": "<!DOCTYPE html>\n<title>mine</title>"},
        "mtl_tf --mode=report --runs=run,run",
        "comparison.html exists and is not a page of this command: choose "
        "another path for the page: --output=FILE",
    ),
    "page that is a directory": (
        {},
        "mtl_tf --mode=report --run_dir=run --output=corpus",
        "--output=corpus is a directory, not a file",
    ),
    # A prepared corpus.
    "no corpus": (
        {},
        f"{TRAIN} --data_dir=nowhere",
        "nowhere holds no prepared corpus (corpus.json is missing); make one "
        "with python -m data_prep.main --corpus=NAME --out_dir=nowhere",
    ),
    "file for a corpus": (
        {},
        f"{TRAIN} --data_dir=dev.tsv",
        "dev.tsv holds no prepared corpus (corpus.json is missing); ...",
    ),
    "broken declaration": (
        {"corpus/corpus.json": "{"},
        TRAIN,
        "corpus/corpus.json: not JSON: Expecting property name ...",
    ),
    # Word vectors.
    "no vectors": (
        {},
        f"{TRAIN} --word_vectors=v.txt",
        "there are no word vectors v.txt",
    ),
    "wide vectors": (
        {"v.txt": "is 1 2 3\n"},
        f"{TRAIN} --word_vectors=v.txt",
        "the pretrained vectors have 3 numbers, embedding_dim is 2: set "
        "embedding_dim to 3, or to more (the rest is then trained from a "
        "random "
        "start)",
    ),
    "no number": (
        {"v.txt": "is 1 2\nit 1 x\n"},
        f"{TRAIN} --word_vectors=v.txt",
        "v.txt:2: word 'it': expected 2 numbers: could not convert string to "
        "float: b'x'",
    ),
    "no word found": (
        {"v.txt": "Is 1 2\n"},
        f"{TRAIN} --word_vectors=v.txt",
        "v.txt has vectors for none of the vocabulary's ... tokens (the last "
        "are ...; words are matched case-sensitively, and tokens are "
        "lowercase)",
    ),
    "packed vectors": (
        {"v.zip": "PK"},
        f"{TRAIN} --word_vectors=v.zip",
        "v.zip: expected a text file, uncompressed or compressed as .gz: "
        "unpack this one",
    ),
    # Where a run is to be.
    "comma in run_dir": (
        {},
        f"{TRAIN} --run_dir=a,b",
        "run_dir=a,b: the characters * ? [ ] , are not allowed in it",
    ),
    "file for a run_dir": (
        {},
        f"{TRAIN} --run_dir=dev.tsv/run",
        "run_dir=dev.tsv/run: dev.tsv is a file: give a directory",
    ),
    "corpus for a run_dir": (
        {},
        f"{TRAIN} --run_dir=corpus",
        "run_dir=corpus is or lies in data_dir=corpus: a corpus directory "
        "holds nothing else; give another run_dir",
    ),
    # Runs.
    "no run": (
        {},
        f"{PREDICT} --run_dir=nowhere --input=requests.tsv",
        "nowhere holds no run: config.json is missing",
    ),
    "no checkpoint": (
        {"run/checkpoints": None},
        f"{PREDICT} --input=requests.tsv",
        "run/checkpoints/best holds no checkpoint",
    ),
    "empty settings": (
        {"run/config.json": "{}"},
        f"{PREDICT} --input=requests.tsv",
        "run/config.json: 'config' is missing: put back a copy of the file, or "
        "train again in another run_dir",
    ),
    "broken history": (
        {"run/history.jsonl": "{\n"},
        "mtl_tf --mode=report --run_dir=run",
        "run/history.jsonl was changed after it was written: its sha256 is not "
        "the one in checksums.json: --mode=evaluate writes it again",
    ),
    "corpus made anew": (
        {"corpus/corpus.json": other_data},
        "mtl_tf --mode=evaluate --run_dir=run",
        "corpus holds other data than the run in run was made with: prepare "
        "the corpus as it was, or give the data_dir that holds it (for a new "
        "run, another run_dir)",
    ),
    "other settings": (
        {},
        f"{AGAIN} {MODEL} --hidden_size=3",
        "run holds a run with other settings (saved -> given):\n"
        "  hidden_size: 2 -> 3\n"
        "Give the saved settings to continue this run, or another run_dir for "
        "a new one.",
    ),
    "start from another model": (
        {},
        f"{TRAIN} --init_from=run --hidden_size=4",
        "init_from=run: its model differs (trained -> this run):\n"
        "  hidden_size: 2 -> 4",
    ),
    # Files of texts.
    "no task": ({}, "mtl_tf --mode=predict --run_dir=run", "... needs --task"),
    "task misspelt": (
        {},
        f"{PREDICT} --task=reqests --input=requests.tsv",
        "run has no task 'reqests' (did you mean requests?); its tasks are "
        "answers, requests",
    ),
    "no label transfer network": (
        {},
        f"{PREDICT} --input=requests.tsv --head=label_transfer",
        "run: task requests has no output 'label_transfer', it has main: it "
        "was trained without label_transfer",
    ),
    "no input": ({}, f"{PREDICT} --input=x.txt", "there is no file x.txt"),
    "pairs as lines": (
        {"x.txt": "hello\n"},
        f"{PREDICT} --task=answers --input=x.txt",
        "x.txt is read as lines, which have no pairs (seq1, seq2): set "
        "--format to one of tsv, csv, jsonl, or use a file with that extension",
    ),
    "columns of lines": (
        {"x.txt": "hello\n"},
        f"{PREDICT} --input=x.txt --columns=seq2:message",
        "--columns=seq2:message: x.txt is read as lines, which have no columns",
    ),
    "column not named": (
        {},
        f"{PREDICT} --input=requests.tsv",
        "requests.tsv:1: expected one column 'text' in the header, got 0 among "
        "['message', 'intent']...; `columns` names the column of seq2",
    ),
    "misspelt field": (
        {},
        f"{PREDICT} --input=requests.tsv --columns=seq:message",
        "columns=seq:message: expected FIELD:COLUMN, where FIELD is one of "
        "seq1, seq2, label, group, id (did you mean seq2, seq1?)",
    ),
    "misspelt format": (
        {},
        f"{PREDICT} --input=requests.tsv --format=tvs",
        "format=tvs: not one of lines, tsv, csv, jsonl (did you mean tsv?)",
    ),
    "delimiter not named": (
        {"x.csv": "text;label\nhello;billing\n"},
        f"{EVALUATE} --input=x.csv",
        "x.csv:1: expected one column 'text' in the header, got 0 among "
        "['text;label'], whose delimiter seems to be ';': set `delimiter` to "
        "the one of the columns; `columns` names the column of seq2",
    ),
    "delimiter of lines": (
        {"x.txt": "hello\n"},
        f"{PREDICT} --input=x.txt --delimiter=';'",
        "--delimiter=;: x.txt is read as lines, which have no columns",
    ),
    "absent values of a prediction": (
        {},
        f"{PREDICT} --input=requests.tsv --absent=NA",
        "--absent is not used by --mode=predict; it is used by evaluate",
    ),
    "no text": (
        {"x.jsonl": '{"text": 3}\n'},
        f"{PREDICT} --input=x.jsonl",
        "x.jsonl:1: expected a text for seq2, got 3",
    ),
    "unknown label": (
        {"x.tsv": "text\tlabel\nhello\tbiling\n"},
        f"{EVALUATE} --input=x.tsv",
        "x.tsv:2: task requests has no label 'biling' (did you mean billing?); "
        "its labels are ['billing', 'delivery']",
    ),
    # Python.
    "predict: task misspelt": (
        {},
        lambda: mtl_tf.load("run").predict("reqests", ["hello"]),
        "run has no task 'reqests' (did you mean requests?); its tasks are "
        "answers, requests",
    ),
    "predict: no pairs": (
        {},
        lambda: mtl_tf.load("run").predict("answers", ["hello"]),
        "texts[0]: expected a pair (seq1, seq2) for task answers, got 'hello'",
    ),
    "predict: one text": (
        {},
        lambda: mtl_tf.load("run").predict("requests", "hello"),
        "texts: expected a list of texts, got one text",
    ),
} | wrong_task_files.CASES
