"""The packages of the project, and which may import which."""

import pathlib

import pytest

import mtl_tf
from tools import packages

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What each package may import of the project, lowest first.
ALLOWED = {
    "utils": (),
    "metrics": (),
    "layers": (),
    "config": ("utils",),
    "data": ("config", "metrics", "utils"),
    "models": ("config", "data", "layers"),
    "evaluation": ("config", "data", "metrics", "models"),
    "runs": ("config", "data", "evaluation", "metrics", "utils"),
    "reporting": ("config", "data", "evaluation", "metrics", "runs", "utils"),
    "serving": (
        *("config", "data", "evaluation", "layers", "metrics", "models"),
        *("runs", "utils"),
    ),
    "training": (
        *("config", "data", "evaluation", "layers", "metrics", "models"),
        *("reporting", "runs", "utils"),
    ),
    "studies": (
        *("config", "data", "evaluation", "layers", "metrics", "models"),
        *("reporting", "runs", "training", "utils"),
    ),
    "cli": (
        *("config", "data", "evaluation", "layers", "metrics", "models"),
        *("reporting", "runs", "serving", "studies", "training", "utils"),
    ),
    # It imports the public names when they are first used.
    "__init__": (),
    "main": ("cli", "config", "utils"),
    "data_prep": ("data", "utils"),
}


def test_only_main_is_directly_in_the_package():
    modules = {path.name for path in (ROOT / "mtl_tf").glob("*.py")}
    assert modules == {"__init__.py", "main.py"}


@pytest.mark.parametrize("path", packages.SOURCES, ids=str)
def test_a_package_imports_only_what_it_may(path):
    package = packages.package_of(path)
    for name in packages.imported(path):
        top, *rest = name.split(".")
        if top == "data_prep":
            assert package == "data_prep", f"{path} imports {name}"
        elif top == "mtl_tf":
            assert rest[0] in (package, *ALLOWED[package]), (
                f"{path} imports {name}; {package} may import "
                f"{', '.join(ALLOWED[package]) or 'nothing of the project'}"
            )


def test_only_prepare_is_a_public_name_of_data_prep():
    others = {
        name: module
        for name, module in mtl_tf._PUBLIC.items()
        if not module.startswith("mtl_tf.")
    }
    # By name, on first use: no module of mtl_tf imports data_prep.
    assert others == {"prepare": "data_prep.from_python"}


def test_the_table_has_no_cycle():
    order = [x for x in ALLOWED if x not in ("__init__", "main", "data_prep")]
    for index, package in enumerate(order):
        later = set(order[index:]) & set(ALLOWED[package])
        assert not later, f"{package} imports {later}"


def test_no_cycle_between_files():
    modules = {
        ".".join(path.with_suffix("").parts): path for path in packages.SOURCES
    }
    graph = {
        module: {name for name in packages.imported(path) if name in modules}
        for module, path in modules.items()
    }
    done, path = set(), []

    def visit(module):
        assert module not in path, " -> ".join([*path, module])
        if module in done:
            return
        path.append(module)
        for name in sorted(graph[module]):
            visit(name)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        visit(module)


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
