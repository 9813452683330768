"""Times of day, dates and lengths of time. Every time of day is in UTC, and says so.

>>> clock_time(1_700_000_000)
'22:13:20 UTC'
>>> date_time(1_700_000_000)
'2023-11-14 22:13 UTC'
>>> instant(1_700_000_000)
'2023-11-14 22:13:20 UTC'
>>> duration(0.0416), duration(12.34), duration(245)
('41.6 ms', '12.3 s', '4 min 05 s')
>>> span(0.0416), span(12.34), span(245)
('42 ms', '12 s', '4 min 05 s')
>>> seconds_of("1h30m"), seconds_of("250ms")
(5400.0, 0.25)
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime

from cluster.text.plain import NOTHING

ZONE = "UTC"
MINUTES_FROM = 120.0
"""Seconds from which a length of time is told in minutes."""
DURATION = r"(?:\d{1,9}(?:ms|[smhdwy])){1,7}"
"""A pattern for a length of time in Prometheus's notation."""
_UNITS = {"ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31536000.0}
_PART = re.compile(r"(\d+)(ms|[smhdwy])")
_DURATION = re.compile(DURATION)


def clock_time(time: float) -> str:
    """The time of day of a unix time, to the second."""
    return _formatted(time, f"%H:%M:%S {ZONE}")


def bare_clock_time(time: float) -> str:
    """The same without the zone, for many times in one place that names `ZONE` once."""
    return _formatted(time, "%H:%M:%S")


def date(time: float) -> str:
    """The date of a unix time."""
    return _formatted(time, "%Y-%m-%d")


def date_time(time: float) -> str:
    """The date and time of day of a unix time, to the minute."""
    return _formatted(time, f"%Y-%m-%d %H:%M {ZONE}")


def instant(time: float) -> str:
    """The date and time of day of a unix time, to the second."""
    return _formatted(time, f"%Y-%m-%d %H:%M:%S {ZONE}")


def between(start: float, end: float) -> str:
    """Two times of day: `22:13:20 to 22:14:00 UTC`."""
    return f"{bare_clock_time(start)} to {clock_time(end)}"


def duration(seconds: float) -> str:
    """A measured length of time: three significant digits below two minutes, whole seconds above."""
    if not math.isfinite(seconds):
        return NOTHING
    size = float(f"{abs(seconds):.3g}")
    sign = "-" if seconds < 0 else ""
    if size >= MINUTES_FROM:
        return sign + _minutes(abs(seconds))
    if size == 0:
        return "0 s"
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if size >= scale:
            return f"{sign}{size / scale:.3g} {unit}"
    return f"{sign}{size:.3g} s"


def span(seconds: float) -> str:
    """A length of time that people wait for, rounded: `80 ms`, `1.2 s`, `42 s`, `4 min`. Never below zero."""
    if not math.isfinite(seconds):
        return NOTHING
    if 0 < seconds < 0.95:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.95:
        return f"{max(0.0, seconds):.1f} s"
    return f"{seconds:.0f} s" if round(seconds) < MINUTES_FROM else _minutes(seconds)


def seconds_of(text: object) -> float:
    """Seconds of a length of time in Prometheus's notation, such as 1m30s. Raises ValueError for anything else."""
    if not isinstance(text, str) or not _DURATION.fullmatch(text):
        raise ValueError(f"{text!r} is not a duration")
    return sum(float(count) * _UNITS[unit] for count, unit in _PART.findall(text))


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 120:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if rest else f"{minutes} min"


def _formatted(time: float, form: str) -> str:
    try:
        return datetime.fromtimestamp(time, UTC).strftime(form)
    except (ValueError, OverflowError, OSError):  # milliseconds taken for seconds, say
        return NOTHING
