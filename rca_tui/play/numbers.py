"""The numbers that a player can ask for: what is usual, what was most unusual since the page, and what is now."""

from __future__ import annotations

import math
from statistics import median
from typing import TYPE_CHECKING

from cluster import signals
from cluster.display import Document, Grid, Line
from cluster.text.quantities import quantity
from rca_tui.work.alarm import NORMAL_AGO, RECENT

if TYPE_CHECKING:
    from rca_tui import frames
    from rca_tui.session import Snapshot

SLI = ("latency_p90", "error_ratio", "request_rate")
"""Of the front door, which is shown first."""
COLUMNS = ("of", "signal", "usual", "extreme", "now")


def overview(snapshot: Snapshot, paged: float | None) -> Document:
    """The front door, and what else can be asked for."""
    door = snapshot.topology.front_door
    names = sorted({signal for c in snapshot.frames.components() for signal in snapshot.frames.signals(c)})
    rows = [row for signal in SLI if door and (row := _row(snapshot, (door,), signal, paged))]
    return (
        _grid(rows),
        Line(f"components: {', '.join(sorted(snapshot.topology.ids))}"),
        Line(f"signals: {', '.join(names)}"),
        Line("`show NAME` has the numbers of a component or of a signal; calls between components are `gateway>head`"),
    )


def about(snapshot: Snapshot, name: str, paged: float | None) -> Document:
    """All signals of a component, or one signal of all components and calls. Empty for a name of neither."""
    edges = [tuple(column[:2]) for column in snapshot.frames.edge_metrics.columns]
    if name in snapshot.topology.ids or name in {">".join(edge) for edge in edges}:
        path = tuple(name.split(">"))
        found = [row for signal in sorted(signals.SIGNALS) if (row := _row(snapshot, path, signal, paged))]
    else:
        places = [*((each,) for each in sorted(snapshot.topology.ids)), *sorted(set(edges))]
        found = [row for path in places if (row := _row(snapshot, path, name, paged))]
    if not found:
        return ()
    return (_grid(found),)


def _grid(rows: list[tuple[str, ...]]) -> Grid:
    return Grid.of(COLUMNS, rows, right="usual extreme now", whole="of signal")


def _row(snapshot: Snapshot, path: tuple[str, ...], signal: str, paged: float | None) -> tuple[str, ...] | None:
    """Of a component, or of the calls from one to another; None where it was not measured."""
    frames = snapshot.frames
    line = frames.line(path[0], signal) if len(path) == 1 else frames.edge_line(path[0], path[1], signal)
    if line is None:
        return None
    end, known = snapshot.end, signals.SIGNALS.get(signal)
    until = end - RECENT if paged is None else min(paged, end) - NORMAL_AGO
    usual = _median(line, -math.inf, until)
    now = _median(line, end - max(RECENT, snapshot.fresh, 3 * snapshot.step), end)
    unit = "" if known is None else known.unit
    extreme = None if paged is None or usual is None else _farthest(line, usual, until, end)
    return ">".join(path), signal, *(quantity(value, unit) for value in (usual, extreme, now))


def _farthest(line: frames.Line, usual: float, start: float, end: float) -> float | None:
    """The median of `RECENT` seconds that is farthest from the usual one."""
    starts = (start + RECENT * number for number in range(math.ceil((end - start) / RECENT)))
    medians = [value for each in starts if (value := _median(line, each, each + RECENT)) is not None]
    return max(medians, key=lambda value: abs(value - usual), default=None)


def _median(line: frames.Line, start: float, end: float) -> float | None:
    measured = [value for value in line.within(start, end).values if math.isfinite(value)]
    return median(measured) if measured else None
