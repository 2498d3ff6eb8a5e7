"""The notebooks in `examples` print what they show."""

import contextlib
import json
import re
import shutil

import pytest

from mtl_tf.data import tasks
from tools import notebooks

_GUIDE = notebooks.ROOT / "docs" / "guides" / "from_python.md"


def _notebook(*cells):
    """Makes a notebook of code cells, and of Markdown that begins with `#`."""
    return {
        "cells": [
            {"cell_type": "markdown", "source": [text]}
            if text.startswith("#")
            else {"cell_type": "code", "source": [text], "outputs": []}
            for text in cells
        ]
    }


def _without_digits(outputs):
    """Returns the texts of outputs; digits depend on the machine."""
    return [
        [
            re.sub(r"\s+", " ", re.sub(r"\d+(\.\d+)?", "x", text))
            for text in map(notebooks.shown, cell)
        ]
        for cell in outputs
    ]


@pytest.mark.slow
@pytest.mark.parametrize("path", notebooks.PATHS, ids=lambda x: x.stem)
def test_stored_outputs_are_those_of_a_run(path, tmp_path):
    notebook = notebooks.read(path)
    stored = notebooks.stored_outputs(notebook)
    actual = notebooks.run(notebook, tmp_path)
    assert sum(map(len, stored)) >= 5
    assert _without_digits(actual) == _without_digits(stored)


def test_a_cell_shows_what_it_prints_and_its_last_expression(tmp_path):
    notebook = _notebook("print('a')\nx = 1", "# text", "x + 1", "None")
    printed, value, nothing = notebooks.run(notebook, tmp_path)
    assert [notebooks.shown(output) for output in printed] == ["a"]
    assert printed[0]["output_type"] == "stream"
    assert value[0]["data"] == {"text/plain": ["2"]}
    assert value[0]["execution_count"] == 2
    assert nothing == []


def test_an_error_of_a_cell_is_raised(tmp_path):
    with pytest.raises(ZeroDivisionError):
        notebooks.run(_notebook("x = 1", "x / 0"), tmp_path)


def test_a_page_has_the_cells_and_their_outputs():
    notebook = _notebook("# See [own](../docs/guides/own_tasks.md)", "1 + 1")
    output = {"data": {"text/plain": ["2\n"]}}
    notebook["cells"][1]["outputs"] = [output]
    assert notebooks.to_markdown(notebook) == (
        "# See [own](own_tasks.md)\n\n```python\n1 + 1\n```\n\n```text\n2\n```"
    )


def test_the_code_of_the_guide(tmp_path):
    code = re.search(
        r"<!-- a test runs this -->\n```python\n(.*?)```",
        _GUIDE.read_text("utf-8"),
        re.DOTALL,
    )[1]
    assert len(code.splitlines()) <= 10
    before, after = code.split("mtl_tf.train(config)\n")
    shutil.copytree(notebooks.DATA, tmp_path / notebooks.DATA.name)
    namespace: dict = {}
    with contextlib.chdir(tmp_path):
        exec(before, namespace)
        corpus = tasks.Corpus.read(namespace["config"].data_dir)
    assert corpus.rows == {"requests": {"train": 91, "dev": 21, "test": 28}}
    # A training run is slow: the notebook has the rest, with its own texts.
    load, predict = after.splitlines()
    source = json.dumps(notebooks.read(notebooks.PATHS[0]))
    assert json.dumps(load)[1:-1] in source
    assert 'model.predict("requests", [' in predict
    assert r"model.predict(\"requests\", texts)" in source


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
