"""Pages of the documentation with parts that a command writes."""

import pathlib

ROOT = pathlib.Path(__file__).resolve().parent.parent


def between(text: str, start: str, end: str) -> str:
    """Returns the text between two marks of a page."""
    return text.partition(start)[2].partition(end)[0].strip()


def check(page: pathlib.Path, start: str, end: str) -> None:
    """Checks that a page has two marks, in their order.

    Raises:
      ValueError: if not; the message has the page and the marks.
    """
    marks = page.read_text("utf-8").partition(start)[1:]
    if not marks[0] or end not in marks[1]:
        raise ValueError(f"{page} lacks the lines {start} and {end}")


def replace(page: pathlib.Path, start: str, end: str, content: str) -> None:
    """Replaces the text between two marks of a page.

    Raises:
      ValueError: as `check`.
    """
    check(page, start, end)
    before, _, remainder = page.read_text("utf-8").partition(start)
    after = remainder.partition(end)[2]
    page.write_text(f"{before}{start}\n\n{content}\n\n{end}{after}", "utf-8")
