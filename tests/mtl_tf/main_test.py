"""The command, as a user calls it."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest
from absl import flags
from tensorboard.backend.event_processing import event_accumulator

from mtl_tf import main
from mtl_tf.cli import flag_settings
from mtl_tf.cli import modes
from mtl_tf.runs import run_directory
from tests.helpers import command_line
from tests.helpers import generated

_ROWS = {"train": 48, "dev": 10, "test": 14, "unlabeled": 16}
_MODEL = """\
# A model as configs/ holds them.
--sharing=shared_private
--encoder=bag_of_words
--pooling=mean
--hidden_size=8
--embedding_dim=8
--word_dropout=0.1
--adversarial_weight=0.05
--unlabeled
--orthogonality_weight=0.01
--batch_size=8
--learning_rate=0.01
"""


def call(*arguments):
    """Calls the command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "mtl_tf.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=pathlib.Path(__file__).parents[2],
        # Bazel hands its modules over on sys.path alone.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    data_dir = str(tmp_path_factory.mktemp("generated") / "corpus")
    return generated.write_corpus(data_dir, rows=_ROWS)


@pytest.fixture(scope="module")
def arguments(tmp_path_factory, corpus):
    """How the command is called."""
    folder = tmp_path_factory.mktemp("run")
    (folder / "model.flags").write_text(_MODEL)
    return [
        f"--flagfile={folder / 'model.flags'}",
        f"--data_dir={corpus}",
        f"--run_dir={folder / 'run'}",
        "--epochs=3",
        "--threads=1",
    ]


@pytest.fixture(scope="module")
def done(arguments):
    return call(*arguments)


@pytest.fixture(scope="module")
def run_dir(arguments, done):
    assert done.returncode == 0, done.stderr
    return pathlib.Path(arguments[2].removeprefix("--run_dir="))


def read(path):
    return json.loads(path.read_text())


def read_lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_ends_with_the_table(done, run_dir):
    lines = done.stdout.splitlines()
    scores = read(run_dir / "results.json")
    assert lines[:4] == [
        "",
        f"Test scores in percent ({run_dir})",
        "",
        "task     metric    test  majority  multi-task",
    ]
    for line, name in zip(lines[5:8], generated.LABELS, strict=True):
        by_output = scores["tasks"][name]
        majority, mine = (
            f"{100 * by_output[output]['test']['accuracy']:.1f}"
            for output in ("majority", "main")
        )
        assert line.split() == [name, "accuracy", "14", majority, mine]
    average = scores["average"]["main"]["test"]["accuracy"]
    assert lines[9].split()[0] == "average"
    assert lines[9].split()[-1] == f"{100 * average:.1f}"


def test_stderr_holds_the_lines_of_the_log_alone(done):
    # Not a terminal: lines, and no bar.
    assert done.stderr.count("tokens/s") == 3
    line = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (?P<message>.*)"
    matches = [re.fullmatch(line, x) for x in done.stderr.splitlines()]
    assert all(matches), done.stderr
    ours = r"(TensorFlow [\d.]+ on |\d+ tasks|base +epoch|Writing|warning: )"
    for match in matches:
        assert re.match(ours, match["message"]), match.string


def test_the_run_directory_is_complete(run_dir):
    assert {path.name for path in run_dir.iterdir()} == {
        "config.json",
        "figures",
        "results.json",
        "checksums.json",
        "predictions",
        "history.jsonl",
        "checkpoints",
        "features.npz",
        "report.html",
        "export",
        "tensorboard",
        "assets",
    }
    for name in ("best", "last"):
        assert list((run_dir / "checkpoints" / name).glob("*.index"))
    assert {path.name for path in (run_dir / "assets").iterdir()} == {
        "corpus.json",
        "term_counts.json",
        "vocabulary.txt",
    }


def test_configuration_matches_the_flags(run_dir):
    actual = read(run_dir / "config.json")["config"]
    for name, value in {
        "hidden_size": 8,
        "word_dropout": 0.1,
        "unlabeled": True,
        "epochs": 3,
        "threads": 1,
        "pooling": "mean",
    }.items():
        assert actual[name] == value
    # What was to be done with the run is none of its settings.
    assert "mode" not in actual


def test_the_schema_of_the_results(run_dir):
    actual = read(run_dir / "results.json")
    assert actual["schema"] == 1
    assert list(actual["tasks"]) == list(generated.LABELS)
    for by_output in actual["tasks"].values():
        assert list(by_output) == ["main", "majority"]
        for by_split in by_output.values():
            assert {name: x["n"] for name, x in by_split.items()} == {
                "dev": 10,
                "test": 14,
            }
            for scores in by_split.values():
                assert list(scores) == ["accuracy", "macro_f1", "n"]
                assert 0 <= scores["macro_f1"] <= 1
    for by_split in actual["average"].values():
        assert list(by_split) == ["dev", "test"]
        assert list(by_split["test"]) == ["accuracy", "macro_f1"]
    # 3 tasks of 48 rows, 3 groups of 8 a step: 6 steps in each of 3 epochs.
    assert actual["steps"] == 18
    assert actual["seconds"] > 0
    assert actual["tokens_per_second"] > 0


def test_scores_are_those_of_the_predictions(run_dir):
    scores = read(run_dir / "results.json")["tasks"]
    for task, labels in generated.LABELS.items():
        for split, rows in (("dev", 10), ("test", 14)):
            lines = read_lines(
                run_dir / "predictions" / f"{task}-{split}.jsonl"
            )
            assert [line["id"] for line in lines] == [
                f"{task}-{split}-{index}" for index in range(rows)
            ]
            for line in lines:
                probabilities = line["probabilities"]
                assert tuple(probabilities) == labels
                assert sum(probabilities.values()) == pytest.approx(1, abs=3e-6)
                assert line["predicted"] == max(
                    probabilities, key=probabilities.get
                )
            right = sum(line["gold"] == line["predicted"] for line in lines)
            accuracy = scores[task]["main"][split]["accuracy"]
            assert accuracy == pytest.approx(right / rows)


def test_history_and_tensorboard_agree(run_dir):
    lines = read_lines(run_dir / "history.jsonl")
    assert [line["epoch"] for line in lines] == [1, 2, 3]
    assert [line["step"] for line in lines] == [6, 12, 18]
    assert {line["phase"] for line in lines} == {"base"}
    best = max(line["dev"]["average"] for line in lines)
    results = read(run_dir / "results.json")
    assert results["average"]["main"]["dev"]["accuracy"] == pytest.approx(best)
    actual = event_accumulator.EventAccumulator(str(run_dir / "tensorboard"))
    actual.Reload()
    for tag in (
        "loss/task",
        "loss_weighted/orthogonality",
        "discriminator/cross_entropy",
        "dev/average",
        *(f"dev_accuracy/{task}" for task in generated.LABELS),
    ):
        # log_every is longer than an epoch.
        assert [event.step for event in actual.Tensors(tag)] == [6, 12, 18]


def in_process(monkeypatch, *arguments):
    """The status of the command, called in this process."""
    # It can be done once in a process, before TensorFlow's first op.
    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)
    return command_line.call(monkeypatch, *arguments)


def test_second_call_reuses_the_results(
    arguments, done, run_dir, monkeypatch, capsys
):
    before = (run_dir / "results.json").stat().st_mtime_ns

    def refuse(config):
        raise AssertionError(f"trains again: {config}")

    monkeypatch.setattr(modes.experiment, "Experiment", refuse)
    assert in_process(monkeypatch, *arguments) == 0
    assert capsys.readouterr().out == done.stdout
    assert (run_dir / "results.json").stat().st_mtime_ns == before


def test_evaluate_scores_the_best_checkpoint(
    done, run_dir, monkeypatch, capsys
):
    before = read(run_dir / "results.json")
    predictions = (run_dir / "predictions" / "films-test.jsonl").read_text()
    run_directory.write_json(
        str(run_dir / "results.json"), {"schema": 1, "tasks": "damaged"}
    )
    (run_dir / "predictions" / "films-test.jsonl").unlink()
    arguments = ("--mode=evaluate", f"--run_dir={run_dir}")
    assert in_process(monkeypatch, *arguments) == 0
    # Report and export are of the end of training.
    table = done.stdout.partition("report: ")[0]
    assert capsys.readouterr().out.strip() == table.strip()
    # How long training took as well.
    assert read(run_dir / "results.json") == before
    again = (run_dir / "predictions" / "films-test.jsonl").read_text()
    assert again == predictions


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (["--encoder=lstn"], "encoder=lstn: not one of lstm, bilstm, "),
        (["--hidden_size=0"], "hidden_size=0: expected a number above 0"),
        (
            ["--adversarial_weight=1", "--update=alternating"],
            "needs texts of all",
        ),
        (["--data_dir=nowhere"], "nowhere holds no prepared corpus"),
        (["--tasks=bookz"], "no task 'bookz' (did you mean books?)"),
        (["--run_dir="], "--run_dir is missing"),
        (["--data_dir="], "--data_dir is missing"),
        (["train"], "unexpected argument 'train': flags start with --"),
        (["--mode=evaluate"], "holds no run: config.json is missing"),
        (["--mode=analyze"], "holds no run: config.json is missing"),
        (["--mode=evalute"], "mode=evalute: not one of train, evaluate, "),
        (["--mode=predict"], "--mode=predict needs --task"),
        (["--processes=0"], "processes=0: expected a number above 0"),
        (["--baseline_run=nowhere"], "nowhere holds no results"),
        (["--main_task=bookz"], "main_task=bookz: not one of"),
        (["--task_weights=bookz:2"], "there is no task 'bookz' (did you mean"),
        (["--run_dir=/dev/null/run"], "/dev/null is a file: give a directory"),
    ],
)
def test_errors_are_one_line(
    tmp_path, corpus, monkeypatch, capsys, wrong, message
):
    status = in_process(
        monkeypatch,
        f"--data_dir={corpus}",
        f"--run_dir={tmp_path / 'run'}",
        "--hidden_size=2",
        "--embedding_dim=2",
        *wrong,
    )
    printed = capsys.readouterr()
    assert status == 1
    assert printed.out == ""
    assert printed.err.startswith("mtl_tf: ")
    assert printed.err.count("\n") == 1
    assert message in printed.err
    # Refused before anything is written.
    assert os.listdir(tmp_path) == []


def test_output_escapes_invisible_characters(monkeypatch, capsys):
    monkeypatch.setattr(
        main.preflight, "check", lambda command, config, models: None
    )
    monkeypatch.setattr(modes, "run", lambda *arguments: "a\u202eb\nc\x1b[2J")
    assert in_process(monkeypatch) == 0
    assert capsys.readouterr().out == "a\\u202eb\nc\\u001b[2J\n"

    def fail(command, config, models):
        raise ValueError("no label \u2066x\n")

    monkeypatch.setattr(modes, "run", fail)
    assert in_process(monkeypatch) == 1
    assert capsys.readouterr().err == "mtl_tf: no label \\u2066x\n\n"


def test_help_of_the_flags_names_choices_and_symbols():
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    assert values["sharing"].help.endswith(
        " One of single_task, fully_shared, shared_private."
    )
    assert values["adversarial_weight"].help.endswith(" The paper's λ.")
    # That it may be empty is said before.
    assert values["format"].help.endswith(" One of lines, tsv, csv, jsonl.")
    assert "One of" not in values["hidden_size"].help


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ("--encoder=lstn", "mtl_tf: encoder=lstn: not one of lstm, bilstm, "),
        ("--encodr=lstm", "mtl_tf: there is no flag --encodr (did you mean e"),
    ],
)
def test_errors_have_no_traceback(wrong, message):
    failed = call(wrong)
    assert failed.returncode == 1
    assert message in failed.stderr
    assert "Traceback" not in failed.stderr
    assert failed.stdout == ""


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
