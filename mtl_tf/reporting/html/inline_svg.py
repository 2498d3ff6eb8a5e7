"""Figures as SVG elements of a page, whose colors follow its dark mode."""

import io
import re
import warnings
import xml.etree.ElementTree as ElementTree

import matplotlib
from matplotlib import figure

from mtl_tf.reporting.plots import lines
from mtl_tf.reporting.plots import style

_SVG = "http://www.w3.org/2000/svg"
# Points; a wider chart spans all columns of the page.
_COLUMN_WIDTH = 450
_COLOR = re.compile("#[0-9a-f]{6}")


class SvgElement(str):
    """SVG that templates insert as it is; they escape all other values."""

    def __html__(self) -> str:
        """Returns the SVG, as Jinja asks for."""
        return str(self)


def embed(picture: figure.Figure, name: str, description: str) -> SvgElement:
    """Converts a figure to an SVG element.

    Colors become CSS variables, which the page sets for light and dark mode.
    Text stays text, so that readers can search it, and browsers have fonts of
    all scripts. A curve shows its name under the mouse.

    Args:
      picture: the figure, with colors of `style` only.
      name: name of the figure, unique on the page, which makes its ids unique.
      description: description for readers who do not see the figure.

    Returns:
      An element that templates do not escape.
    """
    file = io.BytesIO()
    with (
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture.savefig(
            file,
            format="svg",
            dpi=140,
            transparent=True,
            # Without the date, the page of a run is reproducible.
            metadata={"Date": None},
        )
    root = ElementTree.fromstring(file.getvalue())
    _remove_metadata(root)
    for element in root.iter():
        _convert(element)
    _, _, width, height = root.attrib["viewBox"].split()
    root.attrib = {
        "class": "chart broad" if float(width) > _COLUMN_WIDTH else "chart",
        "viewBox": f"0 0 {width} {height}",
        "role": "img",
        "aria-label": description,
    }
    ElementTree.register_namespace("", _SVG)
    ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")
    return SvgElement(ElementTree.tostring(root, encoding="unicode"))


def css_variable(color: str) -> str:
    """Returns the name of the CSS variable of a color of `style`."""
    return f"--chart-{color[1:]}"


def _remove_metadata(root):
    """Removes metadata, and styles that would apply to the whole page."""
    root.remove(root.find(f"{{{_SVG}}}metadata"))
    for parent in list(root.iter(f"{{{_SVG}}}defs")):
        for child in parent.findall(f"{{{_SVG}}}style"):
            parent.remove(child)


def _convert(element):
    """Replaces the colors of an element, and the id of a group."""
    if "style" in element.attrib:
        element.set("style", _COLOR.sub(_variable, element.get("style")))
    # Only ids of definitions are needed.
    if element.tag == f"{{{_SVG}}}g":
        name = element.attrib.pop("id", "")
        if name.startswith(lines.ID_PREFIX):
            element.set("class", "curve")
            title = ElementTree.Element(f"{{{_SVG}}}title")
            title.text = name.removeprefix(lines.ID_PREFIX)
            element.insert(0, title)


def _variable(match):
    """Replaces a color of `style` by its variable; white stays white."""
    color = match.group()
    return f"var({css_variable(color)})" if color in style.DARK else color
