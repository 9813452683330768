"""What a step of an explanation points at, as a plot or as lines of text."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table as Grid
from rich.text import Text

from rca_tui.frames import Line
from rca_tui.state import Diagnosis
from rca_tui.text import clock_time, fit, number, plain
from rca_tui.widgets.plot import Plot

if TYPE_CHECKING:
    from methods.types import Explanation, Step

EARLIEST, LATEST = 1e9, 4e9
"""Numbers between these are taken for unix seconds (2001 to 2096)."""


def plot_of(diagnosis: Diagnosis, step: Step) -> Plot | None:
    """The step's first series, edge or spans, over the whole incident; None when it points at none of these."""
    from methods.types import EdgePointer, SeriesPointer, SpansPointer

    window, frames = diagnosis.incident.window, diagnosis.frames
    for pointer in step.pointers:
        peers: list[Line] = []
        scattered, unit = False, "s"
        if isinstance(pointer, SeriesPointer):
            line = frames.line(pointer.component, pointer.signal)
            title, unit = f"{pointer.component} {pointer.signal}", frames.units.get(pointer.signal, "")
            if pointer.component in diagnosis.incident.topology:
                found = (frames.line(p, pointer.signal) for p in diagnosis.incident.topology.peers(pointer.component))
                peers = [peer for peer in found if peer is not None]
        elif isinstance(pointer, EdgePointer):
            line = frames.edge_line(pointer.source, pointer.target, pointer.signal)
            title, unit = f"{pointer.source} → {pointer.target} {pointer.signal}", frames.units.get(pointer.signal, "")
        elif isinstance(pointer, SpansPointer):
            line = frames.span_line(pointer.component, pointer.operation, window.start, window.end)
            title, scattered = f"{pointer.component} {pointer.operation or 'spans'}: duration", True
        else:
            continue
        if line is None:
            continue
        return Plot(
            title=plain(title),
            unit=unit,
            start=window.start,
            end=window.end,
            lines=(*peers, line),
            scattered=scattered,
            shade=(pointer.start, pointer.end),
            bands=("", "this step"),
            onset=diagnosis.mark.time if diagnosis.mark else None,
            onset_label=diagnosis.mark.label if diagnosis.mark else "onset",
            levels=tuple((plain(name), value) for name, value in step.levels.items()),
        )
    return None


def logs_of(diagnosis: Diagnosis, step: Step, limit: int = 40) -> Text | None:
    """The log lines that the step points at, the newest last; None when it points at none."""
    from methods.types import LogsPointer

    for pointer in step.pointers:
        if isinstance(pointer, LogsPointer):
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(f"{plain(pointer.component)} log", style="bold")
            if pointer.template:
                text.append(f"  {plain(pointer.template)}", style="dim")
            for time, message in diagnosis.frames.log_lines(pointer.component, pointer.start, pointer.end, limit):
                text.append(f"\n{clock_time(time)} ", style="dim").append(plain(message))
            return text
    return None


def numbers_of(step: Step, width: int, limit: int = 40) -> Grid | None:
    """The step's table, or its graph's edges, or its named numbers; None when it has none."""
    if step.table is not None:
        heads, cells = step.table.columns, [tuple(_cell(c) for c in row) for row in step.table.rows[:limit]]
    elif step.graph is not None and step.graph.edges:
        heads = ("cause", "effect", "weight", "")
        cells = [(plain(e.cause), plain(e.effect), number(e.weight), plain(e.mark)) for e in step.graph.edges[:limit]]
    elif step.numbers:
        heads, cells = ("number", "value"), [(plain(k), _named(v)) for k, v in step.numbers.items()]
    else:
        return None
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    share = max(8, width // max(1, len(heads)) + 8)
    for i, head in enumerate(heads):
        numeric = bool(cells) and all(_numeric(row[i]) for row in cells)
        grid.add_column(Text(plain(head)), justify="right" if numeric else "left", no_wrap=True, max_width=share)
    for row in cells:
        grid.add_row(*(Text(fit(c, share)) for c in row))
    return grid


def as_text(method: str, explanation: Explanation) -> str:
    """All steps as plain text, for the clipboard."""
    lines = [method]
    for i, step in enumerate(explanation.steps, 1):
        lines.append(f"{i}. {plain(step.title)}: {plain(step.claim, 2000)}")
    lines += [f"caveat: {plain(caveat, 2000)}" for caveat in explanation.caveats]
    return "\n".join(lines)


def _named(value: float) -> str:
    """A number; a unix time as the time of day."""
    return clock_time(value) if EARLIEST <= value < LATEST else number(value)


def _cell(cell: object) -> str:
    if cell is None:
        return "–"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    return number(cell) if isinstance(cell, float) else plain(cell)


def _numeric(text: str) -> bool:
    return bool(text) and text[0] in "0123456789-–+"
