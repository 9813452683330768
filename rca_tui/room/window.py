"""The size of a browser's window, as it is told: a huge one would take all memory to draw."""

from __future__ import annotations

WIDEST, TALLEST = 1000, 400
_USUAL = (80, 24)


def bounded(width: object, height: object) -> tuple[int, int]:
    """Columns and rows, from 1 to `WIDEST` and `TALLEST`; 80 and 24 for what is no number.

    >>> bounded("1000000", -1), bounded(None, [])
    ((1000, 1), (80, 24))
    """
    return _bounded(width, _USUAL[0], WIDEST), _bounded(height, _USUAL[1], TALLEST)


def _bounded(value: object, usual: int, most: int) -> int:
    if not isinstance(value, int | float | str):
        return usual
    try:
        return min(max(1, int(value)), most)
    except (ValueError, OverflowError):
        return usual
