"""Numbers as an operator reads them: three digits that matter, and the unit."""

from __future__ import annotations

import math
from collections.abc import Mapping


def number(value: float) -> str:
    """Three significant digits: "0.0123", "12.3", "1,230", "4.5e+09"."""
    if not math.isfinite(value):
        return "none"
    if value != 0 and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def quantity(value: float, unit: str = "") -> str:
    """A value with its unit; bytes in binary multiples, short times in milliseconds, unit "1" is not written."""
    if unit in ("bytes", "bytes/s") and math.isfinite(value):
        for name, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
            if abs(value) >= size:
                return f"{number(value / size)} {name}{unit[5:]}"
    if unit == "s" and 0 < abs(value) < 1:
        return f"{number(value * 1000)} ms"
    return number(value) if unit in ("", "1") else f"{number(value)} {unit}"


def unit_of(units: Mapping[str, str], signal: str) -> str:
    """The unit of a signal, empty when it is not known."""
    return units.get(signal, "")


def after_onset(time: float, onset: float) -> str:
    """Where a time lies: "12 s after the onset", "3 s before the onset", "at the onset"."""
    distance = round(time - onset)
    if distance == 0:
        return "at the onset"
    return f"{abs(distance)} s {'after' if distance > 0 else 'before'} the onset"
