"""A plot as SVG inside an HTML page, whose style sheet colours it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from statistics import median

from cluster.text.plain import plain
from cluster.text.quantities import quantity
from cluster.text.times import bare_clock_time, clock_time
from rca_tui.draw.braille import drawable
from rca_tui.draw.plot import Plot, value_range
from rca_tui.frames import Line

WIDTH, HEIGHT = 480, 190
LEFT, TOP, RIGHT, BOTTOM = 62, 8, 472, 166
"""The edges of the plot inside, in pixels of the drawing."""


def svg(plot: Plot) -> str:
    """The plot as an element, its text escaped. Without samples it says so."""
    shown = [line.within(plot.start, plot.end) for line in plot.lines]
    finite = [value for line in shown for value in line.values if drawable(value)]
    label = escape(plain(plot.title), quote=True)
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    # At times so far from today that floats are seconds apart, a window may have no length.
    if not finite or plot.end <= plot.start:
        return f'{head}<text x="{LEFT}" y="{HEIGHT // 2}">no samples in this window</text></svg>'
    low, high = value_range(finite, [value for _, value in plot.levels])
    drawing = _Drawing(plot, low, high)
    return "".join([head, *drawing.frame(), *drawing.lines(shown), *drawing.times(), "</svg>"])


@dataclass(frozen=True, slots=True)
class _Drawing:
    plot: Plot
    low: float
    high: float

    def x(self, time: float) -> float:
        inside = min(max(time, self.plot.start), self.plot.end)
        return LEFT + (inside - self.plot.start) / (self.plot.end - self.plot.start) * (RIGHT - LEFT)

    def y(self, value: float) -> float:
        return TOP + (self.high - value) / (self.high - self.low) * (BOTTOM - TOP)

    def frame(self) -> Iterator[str]:
        """The shaded time, and three horizontal lines with their values."""
        if self.plot.shade is not None:
            first, last = map(self.x, self.plot.shade)
            size = f'width="{max(0.0, last - first):.1f}" height="{BOTTOM - TOP}"'
            yield f'<rect class="shade" x="{first:.1f}" y="{TOP}" {size}/>'
        for share in (0.0, 0.5, 1.0):
            y = BOTTOM - share * (BOTTOM - TOP)
            value = escape(quantity(self.low + share * (self.high - self.low), self.plot.unit))
            yield f'<path class="axis" d="M{LEFT} {y:.1f}H{RIGHT}"/>'
            yield f'<text x="{LEFT - 5}" y="{min(y + 4, BOTTOM):.1f}" text-anchor="end">{value}</text>'

    def lines(self, shown: list[Line]) -> Iterator[str]:
        for place, line in enumerate(shown):
            name = "subject" if place == len(shown) - 1 else "peer"
            yield f'<path class="{name}" d="{self._path(line)}"/>'

    def _path(self, line: Line) -> str:
        """Joined samples, as dots where they are scattered; at most the extremes of each column of pixels."""
        jumps = [b - a for a, b in pairwise(line.times)]
        longest = 3 * median(jumps) if jumps else 0.0
        parts: list[str] = []
        before: float | None = None
        for time, value in _extremes(line, (self.plot.end - self.plot.start) / (RIGHT - LEFT)):
            joined = before is not None and time - before <= longest and not self.plot.scattered
            parts.append(f"{'L' if joined else 'M'}{self.x(time):.1f} {self.y(value):.1f}{'' if joined else 'h.01'}")
            before = time
        return "".join(parts)

    def times(self) -> Iterator[str]:
        """Start and end, and the onset with a line; the end names the zone of all three."""
        yield f'<text x="{LEFT}" y="{HEIGHT - 8}">{bare_clock_time(self.plot.start)}</text>'
        yield f'<text x="{RIGHT}" y="{HEIGHT - 8}" text-anchor="end">{clock_time(self.plot.end)}</text>'
        onset = self.plot.onset
        if onset is None or not self.plot.start <= onset <= self.plot.end:
            return
        x = self.x(onset)
        yield f'<path class="onset" d="M{x:.1f} {TOP}V{BOTTOM}"/>'
        label = f"{escape(plain(self.plot.onset_label))} {bare_clock_time(onset)}"
        centre = min(max(x, LEFT + 115), RIGHT - 140)
        yield f'<text class="mark" x="{centre:.1f}" y="{HEIGHT - 8}" text-anchor="middle">{label}</text>'


def _extremes(line: Line, width: float) -> Iterator[tuple[float, float]]:
    """Samples by time, of those that share a column of `width` seconds the lowest and the highest. No gaps inside."""
    column: list[tuple[float, float]] = []
    for sample in zip(line.times, line.values, strict=True):
        if not drawable(sample[1]):
            continue
        if column and sample[0] - column[0][0] >= width:
            yield from _ends(column)
            column = []
        column.append(sample)
    yield from _ends(column)


def _ends(column: list[tuple[float, float]]) -> list[tuple[float, float]]:
    if len(column) < 3:
        return column
    return sorted({min(column, key=lambda sample: sample[1]), max(column, key=lambda sample: sample[1])})
