"""Text for the screen: telemetry made harmless, quantities with units, times.

Names, log lines and labels come from outside. `plain` takes out whatever a terminal could act on; the callers put the
result into `rich.text.Text`, which never reads markup.
"""

from __future__ import annotations

import math
import unicodedata
from datetime import datetime

NOTHING = "–"
"""Shown where there is no value: not measured is not zero."""

_UNSAFE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def plain(value: object, limit: int = 400) -> str:
    """The value as one line of harmless text: control and direction characters replaced, cut at `limit` characters."""
    text = str(value)
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join("�" if unicodedata.category(c) in _UNSAFE else c for c in text)


def fit(value: object, width: int) -> str:
    """`plain`, cut with an ellipsis to at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


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


def quantity(value: float | None, unit: str | None) -> str:
    """A value with its unit, scaled to be read: `340 ms`, `1.2 s`, `512 MiB`, `3.1 /s`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if unit == "s":
        if value != 0 and abs(value) < 0.9995:
            return f"{value * 1000:.3g} ms" if abs(value) >= 1e-3 else f"{value * 1e6:.3g} µs"
        return f"{number(value)} s"
    if unit in ("bytes", "bytes/s"):
        return _bytes(value) + ("/s" if unit == "bytes/s" else "")
    if unit == "1/s":
        return f"{number(value)} /s"
    if unit == "cores":
        return f"{value:.2f} cores"
    if not unit or unit == "1":
        return number(value)
    return f"{number(value)} {plain(unit)}"


def percent(value: float | None) -> str:
    """A ratio in percent."""
    if value is None or not math.isfinite(value):
        return NOTHING
    return f"{value * 100:.1f} %" if 0 < value < 0.0995 else f"{value * 100:.0f} %"


def clock_time(time: float) -> str:
    """The local time of day of a unix time."""
    return datetime.fromtimestamp(time).strftime("%H:%M:%S")


def date_time(time: float) -> str:
    return datetime.fromtimestamp(time).strftime("%Y-%m-%d %H:%M")


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


def _bytes(value: float) -> str:
    scaled, step = value, 0
    while abs(scaled) >= 1024 and step < len(_BINARY) - 1:
        scaled /= 1024
        step += 1
    return f"{number(scaled)} {_BINARY[step]}"
