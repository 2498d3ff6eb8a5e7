"""Each Python file has one BUILD target, which depends on what it imports.

    python tests/build_files_test.py --write

brings the BUILD files up to date. It sets rule, name, srcs and deps, and leaves
other attributes, other rules and the comment at the head of a file as they are.
A dependency that no import shows, such as a module that a test runs as a
program, stays where its line ends in `# keep`.
"""

import ast
import dataclasses
import pathlib
import re
import sys
import tomllib
from collections.abc import Iterator

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOLDERS = ("mtl_tf", "data_prep", "benchmarks", "tests")
# Where the names to install differ from the name to import. keras does not
# start without its backend.
DISTRIBUTIONS = {
    "absl": ["absl_py"],
    "keras": ["keras", "tensorflow"],
    "sklearn": ["scikit_learn"],
}
KEEP = "# keep"


@dataclasses.dataclass
class Target:
    """A target of a BUILD file.

    Attributes:
      rule: `py_library`, `py_binary` or `py_test`.
      name: its name.
      srcs: its sources: one file.
      deps: labels of what it depends on.
      kept: those of them whose line says so.
      others: further attributes, name -> source text.
    """

    rule: str
    name: str
    srcs: list[str]
    deps: set[str]
    kept: set[str] = dataclasses.field(default_factory=set)
    others: dict[str, str] = dataclasses.field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"{self.rule}(", f'    name = "{self.name}",']
        lines.append(f"    srcs = [{', '.join(map(_quote, self.srcs))}],")
        lines += [f"    {name} = {text}," for name, text in self.others.items()]
        deps = sorted(self.deps, key=lambda x: ("/@".find(x[0]), x))
        keep = {dep: f"  {KEEP}" if dep in self.kept else "" for dep in deps}
        if len(deps) == 1 and not self.kept:
            lines.append(f"    deps = [{_quote(deps[0])}],")
        elif deps:
            lines.append("    deps = [")
            lines += [f"        {_quote(dep)},{keep[dep]}" for dep in deps]
            lines.append("    ],")
        return "\n".join([*lines, ")\n"])


@dataclasses.dataclass
class BuildFile:
    """A BUILD file.

    Attributes:
      comment: the comment at its head.
      package: its `package` statement.
      targets: its Python targets.
      others: its further statements, as source text.
    """

    comment: str = ""
    package: str = 'package(default_visibility = ["//:__subpackages__"])'
    targets: list[Target] = dataclasses.field(default_factory=list)
    others: list[str] = dataclasses.field(default_factory=list)

    @classmethod
    def parse(cls, text: str) -> "BuildFile":
        """Reads one; its syntax is a part of Python's."""
        comment = re.match(r"(?:#.*\n)*", text).group()
        file = cls(comment.strip())
        for statement in ast.parse(text).body:
            rule = statement.value.func.id
            if rule in ("py_library", "py_binary", "py_test"):
                file.targets.append(_parse_target(text, statement.value))
            elif rule == "package":
                file.package = ast.get_source_segment(text, statement)
            elif rule != "load":
                file.others.append(ast.get_source_segment(text, statement))
        return file

    def __str__(self) -> str:
        rules = sorted({target.rule for target in self.targets})
        names = ", ".join(
            map(_quote, ["@rules_python//python:defs.bzl", *rules])
        )
        parts = [self.comment, f"load({names})", self.package, *self.others]
        parts += sorted(self.targets, key=lambda target: target.name)
        return "\n\n".join(str(part).strip() for part in parts if part) + "\n"


def _quote(text: str) -> str:
    return f'"{text}"'


def _parse_target(text: str, call: ast.Call) -> Target:
    attributes = {keyword.arg: keyword.value for keyword in call.keywords}
    deps = attributes.pop("deps", ast.List([]))
    lines = text.splitlines()
    return Target(
        rule=call.func.id,
        name=attributes.pop("name").value,
        srcs=ast.literal_eval(attributes.pop("srcs")),
        deps=set(ast.literal_eval(deps)),
        kept={x.value for x in deps.elts if KEEP in lines[x.end_lineno - 1]},
        others={
            name: ast.get_source_segment(text, value)
            for name, value in attributes.items()
        },
    )


def read(folder: pathlib.Path) -> BuildFile:
    """The BUILD file of a folder, an empty one where there is none."""
    path = folder / "BUILD"
    return BuildFile.parse(path.read_text()) if path.exists() else BuildFile()


def sources() -> list[pathlib.Path]:
    """Every Python file, below the root."""
    return sorted(
        path.relative_to(ROOT)
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
    )


def target_of(path: pathlib.Path) -> Target:
    """The target that a file should have; `path` is below the root."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    deps = {_label(imported, path) for imported in _imports(tree)}
    rule = "py_library"
    if path.name.endswith("_test.py"):
        rule = "py_test"
        deps.add(_label(pathlib.Path("tests/conftest.py"), path))
    elif any(
        isinstance(statement, ast.If)
        and ast.unparse(statement.test) == "__name__ == '__main__'"
        for statement in tree.body
    ):
        rule = "py_binary"
    return Target(rule, _name(path), [path.name], deps)


def _imports(tree: ast.Module) -> Iterator[pathlib.Path | str]:
    """Yields files of this project, and names of distributions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for module in modules:
            top = module.split(".")[0]
            if top in FOLDERS:
                yield _file(module)
            elif top not in sys.stdlib_module_names:
                yield from DISTRIBUTIONS.get(top, [top])


def _file(module: str) -> pathlib.Path:
    """The file of a module, or of the module that holds this name."""
    path = pathlib.Path(*module.split("."))
    for candidate in (path, path.parent):
        for file in (candidate.with_suffix(".py"), candidate / "__init__.py"):
            if (ROOT / file).exists():
                return file
    raise ValueError(f"there is no module {module}")


def _name(path: pathlib.Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


def _label(imported: pathlib.Path | str, importer: pathlib.Path) -> str:
    if isinstance(imported, str):
        return f"@pypi//{imported}"
    name, folder = _name(imported), imported.parent
    if folder == importer.parent:
        return f":{name}"
    if name == folder.name:
        return f"//{folder.as_posix()}"
    return f"//{folder.as_posix()}:{name}"


def write() -> None:
    """Brings all BUILD files up to date."""
    for folder in sorted({path.parent for path in sources()}):
        file = read(ROOT / folder)
        old = {tuple(target.srcs): target for target in file.targets}
        file.targets = []
        for path in sources():
            if path.parent == folder:
                target = target_of(path)
                if before := old.get((path.name,)):
                    target.others = before.others
                    target.kept = before.kept
                    target.deps |= before.kept
                file.targets.append(target)
        (ROOT / folder / "BUILD").write_text(str(file))


@pytest.mark.parametrize("path", sources(), ids=str)
def test_a_file_has_a_target_that_depends_on_what_it_imports(path):
    found = [x for x in read(ROOT / path.parent).targets if path.name in x.srcs]
    wanted = target_of(path)
    if len(found) == 1:
        wanted.others, wanted.kept = found[0].others, found[0].kept
        wanted.deps |= wanted.kept
    assert found == [wanted], (
        f"{path.parent}/BUILD should have once (or run python "
        f"tests/build_files_test.py --write)\n\n{wanted}"
    )


def test_no_target_without_a_file():
    for build in sorted(ROOT.glob("*/**/BUILD")):
        for target in BuildFile.parse(build.read_text()).targets:
            missing = [
                x for x in target.srcs if not (build.parent / x).exists()
            ]
            assert not missing, f"{build}: {target.name}: no file {missing}"


def test_what_is_imported_is_declared():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = {
        re.match(r"[\w.-]+", requirement).group().replace("-", "_")
        for requirements in (
            project["dependencies"],
            *project["optional-dependencies"].values(),
        )
        for requirement in requirements
    }
    for path in sources():
        for dep in target_of(path).deps:
            name = dep.removeprefix("@pypi//")
            assert name == dep or name in declared, (
                f"{path} imports {name}, which pyproject.toml does not name"
            )


def test_writing_leaves_what_it_does_not_set():
    text = """\
# About this package.

load("@rules_python//python:defs.bzl", "py_library", "py_test")

package(default_visibility = ["//visibility:public"])

exports_files(["a.txt"])

py_library(
    name = "a",
    srcs = ["a.py"],
    data = glob(["*.txt"]),
    deps = ["@pypi//numpy"],
)

py_test(
    name = "b_test",
    srcs = ["b_test.py"],
    size = "small",
    deps = [
        ":a",
        "//mtl_tf:main",  # keep
        "@pypi//pytest",
    ],
)
"""
    assert str(BuildFile.parse(text)) == text


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        raise SystemExit(pytest.main([__file__]))
