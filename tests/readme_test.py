"""The README's commands do what it says."""

import json
import pathlib
import re

import pytest

from tests import shell

ROOT = pathlib.Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_own_tasks_from_files_to_scores(tmp_path):
    section = README.split("<!-- own tasks: a test runs these commands -->")[1]
    commands = re.search(r"```sh\n(.*?)```", section, re.DOTALL)[1]
    done = shell.run(commands, tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    assert re.search(r"^answers +accuracy", done.stdout, re.MULTILINE)
    assert re.search(r"^requests +macro_f1", done.stdout, re.MULTILINE)
    results = json.loads((tmp_path / "runs/two_tasks/results.json").read_text())
    assert set(results["tasks"]) == {"answers", "requests"}


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
