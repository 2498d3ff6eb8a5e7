"""Reads a page of the report as a browser would."""

import html.parser


class Reader(html.parser.HTMLParser):
    """What a browser would see of a page.

    Attributes:
      tags: names of the tags.
      references: (tag, attribute, address) of all that it points to.
      targets: values of `id`.
      headings: texts of h1 and h2.
      cells: texts of the cells of each table, by line.
      text: the text.
    """

    VOID = ("meta", "img", "br", "wbr")

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
        self.tags.append(tag)
        if tag not in self.VOID:
            self._open.append(tag)
        for name, value in attributes:
            if name in ("src", "href", "srcset", "data", "action"):
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
        assert self._open.pop() == tag

    def handle_data(self, data):
        if "style" in self._open:
            return
        self.text += data
        if {"h1", "h2"} & set(self._open):
            self.headings[-1] += data
        if {"td", "th"} & set(self._open):
            self.tables[-1][-1][-1] += data

    def table(self, *heads):
        """Lines of the table with these heads, as {first cell: cells}."""
        for table in self.tables:
            if table and table[0][: len(heads)] == list(heads):
                return {
                    line[0].strip(): [" ".join(x.split()) for x in line[1:]]
                    for line in table[1:]
                }
        raise AssertionError([table[0] for table in self.tables])
