"""Invalid task files and raw files, for `wrong_input`."""

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
    """Returns the files with a replacement in the task file, and others."""
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
        "split?); the keys are labels, metric, type, columns, format, "
        "delimiter, absent, split, file, train, dev, test, unlabeled",
    ),
    "long name": (
        tasks("tasks.requests", f"tasks.{'r' * 300}"),
        PREPARE,
        f"tasks.toml: [tasks.'{'r' * 59}...]: task name '{'r' * 59}...: "
        "expected at most 100 characters, got 300: it becomes part of file "
        "names",
    ),
    "names that differ in case": (
        tasks("tasks.requests", "tasks.Answers"),
        PREPARE,
        "tasks.toml: tasks answers and Answers differ in case only, and so "
        "would the names of their files: rename one of them",
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
        "expected one label per row (classification), no regression targets or "
        "several labels (multi-label targets)",
    ),
    "missing file": (
        tasks("requests.tsv", "request.tsv"),
        PREPARE,
        "there is no file request.tsv",
    ),
    "missing column": (
        tasks('"message"', '"mesage"'),
        PREPARE,
        "requests.tsv:1: expected one column 'mesage' in the header, got 0 "
        "among ['message', 'intent'] (did you mean message?); `columns` names "
        "the column of seq2",
    ),
    "misspelt split": (
        tasks("test = 0.25", "tets = 0.25"),
        PREPARE,
        "tasks.toml: [tasks.requests] split: unknown key 'tets' (did you mean "
        "test?); the keys are dev, test",
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
        "UTF-8 (Latin-1, for example, with: iconv -f latin1 -t utf8)",
    ),
    "lines of an old Mac": (
        {"requests.tsv": REQUESTS.replace("\n", "\r")},
        PREPARE,
        "requests.tsv: expected lines that end with a line feed, got carriage "
        "returns only, as in old Mac files; convert it, for example with: tr "
        "'\\r' '\\n'",
    ),
    "another delimiter": (
        {"requests.tsv": REQUESTS.replace("\t", ";")},
        PREPARE,
        "requests.tsv:1: expected one column 'message' in the header, got 0 "
        "among ['message;intent'], whose delimiter seems to be ';': set "
        "`delimiter` to the one of the columns; `columns` names the column of "
        "seq2",
    ),
    "delimiter of JSONL": (
        tasks('requests.tsv"', 'r.jsonl"\ndelimiter = ";"', r_jsonl="{}"),
        PREPARE,
        "tasks.toml: [tasks.requests]: delimiter ';' is not used by format "
        "jsonl; it is for tsv, csv",
    ),
    "split of train": (
        tasks("file =", "train ="),
        PREPARE,
        "tasks.toml: [tasks.requests]: split applies to the rows of `file`: "
        "use `file` instead of `train`: file = 'requests.tsv'",
    ),
    "absent label": (
        tasks("file =", 'absent = ["billing"]\nfile ='),
        PREPARE,
        "tasks.toml: [tasks.requests]: absent: 'billing' is a label of this "
        "task",
    ),
    "label that means none": (
        {"requests.tsv": REQUESTS + "hello\tNULL\n"},
        PREPARE,
        "requests.tsv:18: task requests has no label 'NULL'; its labels are "
        "['billing', 'delivery']; `absent` lists texts that mean a missing "
        "value",
    ),
    "no labels in a file": (
        {"dev.tsv": "question\tanswer\tsettled\na\tb\t\nc\td\t\n"},
        PREPARE,
        "dev.tsv: task answers: expected rows, got none; skipped: {'no "
        "label': 2}",
    ),
    "row without a topic": (
        tasks(
            'settled"}',
            'settled", group = "question"}\nmetric = "macro_mae_by_topic"',
            dev_tsv=ANSWERS + "\tis it\tno\n",
        ),
        PREPARE,
        "dev.tsv:18: expected a group, which macro_mae_by_topic needs, got "
        "nothing",
    ),
    "Parquet": (
        tasks("requests.tsv", "r.parquet", r_parquet="PAR1\x15\x04"),
        PREPARE,
        "tasks.toml: [tasks.requests]: file: r.parquet: expected text, got a "
        "Parquet file: save it as CSV, for example with "
        "pandas: DataFrame.to_csv(index=False)",
    ),
    "some lines not UTF-8": (
        {"requests.tsv": (REQUESTS + "thé\tbilling\n").encode() + b"caf\xe9"},
        PREPARE,
        "requests.tsv:19: expected UTF-8, got byte 0xe9; previous lines are "
        "UTF-8: correct this line, or drop such bytes with: iconv -c -f utf8 "
        "-t utf8",
    ),
    "cut UTF-16": (
        {"requests.tsv": REQUESTS.encode("utf-16")[:-1]},
        PREPARE,
        "requests.tsv: expected UTF-16 after its byte order mark: truncated "
        "data",
    ),
    "several columns of labels": (
        tasks('label = "intent"', 'label = ["billing", "delivery"]'),
        PREPARE,
        "tasks.toml: [tasks.requests]: columns: expected one column of labels, "
        "got ['billing', 'delivery']: several labels per row "
        "(multi-label targets) are not supported; each may be a task with its "
        "column",
    ),
    "ids that repeat": (
        tasks('settled"}', 'settled", id = "question"}', dev_tsv=ANSWERS),
        PREPARE,
        "answers.tsv:3: id 'is it 0?' repeats answers.tsv:2: ids must differ "
        "over all files of a task; without `id` in `columns`, ids are made of "
        "line numbers",
    ),
    "damaged gzip file": (
        {"requests.tsv": b"\x1f\x8b" + REQUESTS.encode()},
        PREPARE,
        "requests.tsv: damaged gzip file: ...",
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
        ".../out holds mine.txt, which is not part of a prepared corpus; the "
        "directory would be replaced: move the file or choose another out_dir",
    ),
    "flag of another corpus": (
        {},
        f"{PREPARE} --raw_dir=x",
        "--raw_dir is not used by --corpus=custom",
    ),
    "unknown split of a row": (
        tasks(
            "split = {dev = 0.25, test = 0.25}\ncolumns = {",
            'columns = {split = "part", ',
            requests_tsv="message\tintent\tpart\nlate\tdelivery\tfinal\n",
        ),
        PREPARE,
        "requests.tsv:2: expected a split in column 'part', one of train, dev, "
        "test, unlabeled, got 'final'",
    ),
    "split of a row with a share": (
        tasks(
            "columns = {seq2",
            'columns = {split = "part", seq2',
            requests_tsv="message\tintent\tpart\nlate\tdelivery\ttest\n",
        ),
        PREPARE,
        "requests.tsv:2: this row is in test, of which `split` has a share, "
        "too: remove test from `split`",
    ),
    "no row of a split": (
        tasks(
            "split = {dev = 0.25, test = 0.25}\ncolumns = {",
            'columns = {split = "part", ',
            requests_tsv="message\tintent\tpart\nlate\tdelivery\ttrain\n",
        ),
        PREPARE,
        "task requests: no row is in dev: column 'part' has {'train': 1}; a "
        "share in `split`, such as {dev = 0.1}, divides train",
    ),
    # --init.
    "init: no file": (
        {},
        "data_prep --init=requests.tsv,answer.tsv --task_file=new.toml",
        "there is no file answer.tsv",
    ),
    "init: empty": (
        {},
        "data_prep --init=",
        "--init is empty: expected files by commas",
    ),
    "init: task file exists": (
        {},
        "data_prep --init=requests.tsv",
        "tasks.toml exists, and is not replaced: name another file with "
        "--task_file, or move it away",
    ),
    "init: another flag": (
        {},
        "data_prep --init=requests.tsv --out_dir=out",
        "--out_dir is not used by --init",
    ),
    "init: another corpus": (
        {},
        "data_prep --init=requests.tsv --corpus=vader",
        "--init is for --corpus=custom, got --corpus=vader",
    ),
    "init: no labels": (
        {
            "new.csv": "text,score\n"
            + "".join(f"text {i} of several words,{i}.5\n" for i in range(9))
        },
        "data_prep --init=new.csv --task_file=new.toml",
        "new.csv: expected a column of labels, got 'text' (texts of 4 words), "
        "'score' (9 different values); labels are texts or whole numbers, and "
        "each has several rows",
    ),
    "init: no rows": (
        {"new.csv": "text,label\n"},
        "data_prep --init=new.csv --task_file=new.toml",
        "new.csv: expected rows, got none",
    ),
    "init: other format": (
        {"new.json": '[{"text": "a"}]'},
        "data_prep --init=new.json --task_file=new.toml",
        "new.json: expected one of the extensions .tsv, .csv, .jsonl, or the "
        "name of the format in `format`; jsonl is one object per line",
    ),
}
