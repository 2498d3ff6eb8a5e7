"""Task files, and raw files beside them, that are wrong: for `wrong_input`."""

TASKS = """\
[tasks.answers]
labels = ["no", "yes"]
train = "answers.tsv"
dev = "dev.tsv"
test = "dev.tsv"
columns = {seq1 = "question", seq2 = "answer", label = "settled"}

[tasks.requests]
labels = ["billing", "delivery"]
file = "requests.tsv"
split = {dev = 0.25, test = 0.25}
columns = {seq2 = "message", label = "intent"}
"""
ANSWERS = "question\tanswer\tsettled\n" + "".join(
    f"is it {i}?\tit is {i}\tyes\nis it {i}?\tperhaps {i}\tno\n"
    for i in range(8)
)
REQUESTS = "message\tintent\n" + "".join(
    f"bill {i} is wrong\tbilling\nparcel {i} is late\tdelivery\n"
    for i in range(8)
)
FILES = {
    "tasks.toml": TASKS,
    "answers.tsv": ANSWERS,
    "dev.tsv": ANSWERS.replace("is it", "was it"),
    "requests.tsv": REQUESTS,
}
PREPARE = "data_prep --corpus=custom --out_dir=out --task_file=tasks.toml"
HEADER = "message\tintent\n"


def tasks(old, new, **files):
    """A task file with something else in it."""
    assert old in TASKS
    return {"tasks.toml": TASKS.replace(old, new)} | {
        name.replace("_", "."): content for name, content in files.items()
    }


# As in `wrong_input`.
CASES = {
    # Task files.
    "no task file": (
        {"tasks.toml": None},
        PREPARE,
        "there is no task file tasks.toml",
    ),
    "unknown key": (
        tasks("split =", "splits ="),
        PREPARE,
        "tasks.toml: [tasks.requests]: unknown key 'splits' (did you mean "
        "split?); known are labels, metric, type, columns, format, split, "
        "file, train, dev, test, unlabeled",
    ),
    "long name": (
        tasks("tasks.requests", f"tasks.{'r' * 300}"),
        PREPARE,
        f"tasks.toml: [tasks.'{'r' * 59}...]: task name '{'r' * 59}...: at "
        "most 100 characters are allowed, got 300: it becomes part of file "
        "names",
    ),
    "names that differ in case": (
        tasks("tasks.requests", "tasks.Answers"),
        PREPARE,
        "tasks.toml: tasks answers and Answers differ in case alone, and so "
        "would the names of their files: rename one",
    ),
    "no labels": (
        tasks('labels = ["no", "yes"]\n', ""),
        PREPARE,
        "tasks.toml: [tasks.answers]: labels: expected a list of label names "
        "in order, got None",
    ),
    "repeated labels": (
        tasks('["no", "yes"]', '["no", "no"]'),
        PREPARE,
        "tasks.toml: [tasks.answers]: task answers: labels repeat: ['no']",
    ),
    "unknown metric": (
        tasks("file =", 'metric = "makro_f1"\nfile ='),
        PREPARE,
        "tasks.toml: [tasks.requests]: there is no metric 'makro_f1' (did you "
        "mean macro_f1...; the metrics are accuracy, macro_f1, ...",
    ),
    "regression": (
        tasks("file =", 'type = "regression"\nfile ='),
        PREPARE,
        "tasks.toml: [tasks.requests]: type = 'regression' is not supported: "
        "each row needs one label of a list (classification); regression "
        "targets and several labels a row (multi-label) are not trained here",
    ),
    "missing file": (
        tasks("requests.tsv", "request.tsv"),
        PREPARE,
        "corpus custom: no file request.tsv",
    ),
    "missing column": (
        tasks('"message"', '"mesage"'),
        PREPARE,
        "requests.tsv:1: expected one column 'mesage' in the header, got 0 "
        "among ['message', 'intent'] (did you mean message?); `columns` says "
        "which column is seq2",
    ),
    "misspelt split": (
        tasks("test = 0.25", "tets = 0.25"),
        PREPARE,
        "tasks.toml: [tasks.requests] split: unknown key 'tets' (did you mean "
        "test?); known are dev, test",
    ),
    # Raw files.
    "wrong label": (
        {"requests.tsv": REQUESTS + "hello\tbiling\n"},
        PREPARE,
        "requests.tsv:18: task requests has no label 'biling' (did you mean "
        "billing?); its labels are ['billing', 'delivery']",
    ),
    "wrong number of columns": (
        {"requests.tsv": REQUESTS + "hello\n"},
        PREPARE,
        "requests.tsv:18: expected 2 columns ['message', 'intent'], got 1: "
        "['hello']",
    ),
    "not UTF-8": (
        {"requests.tsv": (HEADER + "café\tbilling\n").encode("latin-1")},
        PREPARE,
        "requests.tsv:2: expected UTF-8, got byte 0xe9; convert the file to "
        "UTF-8",
    ),
    "malformed JSON": (
        tasks("requests.tsv", "r.jsonl", r_jsonl='{"message": "a"'),
        PREPARE,
        'r.jsonl:1: expected a JSON object, got \'{"message": "a"\': '
        "Expecting ',' delimiter: ...",
    ),
    "empty file": (
        {"requests.tsv": ""},
        PREPARE,
        "requests.tsv: expected a header line, got an empty file",
    ),
    "directory of others": (
        {"out/mine.txt": "mine"},
        PREPARE,
        ".../out holds mine.txt, which is no part of a prepared corpus; the "
        "directory would be replaced: move the file or choose another out_dir",
    ),
    "flag of another corpus": (
        {},
        f"{PREPARE} --raw_dir=x",
        "--raw_dir means nothing for corpus custom",
    ),
}
