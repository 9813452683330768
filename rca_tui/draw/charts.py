"""Plots of a snapshot's signals, with the onset, the fault window, the cursor and the peers marked on them."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.text.plain import plain
from methods.telemetry.health_types import Change, Sort
from rca_tui.draw.health import health_of
from rca_tui.draw.plot import Plot
from rca_tui.frames import Line
from rca_tui.session import Mark, Session, Snapshot

SHOWN = ("latency_p90", "ttft_p90", "queue_length", "error_ratio", "request_rate", "cpu_usage", "memory_working_set")
"""Signals that are plotted where nothing changed, in order of preference."""
AFTER_ONSET = 30.0
"""Seconds after the onset at which what changed the most is read."""


def telling_plots(
    session: Session, snapshot: Snapshot, component: str, changes: Sequence[Change], most: int
) -> list[Plot]:
    """Up to `most` plots of a component: what changed, in that order, then the usual signals."""
    plots: dict[str, Plot | None] = {}
    for change in changes:
        if change.sort is Sort.ROUTING:
            plots["calls request_rate"] = chart_of_calls(session, snapshot, change.callee, "request_rate")
        elif change.caller:
            plots[f"calls {change.signal}"] = chart_of_calls(session, snapshot, component, change.signal)
        elif change.signal:
            plots[change.signal] = chart_of(session, snapshot, component, change.signal)
    has = snapshot.frames.signals(component)
    for signal in [*(s for s in SHOWN if s in has), *has]:
        if len(plots) < most + len(changes) and signal not in plots:
            plots[signal] = chart_of(session, snapshot, component, signal)
    return [plot for plot in plots.values() if plot is not None][:most]


def changed_most(session: Session, snapshot: Snapshot, component: str, mark: Mark | None = None) -> Plot | None:
    """The signal of a component that left its normal the most soon after the onset, else its latency.

    To a player of a drill it names no other component: where the requests of one go is left out.

    Args:
        mark: the onset; None for that of the session.
    """
    if component not in snapshot.topology:
        return None
    onset = mark or session.mark
    moment = snapshot.end if onset is None else min(snapshot.end, onset.time + AFTER_ONSET)
    health = next(h for h in health_of(snapshot, moment) if h.component == component)
    changes = [c for c in health.changes if c.sort is not Sort.ROUTING or not session.unhelped]
    return next(iter(telling_plots(session, snapshot, component, changes, 1)), None)


def watching_plots(session: Session, snapshot: Snapshot, target: str, expected: Sequence[str], most: int) -> list[Plot]:
    """Up to `most` plots of a fault's target: the signals that the expected effects name, then the users' SLI."""
    has = [s for s in snapshot.frames.signals(target) if any(s in effect for effect in expected)]
    plots = [chart_of(session, snapshot, target, signal) for signal in has[: most - 1] or ["latency_p90"]]
    if (door := snapshot.topology.front_door) is not None and door != target:
        plots.append(chart_of(session, snapshot, door, "latency_p90"))
    return [plot for plot in plots if plot is not None][:most]


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
