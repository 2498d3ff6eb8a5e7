"""Generates the tables of the documentation that are made from the code.

    python -m tools.docs

Each lies between a line `<!-- NAME: generated -->` and a line
`<!-- end of NAME -->`.
"""

import dataclasses
import inspect
import pathlib
import re
import typing

from absl import flags

from mtl_tf.cli import flag_settings
from mtl_tf.config import base
from mtl_tf.config import command as command_lib
from mtl_tf.config import config as config_lib
from mtl_tf.data import samplers
from mtl_tf.utils import flagfiles
from tools import notebooks
from tools import packages

ROOT = pathlib.Path(__file__).resolve().parent.parent
PRESETS = sorted((ROOT / "configs").glob("*.flags"))
# Training rows of the corpus `vader`, as `--inspect` prints them.
VADER_ROWS = {"amazon": 2591, "movies": 7051, "nyt": 3628, "tweets": 2940}
EXPONENTS = (0.0, 0.5, 1.0)


def presets() -> dict[str, dict]:
    """Returns the flags that each preset sets, with those it includes."""
    flags_by_preset = {}
    for path in PRESETS:
        values = flags.FlagValues()
        flag_settings.define_flags(values)
        values(["mtl_tf", *flagfiles.expand([f"--flagfile={path}"], values)])
        flags_by_preset[path.stem] = {
            name: values[name].value for name in values if values[name].present
        }
    return flags_by_preset


def flag_table(kind: type[base.Settings]) -> str:
    """Formats the flags of `Command` or `Config`, a table for each section."""
    types = typing.get_type_hints(kind)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    by_preset = presets()
    lines = []
    head = [
        "",
        "| flag | default | values | what it does | presets |",
        "|---|---|---|---|---|",
    ]
    for line in _source(kind).splitlines():
        part = re.fullmatch(r"    # (.+)\.", line)
        setting = re.match(r"    (\w+): .*base\.setting\(", line)
        if part:
            lines += ["", f"## {part[1]}", *head]
        elif setting:
            lines = lines or head.copy()
            name = setting[1]
            row = _cells(kind, fields[name], types[name], by_preset)
            row = [cell.replace("|", r"\|") for cell in row]
            lines.append(f"| {' | '.join(row)} |")
    return "\n".join(lines).strip()


def _source(kind):
    """Returns the source of a class of settings after that of its bases."""
    classes = [x for x in reversed(kind.mro()) if issubclass(x, base.Settings)]
    return "\n".join(map(inspect.getsource, classes[1:]))


def _cells(kind, field, type_, by_preset):
    symbol = field.metadata["symbol"]
    name = f"`--{field.name}`" + (f" ({symbol})" if symbol else "")
    text = field.metadata["help"]
    if field.metadata["changeable"]:
        text += " May change when a run goes on."
    return [
        name,
        _shown(field.default),
        allowed_values(kind, field, type_),
        text,
        preset_values(field.name, by_preset),
    ]


def _shown(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"`{value}`" if value not in ("", ()) else ""


def allowed_values(
    kind: type[base.Settings], field: dataclasses.Field, type_: type
) -> str:
    """Describes the values that a flag allows."""
    if field.metadata["choices"]:
        return ", ".join(f"`{x}`" for x in field.metadata["choices"] if x)
    if type_ in (int, float):
        number = "whole number" if type_ is int else "number"
        if not _is_refused(kind, field.name, type_(-1)):
            return number
        if _is_refused(kind, field.name, type_(0)):
            return f"{number} above 0"
        if _is_refused(kind, field.name, type_(1)):
            return {
                int: "0, or a whole number above 1",
                float: "share, from 0 to below 1",
            }[type_]
        return f"{number}, 0 or more"
    return {bool: "on, off", str: "text", tuple[str, ...]: "list, by commas"}[
        type_
    ]


def _is_refused(kind, name, value):
    """Checks whether a value is refused by itself."""
    try:
        kind(**{name: value})
    except ValueError as error:
        return str(error).startswith(f"{name}={value}: ")
    return False


def preset_values(name: str, by_preset: dict[str, dict]) -> str:
    """Formats the values that presets give a flag."""
    by_value = {}
    for preset, values in by_preset.items():
        if name in values:
            by_value.setdefault(_shown(values[name]), []).append(preset)
    largest = max(by_value.values(), key=len, default=[])
    texts = [
        f"{value}: {', '.join(names)}"
        for value, names in by_value.items()
        if names != largest
    ]
    if largest:
        others = len(by_preset) - sum(map(len, by_value.values()))
        who = ", ".join(largest)
        if not others and len(largest) > 2:
            who = "all others" if texts else "all"
        texts.append(f"{_shown(by_preset[largest[0]][name])}: {who}")
    return "; ".join(texts)


def sampling_table() -> str:
    """Counts how often `vader_asp_mtl.flags` draws each task in an epoch."""
    preset = presets()["vader_asp_mtl"]
    names = {field.name for field in dataclasses.fields(config_lib.Config)}
    config = config_lib.Config(
        **{name: preset[name] for name in names & preset.keys()}
    )
    rows = list(VADER_ROWS.values())
    steps = -(-sum(rows) // (len(rows) * config.batch_size))
    lines = [
        "| task | train rows | "
        + " | ".join(f"`{x:g}`: batches, passes" for x in EXPONENTS)
        + " |",
        "|---|---:|" + "---:|" * len(EXPONENTS),
    ]
    drawn = []
    for exponent in EXPONENTS:
        sampler = samplers.TaskSampler.create(
            rows, exponent, len(rows), config.seed
        )
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


# Subjects of the packages, lowest first.
SUBJECTS = {
    "utils": "files, messages, devices, processes",
    "metrics": "scores, calibration, significance; NumPy and SciPy alone",
    "layers": "Keras layers",
    "config": "settings and their checks; no TensorFlow",
    "data": "tasks, tokenizer, vocabulary, records, batches",
    "models": "the functional models of both papers",
    "evaluation": "predictions, scores, probes",
    "runs": "what a run leaves on disk",
    "reporting": "plots, TensorBoard, HTML report",
    "serving": "prediction, SavedModel, model card",
    "training": "losses, optimizers, training step, training loop",
    "studies": "many runs with one table and one page",
    "cli": "one function for each mode of the command",
    "main": "`python -m mtl_tf.main`",
    "data_prep": "from raw files to a corpus",
}


def package_drawing() -> str:
    """Draws the packages and their imports, and lists both."""
    imports = packages.imports_by_package()
    lines = ["```mermaid", "graph TD"]
    for package, names in packages.direct(imports).items():
        if package in SUBJECTS:
            lines += [f"  {package} --> {name}" for name in sorted(names)]
    lines += ["```", "", "| package | subject | imports |", "|---|---|---|"]
    for package, subject in SUBJECTS.items():
        names = ", ".join(x for x in SUBJECTS if x in imports[package])
        folder = {"data_prep": package, "main": "mtl_tf/main.py"}.get(
            package, f"mtl_tf/{package}"
        )
        lines.append(f"| `{folder}` | {subject} | {names or 'none'} |")
    return "\n".join(lines)


# The page of each table, and the function that makes it.
GENERATED = {
    "command flags": (
        "flags.md",
        lambda: flag_table(command_lib.Command),
    ),
    "config flags": (
        "flags.md",
        lambda: flag_table(config_lib.Config),
    ),
    "groups of an epoch": ("faq.md", sampling_table),
    "packages": ("design/packages.md", package_drawing),
    "from_dataframes.ipynb": (
        "guides/from_dataframes.md",
        lambda: notebooks.to_markdown(
            notebooks.read(ROOT / "examples" / "from_dataframes.ipynb")
        ),
    ),
}


def renew(name: str, text: str) -> str:
    """Replaces a generated table in the text of a page."""
    start, end = f"<!-- {name}: generated -->", f"<!-- end of {name} -->"
    before, remainder = text.split(start)
    _, after = remainder.split(end)
    return f"{before}{start}\n\n{GENERATED[name][1]()}\n\n{end}{after}"


def write() -> None:
    """Writes all tables."""
    for name, (page, _) in GENERATED.items():
        path = ROOT / "docs" / page
        path.write_text(renew(name, path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write()
