"""Telemetry made harmless: names, log lines and labels come from outside.

`plain` removes whatever a terminal could act on. What draws the text must still escape it for its own markup.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from cluster import secrets

NOTHING = "–"
"""Shown where there is no value: not measured is not zero."""

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(value: object, limit: int = 400) -> str:
    """The value as one line of harmless text, cut at `limit` characters.

    Control and direction characters are replaced, and secrets that this process holds are hidden.
    """
    text = secrets.hide(str(value))
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join("�" if unicodedata.category(c) in _UNSAFE else c for c in text)


def some(names: Collection[str], shown: int = 4) -> str:
    """The first of the names, and how many more there are."""
    more = len(names) - shown
    return ", ".join(list(names)[:shown]) + (f" and {more} more" if more > 0 else "")
