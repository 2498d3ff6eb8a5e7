"""Pages of the documentation with parts that a command writes."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def between(text: str, start: str, end: str) -> str:
    """Returns the text between two marks of a page."""
    return text.partition(start)[2].partition(end)[0].strip()


def replace(page: pathlib.Path, start: str, end: str, content: str) -> None:
    """Replaces the text between two marks of a page."""
    before, _, remainder = page.read_text("utf-8").partition(start)
    after = remainder.partition(end)[2]
    page.write_text(f"{before}{start}\n\n{content}\n\n{end}{after}", "utf-8")
