"""How both commands begin, as a user calls them."""

import logging
import os
import pathlib
import re
import resource
import subprocess
import sys

import pytest

from mtl_tf.utils import entry_point

ROOT = pathlib.Path(__file__).parents[3]
COMMANDS = {"mtl_tf": "mtl_tf.main", "data_prep": "data_prep.main"}
# TensorFlow takes several, on any machine.
SECONDS = 1.5


def call(module, *arguments, **environment):
    """Calls a command; returns what it did, and its seconds of CPU."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        # Bazel hands its modules over on sys.path alone.
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            **environment,
        },
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime - before.ru_utime
    return done, seconds + after.ru_stime - before.ru_stime


@pytest.mark.parametrize("module", COMMANDS.values())
@pytest.mark.parametrize("flag", ["--help", "--helpshort", "--helpfull"])
def test_help_exits_with_0_without_tensorflow(module, flag):
    done, seconds = call(module, flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert seconds < SECONDS
    own = "--hidden_size" if module == "mtl_tf.main" else "--task_file"
    assert f"  {own}: " in done.stdout
    assert "tensorflow" not in done.stdout.lower().replace(
        "number of tensorflow threads", ""
    ).replace("tensorflow 2", "")


@pytest.mark.parametrize(
    ("module", "script"),
    [("mtl_tf.main", "mtl-tf"), ("data_prep.main", "mtl-tf-prepare")],
)
def test_help_of_the_script_that_pip_makes(tmp_path, module, script):
    path = tmp_path / script
    path.write_text(f"from {module} import run\nrun()\n")
    done = subprocess.run(
        [sys.executable, str(path), "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert f"python -m {module}" in done.stdout
    own = "--hidden_size" if module == "mtl_tf.main" else "--task_file"
    assert f"  {own}: " in done.stdout


@pytest.mark.parametrize(
    ("program", "arguments", "message"),
    [
        (
            "mtl_tf",
            ["--encodr=lstm"],
            "there is no flag --encodr (did you mean encoder, ",
        ),
        (
            "mtl_tf",
            ["--hidden_size=2.5"],
            "hidden_size=2.5: expected an integer",
        ),
        (
            "mtl_tf",
            ["--learning_rate=fast"],
            "learning_rate=fast: expected a number",
        ),
        (
            "mtl_tf",
            ["--report=maybe"],
            "report=maybe: expected true or false",
        ),
        (
            "mtl_tf",
            ["--encoder=lstn"],
            "encoder=lstn: not one of lstm, bilstm, ",
        ),
        (
            "mtl_tf",
            ["--flagfile=preset:asp_mtk"],
            "there is no preset 'asp_mtk' (did you mean asp_mtl, ",
        ),
        (
            "mtl_tf",
            ["--encoder=cnn"],
            "pooling=last takes the last state of a recurrent encoder",
        ),
        ("mtl_tf", [], "--run_dir is missing"),
        (
            "mtl_tf",
            ["--run_dir=new", "--data_dir=nowhere"],
            "nowhere holds no prepared corpus",
        ),
        (
            "mtl_tf",
            ["--mode=analyze", "--run_dir=nowhere"],
            "nowhere holds no run: config.json is missing",
        ),
        (
            "data_prep",
            ["--task_fil=x"],
            "there is no flag --task_fil (did you mean task_file",
        ),
        (
            "data_prep",
            ["--corpus=vadr", "--out_dir=new"],
            "corpus=vadr: not one of vader, ",
        ),
        (
            "data_prep",
            ["--corpus=vader", "--out_dir=new", "--min_count=0"],
            "min_count=0: expected a positive integer",
        ),
        (
            "data_prep",
            ["--corpus=custom", "--out_dir=new", "--task_file=nowhere.toml"],
            "there is no task file nowhere.toml",
        ),
        (
            "data_prep",
            ["--corpus=fdu_mtl", "--out_dir=new"],
            "--corpus=fdu_mtl needs --raw_dir=DIR",
        ),
    ],
)
def test_invalid_command_is_one_line_without_tensorflow(
    program, arguments, message
):
    done, seconds = call(COMMANDS[program], *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"{program}: {message}")
    assert done.stderr.count("\n") == 1
    assert seconds < SECONDS


def test_unknown_key_of_a_task_file_needs_no_tensorflow(tmp_path):
    path = tmp_path / "tasks.toml"
    path.write_text('[tasks.a]\nlables = ["no", "yes"]\n')
    done, seconds = call(
        "data_prep.main",
        *("--corpus=custom", f"--task_file={path}", f"--out_dir={tmp_path}/o"),
    )
    assert done.returncode == 1
    assert done.stderr.startswith(
        f"data_prep: {path}: [tasks.a]: unknown key 'lables' (did you mean "
        "labels"
    )
    assert seconds < SECONDS


_IMPORT = """
import os
import sys
from mtl_tf.utils import entry_point
os.environ.pop("TF_CPP_MIN_LOG_LEVEL", None)
os.environ.update({"TF_CPP_MIN_LOG_LEVEL": level for level in sys.argv[1:]})
with entry_point.quiet_tensorflow():
    import tensorflow
    import tensorflow_text
    os.write(2, b"E0000 an error\\n")
print(tensorflow.ones(2).shape)
"""


def test_tensorflow_starts_quietly_but_shows_errors():
    quiet, loud = (
        subprocess.run(
            [sys.executable, "-c", _IMPORT, *arguments],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        for arguments in ((), ("0",))
    )
    assert (quiet.returncode, quiet.stderr) == (0, "E0000 an error\n")
    # The user's own level is the user's.
    assert "E0000 an error\n" in loud.stderr
    assert loud.stderr.count("\n") > 1


@pytest.mark.parametrize(
    ("status", "is_shown"),
    [
        ("UNKNOWN ERROR (303)", False),
        ("CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected", False),
        ("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: system has unsupported", True),
    ],
)
def test_missing_gpu_is_hidden_but_broken_driver_is_shown(
    monkeypatch, capfd, status, is_shown
):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)
    line = (
        "E0000 00:00:1796035782.671090   15362 cuda_platform.cc:52] failed "
        "call to cuInit: INTERNAL: CUDA error: Failed call to cuInit: "
        f"{status}\n"
    )
    with entry_point.quiet_tensorflow():
        os.write(2, line.encode())
    assert capfd.readouterr().err == (line if is_shown else "")


@pytest.mark.parametrize("is_terminal", [True, False])
def test_log_lines_have_a_time_and_files_a_date(monkeypatch, is_terminal):
    monkeypatch.setattr(sys.stderr, "isatty", lambda: is_terminal)
    formatter = entry_point.LogFormatter()
    time = r"\d\d:\d\d:\d\d" if is_terminal else r"[\d-]{10} [\d:]{8}"
    for level, message in (
        (logging.INFO, "2 tasks"),
        (logging.WARNING, "warning: 2 tasks"),
    ):
        record = logging.LogRecord("absl", level, "", 1, "%d tasks", (2,), None)
        assert re.fullmatch(f"{time} {message}", formatter.format(record))


def test_failed_import_shows_all_output(monkeypatch, capfd):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    monkeypatch.delitem(sys.modules, "tensorflow", raising=False)

    def fail():
        with entry_point.quiet_tensorflow():
            os.write(2, b"I0000 no such library\n")
            raise ImportError("no such library")

    with pytest.raises(ImportError, match="no such library"):
        fail()
    assert capfd.readouterr().err == "I0000 no such library\n"


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
