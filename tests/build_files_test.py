"""The BUILD files are what `tools.build_files` writes."""

import pathlib
import re
import tomllib

import pytest

from tools import build_files

PACKAGES = build_files.packages()
# Of the package `b` that is made up below.
_BUILD_FILE = """\
load("@rules_python//python:defs.bzl", "py_binary", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])

py_library(
    name = "b",
    srcs = glob(["*.py"], exclude = ["*_test.py", "program.py"]),
    deps = [
        "//mtl_tf/a",
        "@pypi//keras",
        "@pypi//tensorflow",
    ],
)

py_binary(
    name = "program",
    srcs = ["program.py"],
    deps = [":b"],
)

[
    py_test(
        name = path[:-len(".py")],
        srcs = [path],
        deps = [
            ":b",
            "//mtl_tf/b:program",
            "//tests",
        ],
    )
    for path in glob(["*_test.py"])
]
"""


@pytest.mark.parametrize("package", PACKAGES, ids=lambda x: x.folder.as_posix())
def test_build_files_match_the_imports(package):
    path = build_files.ROOT / package.folder / "BUILD"
    text = path.read_text() if path.exists() else ""
    assert text == str(package), "run python -m tools.build_files"


def test_only_distributions_without_a_locked_version_are_left_out():
    lock = (build_files.ROOT / "requirements_lock.txt").read_text("utf-8")
    for name in build_files.MISSING:
        assert f"\n{name.replace('_', '-')}==" not in lock
    beam = pathlib.Path(build_files.ROOT / "data_prep/pipeline/beam_runner.py")
    assert "import apache_beam" in beam.read_text("utf-8")
    assert "@pypi//apache_beam" not in build_files.dependencies(beam)


def test_no_build_file_without_a_package():
    folders = {build_files.ROOT / package.folder for package in PACKAGES}
    existing = {path.parent for path in build_files.ROOT.glob("*/**/BUILD")}
    hidden = {x for x in existing if any(p.startswith(".") for p in x.parts)}
    assert existing - hidden == folders


def test_imported_distributions_are_declared():
    text = (build_files.ROOT / "pyproject.toml").read_text()
    project = tomllib.loads(text)["project"]
    declared = {
        re.match(r"[\w.-]+", requirement).group().replace("-", "_")
        for requirements in (
            project["dependencies"],
            *project["optional-dependencies"].values(),
        )
        for requirement in requirements
    }
    for package in PACKAGES:
        for path in (*package.modules, *package.programs, *package.tests):
            for label in build_files.dependencies(path):
                name = label.removeprefix("@pypi//")
                assert name == label or name in declared, (
                    f"{path} imports {name}, which pyproject.toml does not name"
                )


def write(folder: pathlib.Path, **files: str) -> None:
    folder.mkdir(parents=True)
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)


def test_a_package_of_modules_programs_and_tests(tmp_path, monkeypatch):
    monkeypatch.setattr(build_files, "ROOT", tmp_path)
    write(tmp_path / "mtl_tf" / "a", one="import numpy\n", two="import json\n")
    write(
        tmp_path / "mtl_tf" / "b",
        library="from mtl_tf.a import one\nimport keras\n",
        program='from mtl_tf.b import library\nif __name__ == "__main__":\n  1',
        b_test="from mtl_tf.b import program\nfrom mtl_tf.b import library\n",
    )
    package = build_files.Package.read(tmp_path / "mtl_tf" / "b")
    assert str(package) == _BUILD_FILE


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
