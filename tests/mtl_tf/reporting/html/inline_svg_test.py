import re
import xml.etree.ElementTree as ElementTree

import pytest
from matplotlib import figure

from mtl_tf.reporting.html import inline_svg
from mtl_tf.reporting.html import rendering
from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import style

SVG = "{http://www.w3.org/2000/svg}"


def embed(name="x", title="<b>", width=5):
    picture = figure.Figure(figsize=(width, 3))
    curves = lines.make_curves({title: {1: 0.0, 2: 1.0}, "b": {1: 1.0}})
    lines.draw(picture.subplots(), "accuracy", curves)
    return inline_svg.embed(picture, name, 'a "chart"')


def test_figures_are_reproducible():
    assert embed() == embed()


def test_colors_are_variables_that_the_page_sets_for_both_modes():
    chart = embed()
    blue = f"var({inline_svg.css_variable(style.BLUE)})"
    assert chart.count(f"stroke: {blue}") >= 2
    # A color without a variable could be invisible in dark mode.
    assert not re.search("#[0-9a-f]{6}", chart)
    template = rendering.make_environment().get_template("base.html")
    light, dark = template.render().split("prefers-color-scheme: dark")
    for color in style.DARK:
        variable = inline_svg.css_variable(color)
        assert f"{variable}: {color};" in light
        assert f"{variable}: {style.DARK[color]};" in dark


def test_charts_have_no_background():
    for element in ElementTree.fromstring(embed()).iter():
        assert "#ffffff" not in element.get("style", "")


def test_ids_of_two_charts_differ():
    ids = [re.findall('id="([^"]*)"', embed(name)) for name in ("x", "y")]
    assert ids[0]
    assert not set(ids[0]) & set(ids[1])


def test_references_have_targets():
    chart = embed()
    references = re.findall(r"url\(#([^)]*)\)|href=\"#([^\"]*)\"", chart)
    ids = re.findall('id="([^"]*)"', chart)
    assert {x or y for x, y in references} <= set(ids)


def test_curves_have_their_names_as_titles():
    titles = [
        group.find(f"{SVG}title").text
        for group in ElementTree.fromstring(embed()).iter(f"{SVG}g")
        if group.get("class") == "curve"
    ]
    assert titles == ["<b>", "b"]
    assert "<b>" not in embed()


def test_a_chart_fills_its_column_and_has_a_description():
    root = ElementTree.fromstring(embed())
    assert root.attrib == {
        "class": "chart",
        "viewBox": "0 0 360 216",
        "role": "img",
        "aria-label": 'a "chart"',
    }
    broad = ElementTree.fromstring(embed(width=7))
    assert broad.get("class") == "chart broad"


def test_no_style_applies_to_the_page():
    chart = embed()
    assert "<style" not in chart
    assert "<metadata" not in chart
    assert not chart.startswith("<?xml")


if __name__ == "__main__":
    raise SystemExit(pytest.main([__file__]))
