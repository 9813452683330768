"""The evidence of a step of an explanation, as a plot or as lines of text."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from rich.table import Table as Grid
from rich.text import Text

from cluster.text.plain import plain
from cluster.text.times import ZONE, bare_clock_time
from rca_tui.draw.plot import Plot
from rca_tui.draw.text import fit
from rca_tui.frames import Frames, Line
from rca_tui.session import Diagnosis

if TYPE_CHECKING:
    from cluster.incident.model import Incident
    from methods.answer.types import Explanation, Pointer, Step


def plot_of(diagnosis: Diagnosis, step: Step) -> Plot | None:
    """The step's first series, edge or spans over the whole incident; None when it has no such pointer."""
    for pointer in step.pointers:
        onset = diagnosis.mark.time if diagnosis.mark else None
        plot = plot_at(diagnosis.incident, diagnosis.frames, pointer, onset)
        if plot is not None:
            return replace(
                plot,
                bands=("", "this step"),
                onset_label=diagnosis.mark.label if diagnosis.mark else "onset",
                levels=tuple((plain(name), value) for name, value in step.levels.items()),
            )
    return None


def plot_at(incident: Incident, frames: Frames, pointer: Pointer, onset: float | None) -> Plot | None:
    """What a pointer names over the whole incident, beside its peers, the time that it speaks of shaded.

    None for log lines, and for what was not recorded.
    """
    from methods.answer.types import EdgePointer, SeriesPointer, SpansPointer

    window, topology = incident.window, incident.topology
    peers: list[Line | None] = []
    scattered, unit = False, "s"
    if isinstance(pointer, SeriesPointer):
        line = frames.line(pointer.component, pointer.signal)
        title, unit = f"{pointer.component} {pointer.signal}", frames.units.get(pointer.signal, "")
        if pointer.component in topology:
            peers = [frames.line(peer, pointer.signal) for peer in topology.peers(pointer.component)]
    elif isinstance(pointer, EdgePointer):
        line = frames.edge_line(pointer.source, pointer.target, pointer.signal)
        title, unit = f"{pointer.source} → {pointer.target} {pointer.signal}", frames.units.get(pointer.signal, "")
        if pointer.target in topology:
            others = topology.peers(pointer.target)
            peers = [frames.edge_line(pointer.source, other, pointer.signal) for other in others]
    elif isinstance(pointer, SpansPointer):
        line = frames.span_line(pointer.component, pointer.operation, window.start, window.end)
        title, scattered = f"{pointer.component} {pointer.operation or 'spans'}: duration", True
    else:
        return None
    if line is None:
        return None
    return Plot(
        title=plain(title),
        unit=unit,
        start=window.start,
        end=window.end,
        lines=(*(peer for peer in peers if peer is not None), line),
        scattered=scattered,
        shade=(pointer.start, pointer.end),
        onset=onset,
    )


def logs_of(diagnosis: Diagnosis, step: Step, limit: int = 40) -> Text | None:
    """The log lines that the step points at, the newest last; None when it has no such pointer."""
    from methods.answer.types import LogsPointer

    for pointer in step.pointers:
        if isinstance(pointer, LogsPointer):
            text = Text(no_wrap=True, overflow="ellipsis")
            text.append(f"{plain(pointer.component)} log", style="bold").append(f"  times in {ZONE}", style="dim")
            if pointer.template:
                text.append(f"  {plain(pointer.template)}", style="dim")
            for time, message in diagnosis.frames.log_lines(pointer.component, pointer.start, pointer.end, limit):
                text.append(f"\n{bare_clock_time(time)} ", style="dim").append(plain(message))
            return text
    return None


def numbers_of(step: Step, width: int, limit: int = 40) -> Grid | None:
    """What `methods.answer.documents.figures` says, cut to the room there is; None when the step has no numbers."""
    from cluster.display import text_of
    from methods.answer.documents import figures

    table = figures(step, limit)
    if table is None:
        return None
    grid = Grid(box=None, padding=(0, 2, 0, 0), header_style="dim", show_edge=False)
    share = max(8, width // max(1, len(table.columns)) + 8)
    for name in table.columns:
        side: Literal["left", "right"] = "right" if name in table.right else "left"
        grid.add_column(Text(plain(name)), justify=side, no_wrap=True, max_width=share)
    for row in table.rows:
        grid.add_row(*(Text(fit(text_of(cell), share)) for cell in row))
    return grid


def as_text(method: str, explanation: Explanation) -> str:
    """All steps as plain text, for the clipboard."""
    lines = [method]
    for i, step in enumerate(explanation.steps, 1):
        lines.append(f"{i}. {plain(step.title)}: {plain(step.claim, 2000)}")
    lines += [f"caveat: {plain(caveat, 2000)}" for caveat in explanation.caveats]
    return "\n".join(lines)
