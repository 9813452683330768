"""Text that fits into cells. The callers put it into `rich.text.Text`, which never reads markup."""

from __future__ import annotations

from cluster.text.plain import plain


def fit(value: object, width: int) -> str:
    """`plain`, cut with an ellipsis to at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
