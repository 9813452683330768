"""A chart as lines of text: its content (`Plot`) and its rendering, without any widget."""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from statistics import median

from rich.style import Style
from rich.text import Text

from cluster.text.plain import plain
from cluster.text.quantities import number, percent, quantity
from cluster.text.times import bare_clock_time, clock_time
from rca_tui.axis import Axis
from rca_tui.draw.braille import Canvas, drawable
from rca_tui.frames import Line


@dataclass(frozen=True, slots=True)
class Plot:
    """One chart over [start, end] in unix seconds.

    Attributes:
        lines: drawn in order; the last one is the subject of the chart, the others are for comparison.
        scattered: dots that are not joined, for spans.
        shade: start and end of the shaded area. `bands`: names of the area before it and of itself.
        onset: a vertical line, `onset_label` beside it.
        cursor: a second vertical line, for reading a value.
        levels: horizontal reference lines by name.
        marks: times of what happened, and whether each may be part of the trouble: they stand on the axis.
    """

    title: str
    unit: str | None
    start: float
    end: float
    lines: tuple[Line, ...]
    scattered: bool = False
    shade: tuple[float, float] | None = None
    bands: tuple[str, str] = ("baseline", "fault window")
    onset: float | None = None
    onset_label: str = "onset"
    cursor: float | None = None
    levels: tuple[tuple[str, float], ...] = field(default=())
    marks: tuple[tuple[float, bool], ...] = field(default=())


@dataclass(frozen=True, slots=True)
class Palette:
    """Styles of a chart, taken from the theme."""

    line: Style
    peer: Style
    axis: Style
    onset: Style
    cursor: Style
    level: Style
    shade: Style


MARGIN = 9
"""Cells left of the plot: room for `1.23 GiB`, and one for the axis."""
BAD_MARK, MARK = "◆", "◇"
"""Something that happened: it may be part of the trouble, or not."""


def draw(plot: Plot, width: int, height: int, palette: Palette) -> Text:
    """The chart in `width` × `height` cells: title, plot, time axis. Without samples it says so."""
    named = plot.shade is not None and height >= 9
    columns, rows = width - MARGIN, height - 3 - named
    if columns < 10 or rows < 2:
        return Text(plain(plot.title)[:width], style=palette.axis)
    shown = [line.within(plot.start, plot.end) for line in plot.lines]
    finite = [v for line in shown for v in line.values if drawable(v)]
    title = _title(plot, shown, width)
    # At times so far from today that floats are seconds apart, a window may have no length.
    if not finite or plot.end <= plot.start:
        empty = Text("no samples in this window"[:columns], style=palette.axis)
        return Text("\n").join([title, Text(), Text(" " * MARGIN).append_text(empty)])
    low, high = value_range(finite, [level for _, level in plot.levels])
    canvas = Canvas(columns, rows)
    for layer, line in enumerate(shown):
        _trace(canvas, line, plot, (low, high), layer)
    grid = _Grid(plot, canvas, columns, rows, low, high, len(shown) - 1, palette)
    body = [grid.row(r) for r in range(rows)]
    strip = [grid.bands()] if named else []
    return Text("\n").join([title, *strip, *body, grid.axis(shown[-1] if shown else None), grid.times()])


@dataclass(slots=True)
class _Grid:
    """Combines lines, levels, verticals and shading of one chart, cell by cell."""

    plot: Plot
    canvas: Canvas
    columns: int
    rows: int
    low: float
    high: float
    main: int
    palette: Palette

    def row(self, r: int) -> Text:
        text = Text(no_wrap=True)
        text.append(f"{self._label(r):>{MARGIN - 2}} ", style=self.palette.axis)
        text.append("┤" if self._label(r) else "│", style=self.palette.axis)
        levels = {self._row_of(value): plain(name) for name, value in self.plot.levels}
        name, start = self._label_of_level(r, levels.get(r, ""))
        onset, cursor = self.column(self.plot.onset), self.column(self.plot.cursor)
        cells: list[tuple[str, Style]] = []
        for c in range(self.columns):
            mark, layer = self.canvas.cell(c, r)
            style = self.palette.line if layer in (self.main, -1) else self.palette.peer
            if not mark and c == cursor:
                mark, style = "┊", self.palette.cursor
            elif not mark and c == onset:
                mark, style = "│", self.palette.onset
            elif not mark and r in levels:
                place = c - start
                mark = name[place] if 0 <= place < len(name) else "╌"
                style = self.palette.level
            cells.append((mark or " ", style + self.palette.shade if self._shaded(c) else style))
        return joined(text, cells)

    def bands(self) -> Text:
        """A row with the names of the area before the shade and of the shade."""
        first, last = (self.column(min(max(t, self.plot.start), self.plot.end)) for t in self.plot.shade or (0.0, 0.0))
        cells = [" "] * self.columns
        first, last = first or 0, last or 0
        for name, low, high in ((self.plot.bands[0], 0, first), (self.plot.bands[1], first, last + 1)):
            if len(name) + 2 <= high - low:
                _write(cells, (low + high - len(name)) // 2, name)
        text = Text(" " * MARGIN, no_wrap=True)
        plain_style, shaded = self.palette.axis, self.palette.axis + self.palette.shade
        return joined(text, [(cell, shaded if self._shaded(c) else plain_style) for c, cell in enumerate(cells)])

    def _label_of_level(self, r: int, name: str) -> tuple[str, int]:
        """Label and column of a reference line: at a free end of the row, else no label."""
        label = f" {name} "
        for start in (self.columns - len(label) - 1, 1):
            if name and start > 0 and not any(self.canvas.cell(c, r)[0] for c in range(start, start + len(label))):
                return label, start
        return "", 0

    def axis(self, line: Line | None) -> Text:
        """The time axis, blank where the last line has a gap."""
        gaps = self._gaps(line) if line and not self.plot.scattered else set()
        text = Text(" " * (MARGIN - 1) + "└", style=self.palette.axis, no_wrap=True)
        onset, cursor = self.column(self.plot.onset), self.column(self.plot.cursor)
        cells = [(" " if c in gaps else "─", self.palette.axis) for c in range(self.columns)]
        for time, bad in self.plot.marks:
            column = self.column(time)
            if column is not None and (bad or cells[column][0] != BAD_MARK):
                cells[column] = (BAD_MARK if bad else MARK, self.palette.axis)
        for column, style in ((cursor, self.palette.cursor), (onset, self.palette.onset)):
            if column is not None and cells[column][0] in ("─", " "):
                cells[column] = ("┴", style)
        return joined(text, cells)

    def times(self) -> Text:
        """Start, onset and end as times of day; the end names the zone of all three."""
        plot = self.plot
        cells = time_cells(
            Axis(plot.start, plot.end),
            plot.onset,
            plot.onset_label,
            self.columns,
            self.palette.axis,
            self.palette.onset,
        )
        return joined(Text(" " * MARGIN, no_wrap=True), cells)

    def column(self, time: float | None) -> int | None:
        return Axis(self.plot.start, self.plot.end).column(time, self.columns)

    def _shaded(self, column: int) -> bool:
        if self.plot.shade is None:
            return False
        time = self.plot.start + (column + 0.5) / self.columns * (self.plot.end - self.plot.start)
        return self.plot.shade[0] <= time <= self.plot.shade[1]

    def _row_of(self, value: float) -> int:
        return min(self.rows - 1, int((self.high - value) / (self.high - self.low) * self.rows))

    def _label(self, r: int) -> str:
        wanted = {0: self.high, self.rows - 1: self.low}
        if self.rows >= 7:
            wanted[self.rows // 2] = self.high - (self.rows // 2 + 0.5) / self.rows * (self.high - self.low)
        if r not in wanted:
            return ""
        label = quantity(wanted[r], self.plot.unit).replace(" ", "", 1)
        # The title names the unit, so that a number alone is enough where both do not fit.
        shorter = (label, number(wanted[r]), f"{wanted[r]:.0e}")
        return next((text for text in shorter if len(text) <= MARGIN - 2), "")

    def _gaps(self, line: Line) -> set[int]:
        measured = {self.column(t) for t, v in zip(line.times, line.values, strict=True) if math.isfinite(v)}
        empty = {self.column(t) for t, v in zip(line.times, line.values, strict=True) if not math.isfinite(v)}
        return {c for c in empty - measured if c is not None}


def time_cells(
    axis: Axis, onset: float | None, onset_label: str, columns: int, plain_style: Style, onset_style: Style
) -> list[tuple[str, Style]]:
    """The row below a time axis: start, onset and end as times of day; the end names the zone of all three."""
    cells = [" "] * columns
    styles = [plain_style] * columns
    first, last = bare_clock_time(axis.start), clock_time(axis.end)
    if len(first) + len(last) >= columns:
        last = bare_clock_time(axis.end)
    _write(cells, 0, first)
    _write(cells, columns - len(last), last)
    at = axis.column(onset, columns)
    if at is not None:
        label = f"▲ {onset_label} {bare_clock_time(onset or 0)}"
        place = at if at + len(label) <= columns - len(last) - 1 else at - len(label) + 1
        if "▲" in label and place < at:
            label = label[2:] + " ▲"
        if place < len(first) + 1:
            label, place = "▲", at
        if not (len(first) <= place and place + len(label) <= columns - len(last)):
            label = ""
        _write(cells, place, label)
        styles[place : place + len(label)] = [onset_style] * len(label)
    return list(zip(cells, styles, strict=True))


def _title(plot: Plot, shown: list[Line], width: int) -> Text:
    title = Text(plain(plot.title), style="bold", no_wrap=True, overflow="ellipsis")
    unit = {"1": "", "1/s": "per second"}.get(plot.unit or "", plot.unit or "")
    if unit:
        title.append(f"  [{plain(unit)}]", style="not bold dim")
    if shown and not plot.scattered and 0.005 < shown[-1].missing < 1:
        title.append(f"  {percent(shown[-1].missing)} missing", style="not bold dim")
    title.truncate(width, overflow="ellipsis")
    return title


def value_range(values: list[float], levels: list[float]) -> tuple[float, float]:
    """Lowest and highest value: from zero where that costs little, with the levels that do not flatten the line."""
    low, high = min(values), max(values)
    reach = (high - low) or abs(high) or 1.0
    near = [v for v in levels if drawable(v) and low - 2 * reach <= v <= high + 2 * reach]
    low, high = min([low, *near]), max([high, *near])
    if low > 0 and low < 0.5 * high:
        low = 0.0
    if max(abs(low), abs(high)) < sys.float_info.min:  # zero, or too little to be divided by
        return 0.0, 1.0
    least = 0.1 * max(abs(low), abs(high))  # noise of a few percent must not look like a storm
    if high - low < least:
        low, high = (low + high - least) / 2, (low + high + least) / 2
    return low, high + 0.04 * (high - low)


def _trace(canvas: Canvas, line: Line, plot: Plot, bounds: tuple[float, float], layer: int) -> None:
    low, high = bounds
    across, down = canvas.width * 2 - 1, canvas.height * 4 - 1
    points: list[tuple[float, int, int] | None] = []
    for time, value in zip(line.times, line.values, strict=True):
        if not drawable(value):
            points.append(None)
            continue
        x = round((time - plot.start) / (plot.end - plot.start) * across)
        points.append((time, x, round((high - value) / (high - low) * down)))
    jumps = [b - a for a, b in pairwise(line.times)]
    longest = 3 * median(jumps) if jumps else math.inf
    previous: tuple[float, int, int] | None = None
    for point in points:
        if point is not None:
            joined = previous is not None and point[0] - previous[0] <= longest and not plot.scattered
            start = previous if joined and previous is not None else point
            canvas.stroke(start[1], start[2], point[1], point[2], layer)
        previous = point


def joined(text: Text, cells: list[tuple[str, Style]]) -> Text:
    """Append cells; neighbours of one style are one piece, because many single characters are slow to render."""
    for style, run in groupby(cells, key=lambda cell: cell[1]):
        text.append("".join(cell for cell, _ in run), style=style)
    return text


def _write(cells: list[str], place: int, text: str) -> None:
    for i, character in enumerate(text):
        if 0 <= place + i < len(cells):
            cells[place + i] = character
