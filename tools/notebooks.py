"""Runs the notebooks in `examples` and formats them as pages.

    python -m tools.notebooks     runs them, and stores their outputs

A cell is Python alone: no magics, no rich output. So a run needs no kernel, and
the notebooks no libraries but those of the project.
"""

import ast
import contextlib
import io
import json
import pathlib
import shutil
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
PATHS = sorted((ROOT / "examples").glob("*.ipynb"))
# What the notebooks read.
DATA = ROOT / "examples" / "two_tasks"
# Of links to pages, which are next to the notebook's own page.
_GUIDES = "](../docs/guides/"


def read(path: pathlib.Path) -> dict:
    """Reads a notebook."""
    return json.loads(path.read_text("utf-8"))


def run(notebook: dict, folder: pathlib.Path) -> list[list[dict]]:
    """Runs the code cells of a notebook.

    Args:
      notebook: the notebook; it is not changed.
      folder: the folder to run in; the data are copied to it.

    Returns:
      The outputs of each code cell, in the format of notebooks.
    """
    shutil.copytree(DATA, folder / DATA.name)
    namespace: dict = {}
    with contextlib.chdir(folder):
        return [
            _run_cell("".join(cell["source"]), namespace, count)
            for count, cell in enumerate(_code_cells(notebook), start=1)
        ]


def _run_cell(source, namespace, count) -> list[dict]:
    """Runs a cell; returns what it prints, and its last expression."""
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    value = None
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(compile(tree, f"<cell {count}>", "exec"), namespace)
        if last:
            expression = ast.Expression(last.value)
            value = eval(
                compile(expression, f"<cell {count}>", "eval"), namespace
            )
    outputs = []
    if printed.getvalue():
        outputs.append(
            {
                "name": "stdout",
                "output_type": "stream",
                "text": printed.getvalue().splitlines(keepends=True),
            }
        )
    if value is not None:
        outputs.append(
            {
                "data": {"text/plain": repr(value).splitlines(keepends=True)},
                "execution_count": count,
                "metadata": {},
                "output_type": "execute_result",
            }
        )
    return outputs


def _code_cells(notebook) -> list[dict]:
    return [x for x in notebook["cells"] if x["cell_type"] == "code"]


def stored_outputs(notebook: dict) -> list[list[dict]]:
    """Returns the stored outputs of each code cell."""
    return [cell["outputs"] for cell in _code_cells(notebook)]


def shown(output: dict) -> str:
    """Returns the text of an output."""
    lines = output.get("text") or output["data"]["text/plain"]
    return "".join(lines).rstrip("\n")


def to_markdown(notebook: dict) -> str:
    """Formats a notebook as Markdown, with its stored outputs."""
    parts = []
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            parts.append(source.replace(_GUIDES, "]("))
            continue
        parts.append(f"```python\n{source}\n```")
        parts += [
            f"```text\n{shown(output)}\n```" for output in cell["outputs"]
        ]
    return "\n\n".join(parts)


def write() -> None:
    """Runs all notebooks, and stores their outputs."""
    for path in PATHS:
        notebook = read(path)
        with tempfile.TemporaryDirectory() as folder:
            outputs = run(notebook, pathlib.Path(folder))
        for count, (cell, cell_outputs) in enumerate(
            zip(_code_cells(notebook), outputs, strict=True), start=1
        ):
            cell["outputs"] = cell_outputs
            cell["execution_count"] = count
        text = json.dumps(notebook, indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", "utf-8")


if __name__ == "__main__":
    write()
