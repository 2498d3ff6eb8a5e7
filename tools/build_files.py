"""Generates the BUILD files, with one library per package.

    python -m tools.build_files

A folder with Python files is a package. Its library contains all modules except
programs and tests; its dependencies are the packages that these import. Each
program is a `py_binary`, and each `*_test.py` a `py_test`.
"""

import ast
import dataclasses
import pathlib
import sys
from collections.abc import Iterable, Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = (
    "mtl_tf",
    "data_prep",
    "benchmarks",
    "reproduction",
    "tests",
    "tools",
)
# Distributions whose names differ from the imported one. keras needs its
# backend.
DISTRIBUTIONS = {
    "absl": ["absl_py"],
    "keras": ["keras", "tensorflow"],
    "sklearn": ["scikit_learn"],
}
# Of an extra that requirements_lock.txt lacks: it needs other versions than the
# tests. Without it, one runner is missing.
MISSING = {"apache_beam"}
# Files that a package reads, and modules that it loads by name.
DATA = {
    "benchmarks": '["text_lengths.json"]',
    "data_prep": '["py.typed"]',
    "data_prep/corpora": '["vader_requirements.txt"]',
    "mtl_tf": '["py.typed"]',
    "mtl_tf/reporting/html": 'glob(["*.toml", "templates/*.html"])',
    "tests": '["//:pyproject.toml"]',
}
LOADED_BY_NAME = {
    "benchmarks/worker.py": ["//benchmarks/contenders"],
    "tests/benchmarks": ["//benchmarks:train_throughput"],
}
# Tests that read the entire source tree, which Bazel's sandbox lacks.
MANUAL = {"tests"}


@dataclasses.dataclass(frozen=True)
class Package:
    """Python files of a folder.

    Attributes:
      folder: the folder, relative to the root.
      modules: the files of its library.
      programs: the files that run as programs, which others may import too.
      tests: the test files.
    """

    folder: pathlib.Path
    modules: tuple[pathlib.Path, ...]
    programs: tuple[pathlib.Path, ...]
    tests: tuple[pathlib.Path, ...]

    @classmethod
    def read(cls, folder: pathlib.Path) -> "Package":
        """Sorts the files of a folder into modules, programs and tests."""
        paths = sorted(path for path in folder.glob("*.py"))
        tests = tuple(x for x in paths if x.name.endswith("_test.py"))
        programs = tuple(x for x in paths if x not in tests and _is_program(x))
        modules = tuple(x for x in paths if x not in (*tests, *programs))
        return cls(folder.relative_to(ROOT), modules, programs, tests)

    def __str__(self) -> str:
        """Returns the text of the BUILD file."""
        rules = {
            "py_binary": self.programs,
            "py_library": self.modules,
            "py_test": self.tests,
        }
        names = ", ".join(f'"{rule}"' for rule, x in rules.items() if x)
        parts = [
            f'load("@rules_python//python:defs.bzl", {names})',
            'package(default_visibility = ["//visibility:public"])',
        ]
        if self.modules:
            parts.append(self._library())
        parts += [self._program(path) for path in self.programs]
        if self.tests:
            parts.append(self._tests())
        return "\n\n".join(parts) + "\n"

    def _library(self):
        programs = [f'"{path.name}"' for path in self.programs]
        exclude = ", ".join(
            [*(['"*_test.py"'] if self.tests else []), *programs]
        )
        without = f", exclude = [{exclude}]" if exclude else ""
        srcs = f'glob(["*.py"]{without})'
        lines = ["py_library(", f'    name = "{self.folder.name}",']
        lines.append(f"    srcs = {srcs},")
        if data := DATA.get(self.folder.as_posix()):
            lines.append(f"    data = {data},")
        deps = self._deps(self.modules)
        return "\n".join([*lines, *_list("deps", deps), ")"])

    def _program(self, path):
        lines = ["py_binary(", f'    name = "{path.stem}",']
        lines.append(f'    srcs = ["{path.name}"],')
        name = (self.folder / path.name).as_posix()
        deps = self._deps([path]) | set(LOADED_BY_NAME.get(name, ()))
        return "\n".join([*lines, *_list("deps", deps), ")"])

    def _tests(self):
        deps = self._deps(self.tests) | {"//tests"}
        deps |= set(LOADED_BY_NAME.get(self.folder.as_posix(), ()))
        tags = ['        tags = ["manual"],']
        lines = [
            "[",
            "    py_test(",
            '        name = path[:-len(".py")],',
            "        srcs = [path],",
            *(tags if self.folder.as_posix() in MANUAL else []),
            *(f"    {line}" for line in _list("deps", self._local(deps))),
            "    )",
            '    for path in glob(["*_test.py"])',
            "]",
        ]
        return "\n".join(lines)

    def _local(self, labels):
        """Shortens the label of this package's library."""
        own = f"//{self.folder.as_posix()}"
        return {f":{self.folder.name}" if x == own else x for x in labels}

    def _deps(self, paths: Iterable[pathlib.Path]) -> set[str]:
        own = {f"//{self.folder.as_posix()}"}
        labels = {label for path in paths for label in dependencies(path)}
        if set(paths) <= set(self.modules):
            labels -= own
        return self._local(labels)


def packages() -> list[Package]:
    """Reads every package of the project."""
    folders = {
        path.parent
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    }
    return [Package.read(folder) for folder in sorted(folders)]


def dependencies(path: pathlib.Path) -> set[str]:
    """Returns the labels of all packages and distributions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    labels = set()
    for module in _imported(tree):
        top = module.split(".")[0]
        if top in FOLDERS:
            labels.add(_label(module))
        elif top not in sys.stdlib_module_names and top not in MISSING:
            labels |= {f"@pypi//{x}" for x in DISTRIBUTIONS.get(top, [top])}
    return labels


def write() -> None:
    """Writes the BUILD file of every package."""
    for package in packages():
        (ROOT / package.folder / "BUILD").write_text(str(package))


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _label(module: str) -> str:
    """Returns the label of the package or program that contains a module."""
    path = ROOT / pathlib.Path(*module.split("."))
    for candidate in (path, path.parent):
        if candidate.is_dir():
            return f"//{candidate.relative_to(ROOT).as_posix()}"
        file = candidate.with_suffix(".py")
        if file.exists():
            folder = file.parent.relative_to(ROOT).as_posix()
            program = f":{file.stem}" if _is_program(file) else ""
            return f"//{folder}{program}"
    raise ValueError(f"there is no module {module}")


def _is_program(path: pathlib.Path) -> bool:
    """Checks if a file ends in `if __name__ == "__main__"`."""
    text = path.read_text("utf-8")
    return '\nif __name__ == "__main__":\n' in text


def _list(name: str, values: Iterable[str]) -> list[str]:
    """Formats a list attribute as buildifier does."""
    values = sorted(values, key=lambda x: (":/@".find(x[0]), x))
    if not values:
        return []
    if len(values) == 1:
        return [f'    {name} = ["{values[0]}"],']
    lines = [f'        "{value}",' for value in values]
    return [f"    {name} = [", *lines, "    ],"]


if __name__ == "__main__":
    write()
