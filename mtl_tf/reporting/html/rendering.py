"""Rendering of pages from Jinja templates."""

import math
from collections.abc import Iterable, Mapping

import jinja2

from mtl_tf.metrics import classification
from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.plots import style
from mtl_tf.runs import descriptions
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import files

# In the head of each page; the command only overwrites files that have it.
GENERATOR = '<meta name="generator" content="mtl_tf">'


def write(template: str, path: str, values: Mapping) -> str:
    """Renders a page and writes it atomically.

    Args:
      template: name of a file in `templates/`.
      path: path of the page. Its folder is created if it does not exist.
      values: variables of the template.

    Returns:
      The path.
    """
    text = make_environment().get_template(template).render(values)
    with files.atomic_write(path) as file:
        file.write(text)
    return path


def make_environment() -> jinja2.Environment:
    """Makes the templates' Jinja environment, which escapes all values."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mtl_tf.reporting.html"),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["chart_colors"] = [
        (inline_svg.css_variable(light), light, dark)
        for light, dark in style.DARK.items()
    ]
    environment.filters |= {
        "counted": names_lib.counted,
        "rate": _rate,
        "multiline": _multiline,
        "percent": _percent,
        "score": _score,
        "difference": _difference,
        "units": _units,
        "meanings": _meanings,
        "p_value": _p_value,
        "duration": descriptions.duration,
        "describe": descriptions.describe,
        "model_name": descriptions.model_name,
    }
    return environment


def _visible(value):
    """Spells out characters that could hide or reorder text of the page."""
    # HTML is output of this environment's own macros.
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return names_lib.visible(value)
    return value


def _multiline(text: str) -> str:
    """Spells out such characters, but keeps lines; to be escaped with `e`."""
    return names_lib.visible(text, keep="\t\n\r")


def _rate(per_second: float) -> str:
    """Formats a rate."""
    return names_lib.rate(per_second, 1)


def _percent(value: float | None) -> str:
    """Formats a share in percent; a dash for None."""
    return "–" if value is None else f"{100 * value:.1f}"


def _score(value: float | None, metric: str) -> str:
    """Formats a score of a metric; a dash for None."""
    return "–" if value is None else classification.METRICS[metric].show(value)


def _difference(difference: float, metric: str) -> str:
    """Formats a difference of two scores with its sign; zero has a plus."""
    return classification.METRICS[metric].show(difference, signed=True)


def _units(metric: str) -> str:
    """Returns the unit of a metric."""
    return classification.units([metric])


def _meanings(names: Iterable[str]) -> list[str]:
    """Defines metrics, except accuracy, which needs no definition."""
    return [
        f"{name}: {classification.METRICS[name].meaning}"
        for name in dict.fromkeys(names)
        if name != "accuracy"
    ]


def _p_value(p: float) -> str:
    """Formats a p-value with 3 digits; a dash for nan."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
