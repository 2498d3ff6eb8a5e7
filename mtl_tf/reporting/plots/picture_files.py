"""Files of pictures."""

import os
import warnings

import matplotlib
from matplotlib import figure

from mtl_tf.utils import files

# The entry of the metadata that has the date, by format.
_DATES = {"svg": "Date", "pdf": "CreationDate"}


def write(picture: figure.Figure, path: str) -> None:
    """Writes a picture reproducibly, and atomically.

    Args:
      picture: the picture.
      path: the file: .svg, .png or .pdf.
    """
    kind = os.path.splitext(path)[1][1:]
    metadata = {_DATES[kind]: None} if kind in _DATES else None
    with (
        # Text is smaller than outlines, and browsers have fonts of all scripts.
        matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "run"}),
        warnings.catch_warnings(),
        files.atomic_write(path, binary=True) as file,
    ):
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        picture.savefig(file, format=kind, dpi=140, metadata=metadata)
