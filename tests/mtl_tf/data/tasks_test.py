import hashlib
import json

import pytest

from mtl_tf.data import tasks
from mtl_tf.utils import checksums
from mtl_tf.utils import suggestions


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("1st", ("a", "b")), "task name '1st'"),
        (("a b", ("a", "b")), "task name 'a b'"),
        (("a/b", ("a", "b")), "task name 'a/b': expected letters"),
        (("..", ("a", "b")), "task name '..': expected letters"),
        (("-a", ("a", "b")), "task name '-a': expected letters"),
        (("a\n", ("a", "b")), r"task name 'a\\n': expected letters"),
        (("a\u202eb", ("a", "b")), r"task name 'a\\u202eb': expected letters"),
        (("naïve", ("a", "b")), "task name 'naïve': expected letters"),
        ((5, ("a", "b")), "task name 5: expected letters"),
        (
            ("a" * 101, ("a", "b")),
            f"task name '{'a' * 59}...: expected at most 100 characters, "
            "got 101",
        ),
        (("Con", ("a", "b")), "task name 'Con': .* is reserved by Windows"),
        (("lpt1", ("a", "b")), "task name 'lpt1': .* is reserved"),
        (("Run", ("a", "b")), "task name 'Run': .* for TensorBoard's logs"),
        (("t", ("a",)), "at least 2 labels"),
        (("t", ("a", "b", "a")), r"labels repeat: \['a'\]"),
        (("t", ("a", "")), "a label is empty"),
        (("t", ("a", "b"), "f1"), "there is no metric 'f1'; the metrics are"),
        (
            ("t", ("a", "b"), "macro_recal"),
            r"'macro_recal' \(did you mean macro_recall, macro_mae, ",
        ),
        (
            ("t", ("favors", "against"), "favor_against_f1"),
            r"task t: the metric favor_against_f1 needs a label 'favor' \(did "
            r"you mean favors\?\); its labels are \['favors', 'against'\]",
        ),
        (("t", ("a", "b"), "fnc_score"), "needs a label 'unrelated'; its"),
        # Ambiguous.
        (
            ("t", ("favor", "FAVOR", "against"), "favor_against_f1"),
            "needs a label 'favor'",
        ),
        ((3, ("a", "b")), "task name 3: expected letters"),
        (("t", "ab"), "task t: labels: expected a list of names, got 'ab'"),
        (("t", (0, 1)), r"labels: expected a list of names, got \(0, 1\)"),
        (("t", None), "labels: expected a list of names, got None"),
        (("t", ("a", "b"), None), "task t: metric: expected a text, got"),
        (
            ("t", ("a", "b"), "accuracy", "no"),
            "task t: pair: expected True or False, got 'no'",
        ),
    ],
)
def test_invalid_arguments_of_a_task_are_an_error(arguments, message):
    with pytest.raises(ValueError, match=message):
        tasks.Task(*arguments)


@pytest.mark.parametrize(
    "name", ["a" * 100, "contact", "con-1", "com10", "runs", "A_b-2"]
)
def test_valid_names_of_tasks(name):
    assert tasks.Task(name, ("a", "b")).name == name


def test_names_that_differ_in_case_only_are_an_error():
    tasks.check_names(["news", "news-train", "New"])
    with pytest.raises(
        ValueError, match="tasks News and newS differ in case only, and so"
    ):
        tasks.check_names(["News", "other", "newS"])


def test_labels_may_be_a_list():
    task = tasks.Task("t", ["no", "yes"])
    assert task == tasks.Task("t", ("no", "yes"))
    assert hash(task) == hash(tasks.Task("t", ("no", "yes")))


def test_label_index_is_the_position_of_the_label():
    task = tasks.Task("t", ("negative", "positive"))
    assert task.label_index("positive") == 1
    with pytest.raises(ValueError, match=r"did you mean positive"):
        task.label_index("positiv")


def _write(path, declaration):
    signed = json.dumps(checksums.sign(declaration))
    (path / "corpus.json").write_text(signed)


def _corpus(path):
    declaration = {
        "corpus": "c",
        "tasks": {
            name: {
                "labels": ["no", "yes"],
                "metric": "accuracy",
                "pair": name == "stance",
                "splits": {"train": 2, "dev": 1, "test": 1},
            }
            for name in ("stance", "books")
        },
        "files": {"a.txt": hashlib.sha256(b"abc").hexdigest()},
    }
    _write(path, declaration)
    return tasks.Corpus.read(str(path))


def test_tasks_of_a_corpus_are_sorted(tmp_path):
    corpus = _corpus(tmp_path)
    assert corpus.name == "c"
    assert [task.name for task in corpus.tasks] == ["books", "stance"]
    assert corpus.tasks[0].labels == ("no", "yes")
    assert [task.pair for task in corpus.tasks] == [False, True]
    assert corpus.rows["stance"] == {"train": 2, "dev": 1, "test": 1}


def test_select_keeps_the_order_of_the_corpus(tmp_path):
    corpus = _corpus(tmp_path)
    assert corpus.select([]) == corpus.tasks
    assert corpus.select(["stance", "books"]) == corpus.tasks
    assert [task.name for task in corpus.select(["stance"])] == ["stance"]
    with pytest.raises(ValueError, match=r"no task 'book' \(did you mean boo"):
        corpus.select(["book"])


def test_a_missing_corpus_is_an_error(tmp_path):
    with pytest.raises(ValueError, match="holds no prepared corpus"):
        tasks.Corpus.read(str(tmp_path))


@pytest.mark.parametrize("content", [b"{", b'{"corpus": "\xff"}'])
def test_a_corpus_that_is_not_json_is_an_error(tmp_path, content):
    (tmp_path / "corpus.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"/corpus.json: not JSON: "):
        tasks.Corpus.read(str(tmp_path))


@pytest.mark.parametrize("name", ["corpus", "tasks", "labels", "pair"])
def test_a_missing_key_of_corpus_json_is_an_error(tmp_path, name):
    declaration = _corpus(tmp_path).declaration
    for table in (declaration["tasks"]["books"], declaration):
        table.pop(name, None)
    _write(tmp_path, declaration)
    with pytest.raises(
        ValueError,
        match=rf"/corpus.json: '{name}' is missing: prepare the corpus again",
    ):
        tasks.Corpus.read(str(tmp_path))


@pytest.mark.parametrize(
    ("old", "new"),
    [('["no", "yes"]', '["yes", "no"]'), ('"stance"', '"stands"')],
)
def test_a_changed_corpus_json_is_an_error(tmp_path, old, new):
    _corpus(tmp_path)
    path = tmp_path / "corpus.json"
    content = path.read_text()
    path.write_text(content.replace(old, new, 1))
    assert path.read_text() != content
    with pytest.raises(ValueError, match=r"was changed after it was writ") as e:
        tasks.Corpus.read(str(tmp_path))
    assert str(e.value) == (
        f"{path} was changed after it was written: its checksum does not match "
        "its content: prepare the corpus again"
    )
    # White space and the order of the tasks do not matter.
    again = json.loads(content)
    again["tasks"] = dict(reversed(again["tasks"].items()))
    path.write_text(json.dumps(again, indent=3))
    tasks.Corpus.read(str(tmp_path))


@pytest.mark.parametrize("content", ["{}", "[]", "3"])
def test_a_missing_checksum_is_an_error(tmp_path, content):
    (tmp_path / "corpus.json").write_text(content)
    with pytest.raises(
        ValueError, match=r"corpus.json: 'checksum' is missing: prepare the "
    ):
        tasks.Corpus.read(str(tmp_path))


def test_missing_and_changed_files_are_an_error(tmp_path):
    corpus = _corpus(tmp_path)
    with pytest.raises(ValueError, match=r"/a.txt is missing: prepare the cor"):
        corpus.check_files()
    corpus.check_files([])
    (tmp_path / "a.txt").write_bytes(b"abc")
    corpus.check_files()
    corpus.check_files(["a.txt"])
    (tmp_path / "a.txt").write_bytes(b"acb")
    with pytest.raises(ValueError, match=r"/a.txt was changed after it") as e:
        corpus.check_files(["a.txt"])
    assert str(e.value) == (
        f"{tmp_path}/a.txt was changed after it was written: its sha256 is not "
        "the one in corpus.json: prepare the corpus again"
    )


def test_the_nearest_name_is_suggested():
    assert (
        suggestions.nearest("trian", tasks.SPLITS) == " (did you mean train?)"
    )
    assert suggestions.nearest("zzz", tasks.SPLITS) == ""
    # Case is the most frequent difference; blanks must be visible.
    assert suggestions.nearest("TEXT", ["text"]) == " (did you mean text?)"
    assert suggestions.nearest("text", [" Text"]) == ' (did you mean " Text"?)'
    # A number is not a misspelling of another one.
    assert suggestions.nearest("14", ["1", "4", "13"]) == ""


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
