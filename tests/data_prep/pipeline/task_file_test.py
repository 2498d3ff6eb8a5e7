import pytest

from data_prep.pipeline import task_file
from mtl_tf.data import tasks

_LABELS = 'labels = ["no", "yes"]\n'
_FILES = 'train = "a.tsv"\ndev = "b.csv"\ntest = "sub/c.jsonl"\n'
_CUT = 'file = "a.tsv"\nsplit = {dev = 0.1, test = 0.2}\n'


def _read(tmp_path, content):
    path = tmp_path / "tasks.toml"
    path.write_text(content)
    return task_file.read(str(path))


def _read_task(tmp_path, content):
    (table,), _ = _read(tmp_path, "[tasks.t]\n" + content)
    return table


def test_each_split_may_have_a_file(tmp_path):
    table = _read_task(
        tmp_path,
        _LABELS + _FILES + 'unlabeled = "d.tsv"\nmetric = "macro_f1"\n'
        'columns = {seq1 = "topic", group = "g"}',
    )
    assert table.task == tasks.Task("t", ("no", "yes"), "macro_f1", pair=True)
    assert table.files == {
        "train": (str(tmp_path / "a.tsv"), "tsv"),
        "dev": (str(tmp_path / "b.csv"), "csv"),
        "test": (str(tmp_path / "sub" / "c.jsonl"), "jsonl"),
        "unlabeled": (str(tmp_path / "d.tsv"), "tsv"),
    }
    assert table.split == {}
    assert table.columns == {
        "seq1": "topic",
        "seq2": "text",
        "label": "label",
        "group": "g",
    }


def test_a_file_may_be_split(tmp_path):
    table = _read_task(
        tmp_path,
        "labels = [1, 0, true]\n" + _CUT + 'format = "csv"\n'
        "columns = {seq2 = 3, label = 0}",
    )
    assert table.task.labels == ("1", "0", "true")
    assert table.split == pytest.approx({"train": 0.7, "dev": 0.1, "test": 0.2})
    assert table.files == {"file": (str(tmp_path / "a.tsv"), "csv")}
    assert table.columns == {"seq2": 3, "label": 0}


def test_dev_may_be_split_off_with_a_given_test_file(tmp_path):
    table = _read_task(
        tmp_path,
        _LABELS + 'file = "a.tsv"\nsplit = {dev = 0.25}\ntest = "b.tsv"',
    )
    assert table.split == {"train": 0.75, "dev": 0.25}
    assert sorted(table.files) == ["file", "test"]


def test_license(tmp_path):
    task = f"[tasks.t]\n{_LABELS}{_CUT}"
    assert _read(tmp_path, 'license = "CC0"\n' + task)[1] == "CC0"
    assert _read(tmp_path, task)[1] == "not stated in the task file"


def test_labels_may_be_numbers(tmp_path):
    table = _read_task(tmp_path, "labels = [1.0, 5, -2.0]\n" + _CUT)
    assert table.task.labels == ("1", "5", "-2")
    # Quoted labels keep their spelling.
    table = _read_task(tmp_path, 'labels = ["1.0", "5.0", "05"]\n' + _CUT)
    assert table.task.labels == ("1.0", "5.0", "05")


def test_delimiter_and_missing_values(tmp_path):
    table = _read_task(
        tmp_path,
        _LABELS
        + _CUT
        + 'delimiter = ";"\nabsent = ["NA", "", "Not Available"]',
    )
    assert table.delimiter == ";"
    assert table.absent == {"NA", "", "Not Available"}


def test_numbers_may_mean_a_missing_value(tmp_path):
    table = _read_task(tmp_path, _LABELS + _CUT + 'absent = [-1, "NA", 9.0]')
    assert table.absent == {"-1", "NA", "9"}


def test_a_task_file_may_be_written_on_windows(tmp_path):
    content = "[tasks.t]\n" + _LABELS + _FILES
    path = tmp_path / "tasks.toml"
    path.write_bytes(content.replace("\n", "\r\n").encode("utf-8-sig"))
    (table,), _ = task_file.read(str(path))
    assert table.task.labels == ("no", "yes")


def test_another_encoding_is_an_error(tmp_path):
    path = tmp_path / "tasks.toml"
    path.write_bytes("[tasks.t]\n".encode("utf-16"))
    with pytest.raises(
        ValueError, match=r"tasks.toml: expected UTF-8, got byte 0xff: save it"
    ):
        task_file.read(str(path))


def test_a_message_names_the_file_once(tmp_path):
    with pytest.raises(ValueError, match=r"the number 0\.5") as error:
        _read_task(tmp_path, "labels = [0.5, 1]\n" + _FILES)
    assert str(error.value).count("tasks.toml") == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[tasks", "not TOML"),
        ("", r"expected a table \[tasks.NAME\] per task"),
        ("licens = 1", r"unknown key 'licens' \(did you mean license\?\)"),
        ("tasks.t = 3", r"\[tasks.t\]: expected a table, got 3"),
    ],
)
def test_invalid_files_are_an_error(tmp_path, content, message):
    with pytest.raises(ValueError, match=r"tasks\.toml: " + message):
        _read(tmp_path, content)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (_FILES, "labels: expected a list of label names in order, got None"),
        ("labels = [0.5]\n" + _FILES, "the number 0.5: regression targets"),
        ("labels = 0.5\n" + _FILES, "labels: expected a list"),
        (
            "labels = [1, 1.0]\n" + _FILES,
            r"labels repeat: \['1'\]",
        ),
        (
            'labels = ["1", "1.0"]\n' + _FILES,
            "labels: '1' and '1.0' are the same value",
        ),
        (
            'labels = ["True", true]\n' + _FILES,
            "labels: 'True' and 'true' are the same value",
        ),
        ('labels = ["a"]\n' + _FILES, "at least 2 labels"),
        (_LABELS + _FILES + "metric = 'f1'", "there is no metric 'f1'"),
        (_LABELS + _FILES + "metric = 1", "metric: expected text in quotes"),
        (_LABELS + _FILES + "metirc = 'x'", r"'metirc' \(did you mean metric"),
        (_LABELS + "train = 3\n", "train: expected text in quotes, got 3"),
        ('type = "regression"', "'regression' is not supported.*regression"),
        ('type = "multi_label"', "'multi_label' is not supported.*multi-label"),
        (
            _LABELS + _FILES + 'columns = {split = "part"}',
            "columns: `split` names the split of each row of file = FILE, got "
            "train = 'a.tsv'",
        ),
        (_LABELS + 'train = "a.tsv"', "expected one origin of dev rows, got 0"),
        (_LABELS + _CUT + 'dev = "b.tsv"', "one origin of dev rows, got 2"),
        (_LABELS + _CUT + 'train = "b.tsv"', "origin of train rows, got 2"),
        (_LABELS + 'file = "a.tsv"', "expected file and split together"),
        (
            _LABELS + _FILES + "split = {dev = 0.1}",
            "split applies to the rows of `file`: use `file` instead of "
            "`train`: file = 'a.tsv'",
        ),
        (
            _LABELS + 'test = "a.tsv"\nsplit = {dev = 0.1}',
            "expected file and split together",
        ),
        (
            _LABELS + _FILES + 'delimiter = ";"',
            "delimiter ';' is not used by format jsonl; it is for",
        ),
        (
            _LABELS + _CUT + 'delimiter = "::"',
            "delimiter '::': expected one character such as ';'",
        ),
        (
            _LABELS + _CUT + "delimiter = '\"'",
            "other than a quote or a line end",
        ),
        (
            _LABELS + _CUT + "delimiter = 3",
            "delimiter: expected text in quotes",
        ),
        (
            _LABELS + _CUT + 'absent = "NA"',
            r"absent: expected a list of texts such as .*, got 'NA'",
        ),
        (
            _LABELS + _CUT + 'absent = ["NA", "no"]',
            "absent: 'no' is a label of this task",
        ),
        (
            'labels = ["0", "1"]\nabsent = [1.0]\n' + _CUT,
            "absent: '1' is a label of this task",
        ),
        (
            _LABELS + _CUT + 'columns = {label = ["toxic", "insult"]}',
            r"one column of labels, got \['toxic', 'insult'\]: .*multi-label",
        ),
        (
            _LABELS + 'file = "a.tsv"\nsplit = 0.1',
            "split: expected fractions such",
        ),
        (
            _LABELS + 'file = "a.tsv"\nsplit = {dev = 0.5, test = 0.5}',
            "train has the remaining rows",
        ),
        (
            _LABELS + 'file = "a.tsv"\nsplit = {dev = 0, test = 0.5}',
            "fractions above 0",
        ),
        (
            _LABELS + 'file = "a.tsv"\nsplit = {deev = 0.5}',
            r"split: unknown key 'deev' \(did you mean dev\?\)",
        ),
        (
            _LABELS + 'file = "a.txt"\nsplit = {dev = 0.1, test = 0.1}',
            "expected one of the extensions",
        ),
        (
            _LABELS + _FILES + "format = 'xml'",
            "expected a format among .* got 'xml'",
        ),
        (_LABELS + _FILES + "columns = 3", "columns: expected names such as"),
        (
            _LABELS + _FILES + "columns = {seq3 = 'x'}",
            r"columns: unknown key 'seq3' \(did you mean seq",
        ),
        (
            _LABELS + _CUT + "columns = {seq2 = 1}",
            "expected either names or indices from 0 for all",
        ),
        (_LABELS + _CUT + "columns = {seq2 = -1, label = 0}", "indices from 0"),
        (
            _LABELS + _FILES + "columns = {seq2 = 1, label = 0}",
            "columns of JSONL files need names",
        ),
    ],
)
def test_invalid_tasks_are_an_error(tmp_path, content, message):
    with pytest.raises(
        ValueError, match=r"tasks\.toml: \[tasks\.t\].*" + message
    ):
        _read_task(tmp_path, content)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "a/b",
            r"\[tasks\.'a/b'\]: task name 'a/b': expected letters \(A to Z\), ",
        ),
        ("../a", r"\[tasks\.'\.\./a'\]: task name"),
        ("-a", r"\[tasks\.-a\]: task name '-a': expected letters"),
        ("a\\nb", r"\[tasks\.'a\\nb'\]: task name 'a\\nb': expected letters"),
        ("a\\u202eb", r"\[tasks\.'a\\u202eb'\]: task name"),
        (
            "a" * 300,
            rf"\[tasks\.'{'a' * 59}\.\.\.\]: task name '{'a' * 59}\.\.\.: "
            "expected at most 100 characters, got 300",
        ),
        ("nul", r"\[tasks\.nul\]: task name 'nul': .* is reserved by Windows"),
        ("run", r"\[tasks\.run\]: task name 'run': .* for TensorBoard's logs"),
    ],
)
def test_invalid_names_are_an_error(tmp_path, name, message):
    with pytest.raises(ValueError, match=r"tasks\.toml: " + message) as caught:
        _read(tmp_path, f'[tasks."{name}"]\n{_LABELS}{_FILES}')
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_names_that_differ_in_case_only_are_an_error(tmp_path):
    with pytest.raises(
        ValueError, match=r"tasks\.toml: tasks news and NEWS differ in case onl"
    ):
        _read(
            tmp_path,
            f"[tasks.news]\n{_LABELS}{_FILES}[tasks.NEWS]\n{_LABELS}{_FILES}",
        )


def test_a_missing_file_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="there is no task file"):
        task_file.read(str(tmp_path / "tasks.toml"))


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
