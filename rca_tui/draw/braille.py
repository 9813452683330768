"""Lines on a grid of braille cells: two dots wide and four high a cell, one colour a cell."""

from __future__ import annotations

import math
from collections.abc import Iterable

_DOTS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLOCKS = "▁▂▃▄▅▆▇█"


def drawable(value: float) -> bool:
    """Whether a value can be placed on a scale: it is a number, and sums and differences of such do not overflow."""
    return abs(value) < 1e300


class Canvas:
    """`width` × `height` cells; dots are addressed from the top left. The latest dot decides the colour of its cell."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._bits = [[0] * width for _ in range(height)]
        self._layer = [[-1] * width for _ in range(height)]

    def dot(self, x: int, y: int, layer: int) -> None:
        column, row = x // 2, y // 4
        if 0 <= column < self.width and 0 <= row < self.height:
            self._bits[row][column] |= _DOTS[x % 2][y % 4]
            self._layer[row][column] = layer

    def stroke(self, x0: int, y0: int, x1: int, y1: int, layer: int) -> None:
        """A straight line between two dots, both drawn."""
        steps = max(abs(x1 - x0), abs(y1 - y0), 1)
        for i in range(steps + 1):
            self.dot(round(x0 + (x1 - x0) * i / steps), round(y0 + (y1 - y0) * i / steps), layer)

    def cell(self, column: int, row: int) -> tuple[str, int]:
        """The character of a cell and the layer that decides its colour, ("", -1) where nothing was drawn."""
        bits = self._bits[row][column]
        return (chr(0x2800 + bits), self._layer[row][column]) if bits else ("", -1)


def sparkline(values: Iterable[float], width: int, top: float) -> str:
    """The newest values as blocks, one a character, on a scale from 0 to `top`; gaps are blanks."""
    everything = list(values)
    if width <= 0 or not everything:
        return " " * max(0, width)
    size = max(1, math.ceil(len(everything) / width))
    groups = [everything[i : i + size] for i in range(len(everything) % size, len(everything), size)][-width:]
    means = [_mean([v for v in group if drawable(v)]) for group in groups]
    bars = [" " if m is None else _BLOCKS[max(0, min(7, int(m / (top or 1.0) * 7.999)))] for m in means]
    return "".join(bars).rjust(width)


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
