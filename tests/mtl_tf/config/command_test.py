import dataclasses
import re

import pytest

from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from tests.helpers import command_line

# Values that are no defaults, and go together; each flag stands in one.
_PREDICT = {
    "mode": "predict",
    "processes": 4,
    "report": False,
    "export": False,
    "task": "books",
    "head": "label_transfer",
    "input": "some where/texts.csv",
    "output": "answers,all.jsonl",
    "format": "csv",
    "delimiter": ";",
    "columns": ("seq2:body", "id:row number"),
    "calibrated": True,
    "texts": False,
}
_EVALUATE = {
    "mode": "evaluate",
    "task": "books",
    "input": "a.tsv",
    "baseline_run": "runs/single=task",
    "absent": ("Not Available", "NA"),
}
_COMPARE = {"mode": "report", "runs": ("runs/a", "runs/b")}
_ANALYZE = {
    "mode": "analyze",
    "task": "books",
    "text": "not so good, is it?",
    "seq1": "How is it?",
    "neurons": ("shared:18", "private:0"),
}
_STUDY = {
    "mode": "compare",
    "models": ("fs_mtl", "mine/own.flags"),
    "train_sizes": ("50", "100:5", "all"),
    "new_tasks": ("books", "dvd"),
}
_LEAVE_ONE_OUT = {"mode": "leave_one_out", "held_out": ("books", "dvd")}
_SWEEP = {"mode": "sweep", "search_space": "spaces/a b.toml"}
_SEARCH = {"mode": "search_auxiliary", "max_auxiliary": 2}
_PAIRS = {"mode": "search_auxiliary", "search_method": "pairs"}
_OTHERS = (
    *(_PREDICT, _EVALUATE, _COMPARE, _ANALYZE),
    *(_STUDY, _LEAVE_ONE_OUT, _SWEEP, _SEARCH, _PAIRS),
)

# What modes need.
_NEEDS = {
    "predict": {"task": "books", "input": "-"},
    "compare": {"models": ("fs_mtl",)},
    "sweep": {"search_space": "space.toml"},
}


def fields():
    return dataclasses.fields(command_lib.Command)


def test_command_and_run_share_no_flag():
    of_run = {field.name for field in dataclasses.fields(config_lib.Config)}
    assert not of_run & {field.name for field in fields()}


@pytest.mark.parametrize("field", fields(), ids=lambda f: f.name)
def test_help_of_every_flag_is_a_sentence(field):
    assert re.fullmatch(r"[\w(].+[.?]", field.metadata["help"], re.DOTALL)


def test_the_flags_defaults_are_the_commands():
    command, _ = command_line.parse([])
    assert command == command_lib.Command()
    assert command.mode == "train"


@pytest.mark.parametrize("field", fields(), ids=lambda f: f.name)
def test_every_flag_survives_json_and_flags(field):
    # A new flag has to be put above.
    others = next(x for x in _OTHERS if field.name in x)
    value = others[field.name]
    assert value != field.default
    command = command_lib.Command(**others)
    parsed, config = command_line.parse(command.to_flags())
    assert config == config_lib.Config()
    for copy in (command_lib.Command.from_dict(command.to_dict()), parsed):
        assert getattr(copy, field.name) == value
        assert type(getattr(copy, field.name)) is type(value)
        assert copy == command


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"head": "man"}, r"^head=man: .*\(did you mean main\?\)$"),
        ({"mode": "predikt"}, r"^mode=predikt: .*\(did you mean predict"),
        ({"format": "xlsx"}, r"^format=xlsx: not one of .*lines, tsv, csv"),
        ({"processes": 0}, r"^processes=0: expected a number above 0$"),
        ({"processes": -1}, r"^processes=-1: expected a number above 0$"),
        ({"mode": "predict", "input": "a"}, r"^--mode=predict needs --task$"),
        ({"mode": "predict", "task": "a"}, r"^--mode=predict needs --input$"),
        ({"mode": "evaluate", "task": "a"}, "needs both --task and --input"),
        ({"mode": "evaluate", "input": "a"}, "needs both --task and --input"),
    ],
)
def test_invalid_values_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        command_lib.Command(**values)


@pytest.mark.parametrize("mode", ["predict", "evaluate"])
def test_modes_with_task_and_input(mode):
    created = command_lib.Command(mode=mode, task="books", input="-")
    assert (created.mode, created.task, created.input) == (mode, "books", "-")


@pytest.mark.parametrize("runs", [(), ("a", "b")])
def test_report_of_one_or_several_runs_takes_output(monkeypatch, runs):
    monkeypatch.setenv("HOME", "/home/me")
    created = command_lib.Command(mode="report", output="~/x.html", runs=runs)
    assert created.output == "/home/me/x.html"


@pytest.mark.parametrize("mode", command_lib.MODES)
def test_default_head_is_the_main_model(mode):
    # The default is no request that a mode would pass over.
    values = _NEEDS.get(mode, {})
    created = command_lib.Command(mode=mode, head="main", **values)
    assert created.head == "main"


@pytest.mark.parametrize(
    "mode", [mode for mode in command_lib.MODES if mode != "predict"]
)
def test_other_modes_need_no_input(mode):
    assert command_lib.Command(mode=mode, **_NEEDS.get(mode, {})).input == ""


def test_columns_by_field():
    command = command_lib.Command(
        **_PREDICT | {"columns": ("seq2:body", "label:stance: gold", "id:id")}
    )
    assert command.columns_by_field() == {
        "seq2": "body",
        # The first colon divides: a field has none.
        "label": "stance: gold",
        "id": "id",
    }
    assert command_lib.Command().columns_by_field() == {}


@pytest.mark.parametrize("entry", ["body", "seq3:body", ":body", "seq1:", ""])
def test_malformed_columns_are_refused(entry):
    with pytest.raises(
        ValueError,
        match=f"^columns={entry}: expected FIELD:COLUMN, where FIELD is "
        "one of seq1, seq2, label, group, id",
    ):
        command_lib.Command(**_PREDICT | {"columns": ("id:id", entry)})


def test_repeated_column_is_refused():
    values = _PREDICT | {"columns": ("id:a", "seq2:a", "id:b")}
    with pytest.raises(ValueError, match=r"^columns=id:b: id is repeated"):
        command_lib.Command(**values)


def test_neurons_by_encoder():
    command = command_lib.Command(
        **_ANALYZE | {"neurons": ("shared:18", "private:0", "shared:3")}
    )
    assert command.neurons_by_encoder() == {"shared": (18, 3), "private": (0,)}
    assert command_lib.Command().neurons_by_encoder() == {}


@pytest.mark.parametrize("entry", ["shared", "shared:-1", "shared:a", "b:1"])
def test_malformed_neurons_are_refused(entry):
    with pytest.raises(ValueError, match=f"^neurons={entry}: expected ENC"):
        command_lib.Command(**_ANALYZE | {"neurons": ("shared:1", entry)})


def test_repeated_neuron_is_refused():
    values = _ANALYZE | {"neurons": ("shared:1", "private:1", "shared:1")}
    with pytest.raises(ValueError, match=r"^neurons=shared:1: it is repeated"):
        command_lib.Command(**values)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"mode": "export", "output": "elsewhere"},
            "--output is not used by --mode=export; it is used by predict, "
            "evaluate, report and analyze",
        ),
        ({"mode": "report", "text": "a"}, "--text is not used by --mode=rep"),
        (
            {"mode": "analyze", "runs": ("a", "b")},
            "--runs is not used by --mode=analyze without --text",
        ),
        (
            {**_ANALYZE, "runs": ("a", "b"), "output": "a.svg"},
            "--neurons is not used with --runs",
        ),
        ({"task": "a"}, "--task is not used by --mode=train"),
        (
            {"mode": "evaluate", "absent": ("NA",)},
            "--absent is not used by --mode=evaluate without --input",
        ),
        (
            {"mode": "predict", "absent": ("NA",)},
            "--absent is not used by --mode=predict; it is used by evaluate",
        ),
        ({"calibrated": True}, "--calibrated is not used by --mode=train"),
        (
            {"mode": "report", "head": "label_transfer"},
            "--head is not used by --mode=report; it is used by predict, "
            "evaluate and export",
        ),
        (
            {"mode": "evaluate", "head": "label_transfer"},
            "--head is not used by --mode=evaluate without --input",
        ),
        (
            {"mode": "evaluate", "calibrated": True},
            "--calibrated is not used by --mode=evaluate without --input",
        ),
        (
            {"mode": "report", "runs": ("a", "b"), "baseline_run": "c"},
            "--baseline_run is not used with --runs",
        ),
    ],
    ids=str,
)
def test_settings_unused_by_the_mode_are_refused(settings, message):
    with pytest.raises(ValueError, match=f"^{message}"):
        command_lib.Command(**settings)


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        (("all",), {None: 3}),
        (("all", "100", "50:7"), {50: 7, 100: 3, None: 3}),
        (("all:1", "20"), {20: 3, None: 1}),
    ],
)
def test_training_sizes_are_parsed_in_ascending_order(entries, expected):
    command = command_lib.Command(
        mode="compare", models=("fs_mtl",), train_sizes=entries
    )
    actual = command.runs_by_train_size(3)
    assert list(actual.items()) == list(expected.items())


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        (("0",), "expected SIZE or SIZE:RUNS, .* got '0'"),
        (("5:",), "got '5:'"),
        (("5:all",), "got '5:all'"),
        (("5:0",), "got '5:0'"),
        ((":5",), "got ':5'"),
        (("-5",), "got '-5'"),
        (("5", "5:2"), "5 is repeated"),
        ((), " is empty: give numbers"),
    ],
)
def test_malformed_training_sizes_are_refused(entries, message):
    with pytest.raises(ValueError, match=f"^train_sizes.*{message}"):
        command_lib.Command(
            mode="compare", models=("fs_mtl",), train_sizes=entries
        )


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
