"""Text for the screen: what `cluster.text` has, and quantities with units that fit into few cells.

The callers put it into `rich.text.Text`, which never reads markup.
"""

from __future__ import annotations

import math

from cluster.text import NOTHING as NOTHING
from cluster.text import clock_time as clock_time
from cluster.text import date_time as date_time
from cluster.text import number as number
from cluster.text import plain as plain
from cluster.text import span as span

_BINARY = ("B", "KiB", "MiB", "GiB", "TiB")


def fit(value: object, width: int) -> str:
    """`plain`, cut with an ellipsis to at most `width` characters."""
    text = plain(value)
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


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


def _bytes(value: float) -> str:
    scaled, step = value, 0
    while abs(scaled) >= 1024 and step < len(_BINARY) - 1:
        scaled /= 1024
        step += 1
    return f"{number(scaled)} {_BINARY[step]}"
