"""Reads HTML strictly enough to see what a browser would take for a tag."""

from __future__ import annotations

from html.parser import HTMLParser


class _Page(HTMLParser):
    of_tables = frozenset({"table", "thead", "tbody", "tr", "th", "td"})

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.text += data


def parsed(text: str) -> _Page:
    page = _Page()
    page.feed(text)
    page.close()
    return page
