"""The time line above logs, traces and events: how many there were when, what happened, the onset and the cursor.

Its columns are those of a chart of the same width: one window, one cursor on every screen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.style import Style
from rich.text import Text

from rca_tui.axis import Axis
from rca_tui.draw.plot import BAD_MARK, MARGIN, MARK, Palette, joined, time_cells
from rca_tui.glyphs import BAD

BLOCKS = " ▁▂▃▄▅▆▇█"

Times = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class TimeLine:
    """What is drawn.

    `times` are of the lines or traces that are listed, `bad` of those that failed; `what` names them in at most seven
    cells. `marks` are times of what happened, and whether each may be part of the trouble.
    """

    axis: Axis
    what: str
    times: Times
    bad: Times
    marks: Sequence[tuple[float, bool]] = ()
    onset: float | None = None
    onset_label: str = "onset"
    cursor: float | None = None


def draw(line: TimeLine, width: int, palette: Palette, error: Style) -> Text:
    """Three rows: how many at each time, the axis with its marks, times of day."""
    columns = width - MARGIN
    if columns < 10:
        return Text()
    axis = line.axis
    counts, bad = (_counts(times, axis, columns) for times in (line.times, line.bad))
    top = max(1, int(counts.max(initial=0)))
    steps = np.ceil(counts / top * (len(BLOCKS) - 1)).astype(int)
    bars = [(BLOCKS[s], error if b else palette.line) for s, b in zip(steps, bad > 0, strict=True)]
    cursor, onset = axis.column(line.cursor, columns), axis.column(line.onset, columns)
    cells = [("─", palette.axis)] * columns
    for time, is_bad in line.marks:
        column = axis.column(time, columns)
        if column is not None and (is_bad or cells[column][0] != BAD_MARK):
            cells[column] = (BAD_MARK, error) if is_bad else (MARK, palette.axis)
    for column, mark, style in ((onset, "┴", palette.onset), (cursor, "┊", palette.cursor)):
        if column is not None:
            if cells[column][0] == "─":
                cells[column] = (mark, style)
            if bars[column][0] == " ":
                bars[column] = ("┊" if column == cursor else "│", style)
            elif column == cursor:
                bars[column] = (bars[column][0], palette.cursor)
    label = f"{BAD} {int(bad.sum())}" if bad.sum() else ""
    first = joined(Text(f"{line.what[: MARGIN - 2]:>{MARGIN - 2}} ", style=palette.axis).append("│"), bars)
    second = joined(Text(f"{label[: MARGIN - 2]:>{MARGIN - 2}} ", style=error).append("└", style=palette.axis), cells)
    times = time_cells(axis, line.onset, line.onset_label, columns, palette.axis, palette.onset)
    return Text("\n", no_wrap=True).join([first, second, joined(Text(" " * MARGIN), times)])


def _counts(times: Times, axis: Axis, columns: int) -> NDArray[np.int64]:
    if axis.end <= axis.start:
        return np.zeros(columns, dtype=np.int64)
    # Not NumPy's histogram, which refuses a window that is shorter than floats are fine.
    inside = np.asarray(times)[(times >= axis.start) & (times <= axis.end)]
    places = ((inside - axis.start) / (axis.end - axis.start) * columns).astype(np.int64)
    return np.bincount(np.minimum(places, columns - 1), minlength=columns).astype(np.int64)
