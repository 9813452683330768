"""Text that fits into cells. The callers put it into `rich.text.Text`, which never reads markup."""

from __future__ import annotations

from cluster.text.plain import plain

COMMAND = 10_000
"""Characters of a command that a person has to run: it is never cut."""


def fit(value: object, width: int) -> str:
    """`plain`, cut with an ellipsis to at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def fit_name(value: object, width: int) -> str:
    """`plain`, cut in the middle: names of one deployment start alike, and their ends tell them apart."""
    text = plain(value)
    if len(text) <= width or width < 4:
        return fit(value, width)
    tail = width * 2 // 3
    return f"{text[: width - 1 - tail]}…{text[-tail:]}"
