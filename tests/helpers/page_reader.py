"""A parser of HTML pages for tests."""

import html.parser


class ParsedPage(html.parser.HTMLParser):
    """The content of a page as a browser would show it.

    Args:
      path: path of the page.

    Attributes:
      source: the HTML.
      tags: names of the tags.
      references: (tag, attribute, address) of all links and embedded files.
      targets: values of `id`.
      headings: texts of h1 and h2.
      tables: texts of the cells, by table and row.
      text: the text.
    """

    VOID = ("meta", "br", "wbr")

    def __init__(self, path):
        super().__init__()
        self.tags, self.references, self.targets = [], [], []
        self.headings, self.tables, self.text = [], [], ""
        self._open = []
        with open(path, encoding="utf-8") as file:
            self.source = file.read()
        self.feed(self.source)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        """Records a tag and its references."""
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attributes:
            if name in (
                "src",
                "href",
                "xlink:href",
                "srcset",
                "data",
                "action",
            ):
                self.references.append((tag, name, value))
            if name == "id":
                self.targets.append(value)
        if tag in ("h1", "h2"):
            self.headings.append("")
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        """Checks that the tag closes the one opened last."""
        assert self._open.pop() == tag

    def handle_data(self, data):
        """Records text."""
        if "style" in self._open:
            return
        self.text += data
        if {"h1", "h2"} & set(self._open):
            self.headings[-1] += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def table(self, *heads):
        """Returns the rows of the table with these heads, by first cell."""
        for table in self.tables:
            if table and table[0][: len(heads)] == list(heads):
                return {
                    row[0].strip(): [" ".join(x.split()) for x in row[1:]]
                    for row in table[1:]
                }
        raise AssertionError([table[0] for table in self.tables])

    def check_is_self_contained(self):
        """Checks that the page loads no other file and runs no script."""
        assert {"script", "link", "iframe", "object"}.isdisjoint(self.tags)
        for tag, attribute, address in self.references:
            if tag == "image":
                assert address.startswith("data:image/png;base64,")
            elif tag == "use":
                assert address.startswith("#")
            else:
                assert (tag, attribute) == ("a", "href")
                assert address.startswith("#")
        for forbidden in ("@import", "onload", "javascript:"):
            assert forbidden not in self.source
        # Clip paths of charts are on the page.
        assert self.source.count("url(") == self.source.count("url(#")

    def check_links(self):
        """Checks that all links have a target, and that targets are unique."""
        links = [value for tag, _, value in self.references if tag == "a"]
        assert len(links) >= 5
        assert {link.removeprefix("#") for link in links} <= set(self.targets)
        assert len(self.targets) == len(set(self.targets))
