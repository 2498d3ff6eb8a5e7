"""Finds the packages of the project and what they import."""

import ast
import pathlib
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = sorted(
    path.relative_to(ROOT)
    for folder in ("mtl_tf", "data_prep")
    for path in (ROOT / folder).rglob("*.py")
)


def package_of(path: pathlib.Path) -> str:
    """Returns the package of a file: a folder of `mtl_tf`, or `data_prep`.

    The modules directly in `mtl_tf` are packages of their own name.
    """
    if path.parts[0] != "mtl_tf":
        return path.parts[0]
    return path.parts[1].removesuffix(".py")


def imported(path: pathlib.Path) -> Iterator[str]:
    """Yields the full names of what a file imports."""
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def imports_by_package() -> dict[str, set[str]]:
    """Returns the packages of `mtl_tf` that each package imports."""
    imports: dict[str, set[str]] = {}
    for path in SOURCES:
        package = package_of(path)
        names = imports.setdefault(package, set())
        for name in imported(path):
            top, *others = name.split(".")
            if top == "mtl_tf" and others[0] != package:
                names.add(others[0])
    return imports


def direct(imports: dict[str, set[str]]) -> dict[str, set[str]]:
    """Leaves out imports that another import already implies."""

    def reachable(package):
        below = set(imports.get(package, ()))
        return below.union(*map(reachable, below))

    return {
        package: {
            name
            for name in names
            if not any(name in reachable(other) for other in names - {name})
        }
        for package, names in imports.items()
    }
