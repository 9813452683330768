"""Text for people: telemetry made harmless, numbers, times. Everything above uses these, whatever it draws on.

Names, log lines and labels come from outside. `plain` takes out whatever a terminal could act on; what draws it must
still escape it for its own markup.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime

NOTHING = "–"
"""Shown where there is no value: not measured is not zero."""

_EARLIEST, _LATEST = 1e9, 4e9
_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def plain(value: object, limit: int = 400) -> str:
    """The value as one line of harmless text: control and direction characters replaced, cut at `limit` characters."""
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join("�" if unicodedata.category(c) in _UNSAFE else c for c in text)


def number(value: float | None) -> str:
    """Three significant digits without an exponent where that stays short."""
    if value is None or not math.isfinite(value):
        return NOTHING
    size = abs(value)
    if size == 0:
        return "0"
    if size >= 1e6 or size < 1e-4:
        return f"{value:.1e}"
    if size >= 1000:
        return f"{value / 1000:.3g}k"
    return f"{value:.0f}" if size >= 100 else f"{value:.3g}"


def figure(value: float) -> str:
    """A number of unknown meaning; one between 2001 and 2096 in unix seconds is taken for a time of day."""
    return clock_time(value) if _EARLIEST <= value < _LATEST else number(value)


def clock_time(time: float) -> str:
    """The local time of day of a unix time."""
    return _local(time, "%H:%M:%S")


def date_time(time: float) -> str:
    return _local(time, "%Y-%m-%d %H:%M")


def _local(time: float, form: str) -> str:
    try:
        return datetime.fromtimestamp(time).strftime(form)
    except (ValueError, OverflowError, OSError):  # milliseconds taken for seconds, say
        return NOTHING


def span(seconds: float) -> str:
    """A length of time: `80 ms`, `1.2 s`, `42 s`, `4 min`, `4 min 05 s`."""
    if 0 < seconds < 0.95:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{max(0.0, seconds):.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 120:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"
