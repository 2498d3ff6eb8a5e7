import os
import pathlib
import tomllib

import jinja2
import pytest

from mtl_tf.reporting.html import page
from mtl_tf.reporting.html import published
from mtl_tf.reporting.html import rendering
from mtl_tf.reporting.html import texts
from tests.helpers import run_artifacts


def render(text, **values):
    return rendering.make_environment().from_string(text).render(values)


def test_values_are_escaped():
    script = run_artifacts.SCRIPT
    escaped = "&lt;script&gt;alert(1)&lt;/script&gt;"
    assert render("{{ x }}", x=script) == escaped
    assert render('<a title="{{ x }}">', x='" b="') == (
        '<a title="&#34; b=&#34;">'
    )


def test_values_cannot_reorder_or_hide_text():
    value = "a\u202e<b>\n\u200b"
    assert render("{{ x }}", x=value) == r"a\u202e&lt;b&gt;\n\u200b"
    assert render("{{ x|join(',') }}", x=["\u202e"]) == r"\u202e"
    # Texts keep their line breaks.
    assert (
        render("{{ x|multiline|e }}", x=value) == "a\\u202e&lt;b&gt;\n\\u200b"
    )
    assert render("{{ 1 }} {{ x }}", x=None) == "1 None"


def test_texts_are_isolated_from_their_surroundings():
    macros = rendering.make_environment().get_template("macros.html").module
    example = page.ShownExample(None, texts.Text("שלום\u202e", "one\ntwo"))
    shown = str(macros.text(example))
    assert "<bdi>שלום\\u202e</bdi>" in shown
    assert "<bdi>one\ntwo</bdi>" in shown


def test_no_template_disables_escaping():
    folder = os.path.join(os.path.dirname(rendering.__file__), "templates")
    names = sorted(os.listdir(folder))
    assert {"base.html", "macros.html", "run.html"} <= set(names)
    for name in names:
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            text = "".join(file.read().split())
        for unsafe in ("|safe", "autoescape", "Markup"):
            assert unsafe not in text, name


def test_an_installed_package_has_its_data_files():
    root = pathlib.Path(__file__).resolve().parents[4]
    project = tomllib.loads((root / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"][
        "mtl_tf.reporting.html"
    ]
    folder = pathlib.Path(rendering.__file__).parent
    packed = {path for pattern in patterns for path in folder.glob(pattern)}
    assert packed == {
        *(folder / "templates").iterdir(),
        folder / published._SCORES_FILE,
    }


def test_a_missing_variable_is_an_error():
    with pytest.raises(jinja2.UndefinedError, match="'x' is undefined"):
        render("{{ x }}")


def test_a_page_is_written_atomically(tmp_path, monkeypatch):
    path = tmp_path / "folder" / "page.html"
    template = "{{ x }}{{ 1 / y }}"
    environment = rendering.make_environment()
    environment.loader = jinja2.DictLoader({"page.html": template})
    monkeypatch.setattr(rendering, "make_environment", lambda: environment)
    values = {"x": "ä", "y": 1}
    assert rendering.write("page.html", str(path), values) == str(path)
    assert path.read_text(encoding="utf-8") == "ä1.0"
    with pytest.raises(ZeroDivisionError):
        rendering.write("page.html", str(path), {"x": "new", "y": 0})
    # A lone surrogate cannot be encoded.
    surrogate = jinja2.utils.markupsafe.Markup("\ud800")
    with pytest.raises(UnicodeEncodeError):
        rendering.write("page.html", str(path), {"x": surrogate, "y": 1})
    assert path.read_text(encoding="utf-8") == "ä1.0"


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0004, "&lt; 0.001"),
        (0.001, "0.001"),
        (0.25, "0.250"),
        (1, "1.000"),
        (float("nan"), "–"),
    ],
)
def test_p_values(p, text):
    assert render("{{ p|p_value }}", p=p) == text


@pytest.mark.parametrize(
    ("value", "percent", "difference"),
    [
        (0.1234, "12.3", "+12.3"),
        (-0.05, None, "−5.0"),
        (0.0, "0.0", "+0.0"),
        (-0.0001, None, "+0.0"),
        (None, "–", None),
    ],
)
def test_percent_and_differences(value, percent, difference):
    if difference is not None:
        actual = render("{{ x|difference('accuracy') }}", x=value)
        assert actual == difference
    if percent is not None:
        assert render("{{ x|percent }}", x=value) == percent
        assert render("{{ x|score('accuracy') }}", x=value) == percent


def test_errors_are_not_in_percent():
    assert render("{{ x|score('macro_mae') }}", x=0.71234) == "0.712"
    assert render("{{ x|score('macro_mae') }}", x=None) == "–"
    assert render("{{ x|difference('macro_mae') }}", x=-0.02) == "−0.020"
    assert render("{{ 'macro_f1'|units }}") == "in percent"
    assert render("{{ 'macro_mae'|units }}") != "in percent"


def test_each_metric_is_defined_once():
    names = ["accuracy", "macro_f1", "macro_mae", "macro_f1"]
    actual = render(
        "{% for x in names|meanings %}{{ x }}\n{% endfor %}", names=names
    )
    first, second = actual.splitlines()
    assert first.startswith("macro_f1: mean F1")
    assert second.endswith("lower is better")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
