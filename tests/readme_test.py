"""The README's commands do what it promises."""

import json
import os
import pathlib
import re
import subprocess

import pytest

from tests.helpers import preloaded_python
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
    commands = block("own tasks: a test runs this", "sh")
    done = shell.run(shell.shortened(commands), folder)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.mark.slow
def test_the_commands_of_the_quick_start(own_tasks, folder):
    assert re.search(r"^answers +accuracy", own_tasks, re.MULTILINE)
    assert re.search(r"^requests +macro_f1", own_tasks, re.MULTILINE)
    run_dir = folder / "runs" / "two_tasks"
    results = json.loads((run_dir / "results.json").read_text())
    assert set(results["tasks"]) == {"answers", "requests"}
    for name in ("report.html", "export/labels.json"):
        assert (run_dir / name).exists(), name
    predicted = json.loads(own_tasks.splitlines()[-1])
    assert predicted["task"] == "requests"
    assert len(predicted["probabilities"]) == 7


def test_the_python_of_the_quick_start(own_tasks, folder):
    del own_tasks
    code = block("python: a test runs this", "python")
    assert len(code.splitlines()) <= 12
    # A process of its own, as a reader would run it.
    done = subprocess.run(
        [preloaded_python.executable(), "-c", code],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    scores, labels = done.stdout.splitlines()
    # The page shows the output; digits depend on the machine.
    shown_scores, shown_labels = re.search(
        r"```\n\n    (\{.+\})\n    (\[.+\])\n", README
    ).groups()
    digits = r"\d\.\d+"
    assert re.sub(digits, "x", scores) == re.sub(digits, "x", shown_scores)
    assert labels == shown_labels


def test_the_readme_is_short():
    assert len(README.splitlines()) <= 150


def test_it_has_both_commands():
    assert "`./run_all.sh` " in README
    assert "`./run_all.sh test` " in README


def test_it_links_both_papers_and_cites_them():
    for text in (
        "https://aclanthology.org/P17-1001/",
        "https://aclanthology.org/N18-1172/",
        "liu-etal-2017-adversarial",
        "augenstein-etal-2018-multi",
    ):
        assert text in README


def test_declaration_that_is_shown_is_the_examples():
    shown = re.search(r"```toml\n(.*?)```", README, re.DOTALL)[1]
    declaration = (ROOT / "examples/two_tasks/tasks.toml").read_text()
    assert shown in declaration


def test_files_that_are_named_are_there():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert link.startswith("https://") or (ROOT / link).exists(), link
    presets = re.findall(r"`(?:configs/)?(\w+\.flags)`", README)
    assert len(presets) >= 2
    for preset in presets:
        assert (ROOT / "configs" / preset).exists(), preset


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
