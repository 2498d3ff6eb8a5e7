"""The README's commands do what it says."""

import json
import os
import pathlib
import re
import subprocess
import sys

import pytest

from tests.helpers import shell

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(mark, language):
    """The block of code behind a comment, which no reader of the page sees."""
    section = README.split(f"<!-- {mark} -->")[1]
    return re.search(rf"```{language}\n(.*?)```", section, re.DOTALL)[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("readme")


@pytest.fixture(scope="module")
def own_tasks(folder):
    """What the commands print, from files to answers of the export."""
    done = shell.run(block("own tasks: a test runs this", "sh"), folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def test_own_tasks_from_files_to_a_served_prediction(own_tasks, folder):
    assert re.search(r"^answers +accuracy", own_tasks, re.MULTILINE)
    assert re.search(r"^requests +macro_f1", own_tasks, re.MULTILINE)
    run_dir = folder / "runs" / "two_tasks"
    results = json.loads((run_dir / "results.json").read_text())
    assert set(results["tasks"]) == {"answers", "requests"}
    assert (run_dir / "report.html").exists()
    predicted, of_requests, of_answers = own_tasks.splitlines()[-3:]
    predicted = json.loads(predicted)
    assert predicted["task"] == "requests"
    assert len(predicted["probabilities"]) == 7
    # The export says of the same text what the run directory did.
    assert of_requests.startswith(f"{predicted['predicted']} (billing ")
    assert re.fullmatch(r"(no|yes) \(no \d\.\d{3}, yes \d\.\d{3}\)", of_answers)


def test_from_python(own_tasks, folder):
    # In processes of their own, as a reader would have it.
    for mark in ("python: a test runs this", "layer: a test runs this"):
        done = subprocess.run(
            [sys.executable, "-c", block(mark, "python")],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        lines = done.stdout.splitlines()
        if mark.startswith("python"):
            assert "accuracy" in lines[0]
            assert lines[1] == "['answers', 'requests']"
            assert "'n': 1" in lines[3]
        else:
            losses = json.loads(lines[-1])
            assert losses[-1] < losses[0]


def test_declaration_that_is_shown_is_the_examples():
    shown = re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1]
    there = (ROOT / "examples/two_tasks/tasks.toml").read_text()
    assert shown in there


def test_files_that_are_named_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link
    presets = re.findall(r"`(?:configs/)?(\w+\.flags)`", README)
    assert len(presets) >= 5
    for preset in presets:
        assert (ROOT / "configs" / preset).exists(), preset


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
