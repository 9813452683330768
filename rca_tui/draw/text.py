"""Text that fits into cells. The callers put it into `rich.text.Text`, which never reads markup."""

from __future__ import annotations

from cluster.text.plain import plain

COMMAND = 10_000
"""Characters of a command that a person has to run: it is never cut."""


def fit(value: object, width: int) -> str:
    """`plain`, cut with an ellipsis to at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
