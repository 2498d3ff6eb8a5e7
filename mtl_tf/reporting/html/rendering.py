"""From templates and values to the file of a page."""

import math
from collections.abc import Iterable, Mapping

import jinja2

from mtl_tf.metrics import classification
from mtl_tf.runs import descriptions
from mtl_tf.utils import display_names as names_lib
from mtl_tf.utils import files

# In the head of each page.
GENERATOR = '<meta name="generator" content="mtl_tf">'


def write(template: str, path: str, values: Mapping) -> str:
    """Writes a page as a whole, or not at all; returns its path.

    Args:
      template: name of a file in `templates/`.
      path: where to; its folder is made if need be.
      values: what the template needs, by name.
    """
    text = make_environment().get_template(template).render(values)
    with files.atomic_write(path) as file:
        file.write(text)
    return path


def make_environment() -> jinja2.Environment:
    """Makes the templates' environment, which escapes what is put into them."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mtl_tf.reporting.html"),
        autoescape=True,
        finalize=_visible,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "counted": names_lib.counted,
        "rate": _rate,
        "lines": _lines,
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
    """Returns a value in which nothing can hide or reorder the page."""
    # What is HTML already was made by this environment.
    if isinstance(value, str) and not hasattr(value, "__html__"):
        return names_lib.visible(value)
    return value


def _lines(text: str) -> str:
    """Returns a text that keeps its lines; it has to be escaped (`e`) then."""
    return names_lib.visible(text, keep="\t\n\r")


def _rate(a_second: float) -> str:
    """Returns a rate, small ones with their digits."""
    return names_lib.rate(a_second, 1)


def _percent(value: float | None) -> str:
    """A share in percent, a dash where there is none."""
    return "–" if value is None else f"{100 * value:.1f}"


def _score(value: float | None, metric: str) -> str:
    """A score of a metric, a dash where there is none."""
    return "–" if value is None else classification.METRICS[metric].show(value)


def _difference(difference: float, metric: str) -> str:
    """A difference of two scores, with its sign; no minus zero."""
    shown = classification.METRICS[metric].show(difference, signed=True)
    return shown.replace("-", "−")


def _units(metric: str) -> str:
    """What scores of a metric are in."""
    return classification.units([metric])


def _meanings(names: Iterable[str]) -> list[str]:
    """What metrics are, but for accuracy, which all know."""
    return [
        f"{name}: {classification.METRICS[name].meaning}"
        for name in dict.fromkeys(names)
        if name != "accuracy"
    ]


def _p_value(p: float) -> str:
    """A p-value to 3 places; a dash where there is no test."""
    if math.isnan(p):
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
