import json
import os

import numpy as np
import pytest

from mtl_tf.reporting.html import artifacts
from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.html import page
from mtl_tf.runs import affinity_file
from mtl_tf.runs import results as results_lib
from tests.helpers import page_reader
from tests.helpers import run_artifacts


def test_page_shows_affinity_or_lists_the_missing_file(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        inline_svg, "embed", lambda x, *_: drawn.append(x) or "chart"
    )
    corpus = run_artifacts.write_corpus(str(tmp_path / "corpus"))
    run_dir = str(tmp_path / "run")
    run_artifacts.write_run(run_dir, corpus, affinity_every=5)
    assert "affinity.json" in artifacts.read(run_dir).missing()
    without = page_reader.ParsedPage(page.write(run_dir))
    assert "Task affinity" not in without.headings
    matrix = np.array([[0.5, 0.0125], [-0.02, 1]])
    affinity_file.write(run_dir, run_artifacts.TASKS, matrix)
    path = os.path.join(run_dir, "results.json")
    with open(path, encoding="utf-8") as file:
        results_lib.write(run_dir, json.load(file))
    drawn.clear()
    parsed = page_reader.ParsedPage(page.write(run_dir))
    assert "Task affinity" in parsed.headings
    assert "measured every 5 steps" in " ".join(parsed.text.split())
    texts = [
        text.get_text()
        for picture in drawn
        for axis in picture.axes[:1]
        for text in axis.texts
        if axis.get_xlabel() == "auxiliary task (update)"
    ]
    # In percent, row by row.
    assert texts == ["50", "1.2", "-2", "1e+02"]


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
