"""What users are told: all cases of `wrong_...` and of `damaged_files`."""

import contextlib
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

import pytest
from absl import flags
from absl.testing import flagsaver

from data_prep import main as data_prep_main
from mtl_tf import main
from mtl_tf.cli import flag_settings
from mtl_tf.cli import modes
from mtl_tf.utils import flagfiles
from tests.helpers import damaged_files
from tests.helpers import wrong_analyses
from tests.helpers import wrong_comparisons
from tests.helpers import wrong_input
from tests.helpers import wrong_searches
from tests.helpers import wrong_sweeps
from tests.helpers import wrong_task_files
from tests.helpers import wrong_transfer
from tests.helpers import wrong_workers

CASES = (
    wrong_input.CASES
    | wrong_analyses.CASES
    | wrong_comparisons.CASES
    | wrong_transfer.CASES
    | wrong_sweeps.CASES
    | wrong_searches.CASES
    | wrong_workers.CASES
    | damaged_files.CASES
)
ROOT = pathlib.Path(__file__).resolve().parent.parent


def write(files):
    """Writes, changes or removes files below the current directory."""
    for name, content in files.items():
        path = pathlib.Path(name)
        if content is None:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            continue
        if callable(content):
            is_text = path.suffix == ".json"
            old = path.read_text() if is_text else path.read_bytes()
            content = content(old)
            assert content != old
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, str):
            content = content.encode("utf-8")
        path.write_bytes(content)


def call(line, monkeypatch):
    """Calls `mtl_tf` or `data_prep` in this process; the exit status."""
    program, *arguments = shlex.split(line)
    if program == "mtl_tf":
        values = flags.FlagValues()
        flag_settings.define_flags(values)
        monkeypatch.setattr(flags, "FLAGS", values)
        return main.main(
            values([program, *flagfiles.expand(arguments, values)])
        )
    with flagsaver.flagsaver():
        try:
            data_prep_main.main(flags.FLAGS([program, *arguments]))
        except SystemExit as stop:
            return stop.code
    return 0


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with files, their corpus, and a run on it."""
    folder = tmp_path_factory.mktemp("prepared")
    with pytest.MonkeyPatch.context() as patch, contextlib.chdir(folder):
        # Threads can be set once in a process.
        patch.setattr(modes.devices, "configure", lambda threads: None)
        write(wrong_task_files.FILES)
        assert call(f"{wrong_task_files.PREPARE} --out_dir=corpus", patch) == 0
        assert call(f"{wrong_input.AGAIN} {wrong_input.MODEL}", patch) == 0
    return folder


@pytest.mark.parametrize(
    ("files", "line", "message"),
    CASES.values(),
    ids=CASES,
)
def test_message(prepared, tmp_path, monkeypatch, capsys, files, line, message):
    monkeypatch.setattr(modes.devices, "configure", lambda threads: None)
    shutil.copytree(prepared, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    write(files)
    before = sorted(os.listdir())
    if callable(line):
        with pytest.raises(ValueError, match=r".") as caught:
            line()
        output = str(caught.value)
    else:
        assert call(line, monkeypatch) == 1
        printed = capsys.readouterr()
        assert printed.out == ""
        program, colon, output = printed.err.partition(": ")
        assert (program, colon) == (line.split()[0], ": ")
        output = output.removesuffix("\n")
    expected = ".*".join(map(re.escape, message.split("...")))
    assert re.fullmatch(expected, output, re.DOTALL), output
    # Refused before anything is written.
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("program", "misspelt", "meant"),
    [
        ("mtl_tf.main", "encodr", "encoder"),
        ("data_prep.main", "task_fil", "task_file"),
    ],
)
def test_misspelled_flag(program, misspelt, meant):
    done = subprocess.run(
        [sys.executable, "-m", program, f"--{misspelt}=x"],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert done.returncode == 1
    assert done.stdout == ""
    expected = f"there is no flag --{misspelt} (did you mean {meant}"
    assert expected in done.stderr
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
