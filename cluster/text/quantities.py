"""Numbers as an operator reads them: three significant digits, and the unit.

>>> number(0.01234), number(1234), number(2.36e9), number(0)
('0.0123', '1.23k', '2.36G', '0')
>>> quantity(2.36e9, "bytes"), quantity(512, "bytes"), quantity(3.14159, "1/s"), quantity(0.34, "s")
('2.2 GiB', '512 B', '3.14 /s', '340 ms')
>>> quantity(9120, "ms"), quantity(1, "ms")
('9.12 s', '1 ms')
>>> quantity(1_700_000_000, TIME)
'22:13:20 UTC'
>>> percent(0.021), percent(0.5)
('2.1 %', '50 %')
"""

from __future__ import annotations

import math

from cluster.text.plain import NOTHING, plain
from cluster.text.times import clock_time, duration

TIME = "unix s"
"""The unit of a point in time. Only a number with this unit is written as a time of day."""

_OF_SECOND = {"ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}
_THOUSANDS = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_SMALLEST = 1e-4  # written without an exponent
_BYTES = ("B", "KiB", "MiB", "GiB", "TiB")


def number(value: float | None) -> str:
    """Three significant digits: `0.0123`, `12.3`, `1.23k`, `2.36G`, `1.2e-05`. None and what is not finite: `–`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    rounded = float(f"{value:.3g}")
    if rounded == 0:
        return "0"
    if abs(rounded) < _SMALLEST or abs(rounded) >= 1e15:
        return f"{rounded:.3g}"
    for scale, suffix in _THOUSANDS:
        if abs(rounded) >= scale:
            return f"{rounded / scale:.3g}{suffix}"
    return f"{rounded:.3g}"


def quantity(value: float | None, unit: str | None = "") -> str:
    """A value with its unit, scaled to be read: `340 ms`, `512 MiB`, `3.1 /s`. The units `1` and none are not written.

    Units are those of `cluster.signals`, any other text, and `TIME`.
    """
    if value is None or not math.isfinite(value):
        return NOTHING
    match unit:
        case None | "" | "1":
            return number(value)
        case "s":
            return duration(value)
        case _ if unit in _OF_SECOND:  # of other systems
            return duration(value * _OF_SECOND[unit])
        case "bytes" | "bytes/s":
            return _bytes(value) + unit[len("bytes") :]
        case "1/s":
            return f"{number(value)} /s"
        case _ if unit == TIME:
            return clock_time(value)
    return f"{number(value)} {plain(unit)}"


def percent(value: float | None) -> str:
    """A share from 0 to 1 in percent: whole, or to a tenth near 0 and 1. Only 0 is `0 %`, only 1 is `100 %`."""
    if value is None or not math.isfinite(value):
        return NOTHING
    if 0 < value < 0.0005:
        return "<0.1 %"
    if 0.9995 <= value < 1:
        return ">99.9 %"
    near = 0 < value < 0.0995 or 0.9895 <= value < 1
    return f"{value * 100:.{1 if near else 0}f} %"


def _bytes(value: float) -> str:
    scaled, step = value, 0
    # From 999.5 on three digits would be 1,000 or more: 0.98 of the next unit says the same.
    while abs(scaled) >= 999.5 and step < len(_BYTES) - 1:
        scaled /= 1024
        step += 1
    return f"{number(scaled)} {_BYTES[step]}"
