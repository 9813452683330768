"""Plots of a snapshot's signals, with the onset, the fault window, the cursor and the peers marked on them."""

from __future__ import annotations

from cluster.text.plain import plain
from rca_tui.draw.plot import Plot
from rca_tui.frames import Line
from rca_tui.session import Mark, Session, Snapshot


def chart_of(
    session: Session,
    snapshot: Snapshot,
    component: str,
    signal: str,
    window: tuple[float, float] | None = None,
    peers: bool = True,
) -> Plot | None:
    """One signal of one component over the window (None: all of it), with its peers; None if it was not recorded."""
    line = snapshot.frames.line(component, signal)
    if line is None:
        return None
    start, end = window or (snapshot.start, snapshot.end)
    others: list[Line] = []
    if peers and component in snapshot.topology:
        peer_lines = (snapshot.frames.line(peer, signal) for peer in snapshot.topology.peers(component))
        others = [peer_line for peer_line in peer_lines if peer_line is not None]
    return _plot(session, snapshot, f"{component} {signal}", signal, (*others, line), start, end)


def chart_of_calls(session: Session, snapshot: Snapshot, component: str, signal: str) -> Plot | None:
    """One signal of the calls to a component, as its caller measures it, beside the calls to its peers."""
    frames = snapshot.frames
    for caller in snapshot.topology.callers(component):
        line = frames.edge_line(caller, component, signal)
        if line is not None:
            peer_lines = (frames.edge_line(caller, peer, signal) for peer in snapshot.topology.peers(component))
            lines = (*(peer_line for peer_line in peer_lines if peer_line is not None), line)
            title = f"{caller} → {component} {signal}"
            return _plot(session, snapshot, title, signal, lines, snapshot.start, snapshot.end)
    return None


def _plot(
    session: Session, snapshot: Snapshot, title: str, signal: str, lines: tuple[Line, ...], start: float, end: float
) -> Plot:
    return Plot(
        title=plain(title),
        unit=snapshot.frames.units.get(signal),
        start=start,
        end=max(end, start + 1.0),
        lines=lines,
        shade=fault_window(session, end),
        onset=session.mark.time if session.mark else None,
        onset_label=onset_label(session.mark),
        cursor=session.moment,
        marks=tuple((each.time, each.bad) for each in snapshot.happenings),
    )


def fault_window(session: Session, end: float) -> tuple[float, float] | None:
    """Start and end of the injection of this session, else from the onset to the end; None without an onset."""
    injection = session.injection
    if injection is not None and injection.started is not None:
        return (injection.started, injection.ended if injection.ended is not None else end)
    return (session.mark.time, end) if session.mark else None


def onset_label(mark: Mark | None) -> str:
    return mark.label if mark else "onset"
