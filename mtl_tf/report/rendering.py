"""From templates and values to the file of a page."""

import math
import os
from collections.abc import Mapping

import jinja2

from mtl_tf.report import wording


def write(template: str, path: str, values: Mapping) -> str:
    """Writes a page as a whole, or not at all; returns its path.

    Args:
      template: name of a file in `templates/`.
      path: where to; its folder is made if need be.
      values: what the template needs, by name.
    """
    text = make_environment().get_template(template).render(values)
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path + ".part", "w", encoding="utf-8") as file:
        file.write(text)
    os.replace(path + ".part", path)
    return path


def make_environment() -> jinja2.Environment:
    """The templates, which escape all that is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mtl_tf.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "percent": _percent,
        "points": _points,
        "p_value": _p_value,
        "duration": wording.duration,
        "describe": wording.describe,
        "model_name": wording.model_name,
    }
    return environment


def _percent(value: float | None) -> str:
    """A share in percent, a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"


def _points(difference: float | None) -> str:
    """A difference in percentage points, with its sign; no minus zero."""
    if difference is None:
        return "–"
    return f"{100 * difference:+z.1f}".replace("-", "−")


def _p_value(p: float) -> str:
    """A p-value to 3 places; a dash where there is no test."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
