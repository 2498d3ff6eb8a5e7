import os
import pathlib
import shlex
import shutil
import signal
import subprocess
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from data_prep import main
from mtl_tf.data import records
from mtl_tf.data import tasks
from tests.helpers import full_disk
from tests.helpers import preloaded_python

_ROOT = pathlib.Path(__file__).parents[2]
_EXAMPLE = _ROOT / "examples" / "two_tasks" / "tasks.toml"


def _start(*arguments):
    # A separate process: flags are defined once per process.
    return subprocess.Popen(
        [preloaded_python.executable(), "-m", "data_prep.main", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=_ROOT,
        # Bazel only sets sys.path.
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def _run(*arguments):
    return preloaded_python.run("data_prep.main", *arguments)


def test_the_example_is_prepared_and_inspected(tmp_path):
    arguments = (
        "--corpus=custom",
        f"--task_file={_EXAMPLE}",
        f"--out_dir={tmp_path / 'out'}",
        "--inspect",
        "--inspect_length=10",
    )
    done = _run(*arguments)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "corpus.json").exists()
    assert "answers (pairs)" in done.stdout
    assert "longer than 10" in done.stdout
    again = _run(*arguments)
    assert "is already prepared: nothing has changed" in again.stderr
    assert again.stdout == done.stdout


def _call(*arguments):
    with flagsaver.flagsaver():
        main.main(flags.FLAGS(["data_prep", *arguments]))


def test_a_task_file_is_written_and_read_by_the_command_that_is_next(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    folder = _EXAMPLE.parent
    shutil.copy(folder / "requests.tsv", "requests,1.tsv")
    shutil.copytree(folder / "answers", "answers")
    answers = [f"answers/{x}.tsv" for x in ("train", "dev", "test")]
    _call("--init=requests,1.tsv", f"--init={','.join(answers)}")
    written, *summaries, title, command = capsys.readouterr().out.splitlines()
    assert written.startswith("tasks.toml: written")
    assert summaries == [
        "  requests_1: 140 labeled rows, 7 labels, metric accuracy",
        "  answers: 120 labeled rows, 2 labels, metric accuracy",
    ]
    assert title == "Next:"
    python, option, module, *arguments = shlex.split(command)
    assert (python, option, module) == ("python", "-m", "data_prep.main")
    _call(*arguments)
    assert "requests_1 (single texts)" in capsys.readouterr().out
    assert tasks.Corpus.read("data/mine").rows == {
        "answers": {"train": 80, "dev": 20, "test": 20},
        "requests_1": {"train": 91, "dev": 21, "test": 28},
    }


_NO_TENSORFLOW = """
import sys
from data_prep.pipeline import task_file_draft

task_file_draft.draft(sys.argv[1:], "")
assert "tensorflow" not in sys.modules
"""


def test_a_task_file_is_drafted_without_tensorflow():
    path = _EXAMPLE.parent / "requests.tsv"
    subprocess.run(
        [sys.executable, "-c", _NO_TENSORFLOW, path],
        check=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )


def test_concurrent_jobs_prepare_a_corpus_once(tmp_path):
    out_dir = tmp_path / "new" / "out"
    arguments = (
        "--corpus=custom",
        f"--task_file={_EXAMPLE}",
        f"--out_dir={out_dir}",
    )
    jobs = [_start(*arguments) for _ in range(3)]
    logs = [job.communicate()[1] for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], logs
    assert not any("Traceback" in text for text in logs)
    assert sum(f"prepared corpus custom in {out_dir}" in x for x in logs) == 1
    assert sum("is already prepared: nothing has" in x for x in logs) == 2
    assert os.listdir(tmp_path / "new") == ["out"]


def test_flags_of_the_synthetic_corpus(tmp_path):
    done = _run(
        "--corpus=synthetic",
        "--rows=40",
        "--main_rows=6",
        "--noise=0.25",
        "--seed=3",
        f"--out_dir={tmp_path}/out",
    )
    assert done.returncode == 0, done.stderr
    corpus = tasks.Corpus.read(f"{tmp_path}/out")
    assert corpus.rows["stances"]["train"] == 6
    assert corpus.declaration["settings"] == {
        "rows": 40,
        "main_rows": 6,
        "noise": 0.25,
        "seed": 3,
    }


def test_a_signal_leaves_no_files(tmp_path, monkeypatch, capsys):
    write_shard, calls = records.write_shard, []

    def stop(*arguments):
        calls.append(arguments)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)
        return write_shard(*arguments)

    monkeypatch.setattr(records, "write_shard", stop)
    out_dir = tmp_path / "a" / "out"
    arguments = ["--corpus=synthetic", "--rows=40", f"--out_dir={out_dir}"]
    with flagsaver.flagsaver(), pytest.raises(SystemExit) as caught:
        main.main(flags.FLAGS(["data_prep", *arguments]))
    assert caught.value.code == 143
    assert len(calls) == 2
    assert capsys.readouterr().err.splitlines()[-1] == (
        f"data_prep: interrupted (SIGTERM): {out_dir} is unchanged; repeat the "
        "command"
    )
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_reported(tmp_path, capsys):
    with full_disk.small(tmp_path / "disk", "40k") as disk:
        arguments = ["--corpus=synthetic", f"--out_dir={disk}/out"]
        with flagsaver.flagsaver(), pytest.raises(SystemExit) as caught:
            main.main(flags.FLAGS(["data_prep", *arguments]))
        assert caught.value.code == 1
        assert capsys.readouterr().err.splitlines()[-1] == (
            f"data_prep: no space left in {disk}: free some, then run the "
            "same command again"
        )
        assert os.listdir(disk) == []


def test_a_tilde_is_the_home_directory(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    shutil.copytree(_EXAMPLE.parent, tmp_path / "example")
    path = tmp_path / "example" / "tasks.toml"
    assert 'file = "' in path.read_text()
    path.write_text(path.read_text().replace('file = "', 'file = "~/example/'))
    arguments = (
        "--corpus=custom",
        "--task_file=~/example/tasks.toml",
        "--out_dir=~/out",
    )
    with flagsaver.flagsaver():
        main.main(flags.FLAGS(["data_prep", *arguments]))
    assert tasks.Corpus.read(str(tmp_path / "out")).name == "custom"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["--corpus=fdu_mtl"],
            "data_prep: --corpus=fdu_mtl needs --raw_dir=DIR",
        ),
        (
            ["--corpus=vader", "--dev_split=random"],
            "data_prep: --dev_split is not used by --corpus=vader",
        ),
        (
            ["--corpus=fdu_mtl", "--dev_in_train"],
            "data_prep: --dev_in_train is not used by --corpus=fdu_mtl",
        ),
        (
            ["--corpus=pairwise", f"--raw_dir={_ROOT}"],
            "holds the files of none of the corpora topic2, topic5",
        ),
        (
            ["--corpus=synthetic", "--runner=", "--", "--streaming"],
            "data_prep: --runner is empty: expected a runner of Apache Beam",
        ),
        (
            ["--corpus=vader", "--noise=0"],
            "data_prep: --noise is not used by --corpus=vader",
        ),
        (
            [],
            "data_prep: --corpus is missing: expected one of vader, fdu_mtl, ",
        ),
    ],
)
def test_errors_are_messages(tmp_path, arguments, message):
    done = _run(f"--out_dir={tmp_path / 'out'}", *arguments)
    assert done.returncode == 1
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert os.listdir(tmp_path) == []


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
