"""Plots of a snapshot's signals, with what the app knows marked on them: onset, fault window, cursor, peers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.text.plain import plain
from rca_tui.draw.frames import Line
from rca_tui.draw.plot import Plot
from rca_tui.session import Mark, Snapshot

if TYPE_CHECKING:
    from rca_tui.app import RcaApp


def chart_of(
    app: RcaApp,
    snapshot: Snapshot,
    component: str,
    signal: str,
    window: tuple[float, float] | None = None,
    peers: bool = True,
) -> Plot | None:
    """One signal of one component over the window (None: all), its peers faint behind it; None if not recorded."""
    line = snapshot.frames.line(component, signal)
    if line is None:
        return None
    start, end = window or (snapshot.start, snapshot.end)
    others: list[Line] = []
    if peers and component in snapshot.topology:
        found = (snapshot.frames.line(peer, signal) for peer in snapshot.topology.peers(component))
        others = [other for other in found if other is not None]
    return Plot(
        title=f"{plain(component)} {plain(signal)}",
        unit=snapshot.frames.units.get(signal),
        start=start,
        end=max(end, start + 1.0),
        lines=(*others, line),
        shade=fault_window(app, end),
        onset=app.mark.time if app.mark else None,
        onset_label=onset_label(app.mark),
        cursor=app.moment,
    )


def fault_window(app: RcaApp, end: float) -> tuple[float, float] | None:
    """The injection of this session where there is one, else everything from the onset on."""
    active = app.injection
    if active is not None and active.started is not None:
        until = active.ended if active.ended is not None else end
        return (active.started, until)
    return (app.mark.time, end) if app.mark else None


def onset_label(mark: Mark | None) -> str:
    return mark.label if mark else "onset"
