"""Rows of the overview: the SLIs of each component at one moment, the worst first. Rules of display, not analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median

from cluster.topology import Topology
from rca_tui.frames import Frames, Line
from rca_tui.session import Snapshot
from rca_tui.theme import BAD, GOOD, UNKNOWN, WARN

ERRORS_BAD, ERRORS_WARN = 0.05, 0.005
"""Error ratios from which a component is displayed as bad, and as a warning."""
UNEVEN = 1.5
"""Latency divided by the median of its peers, from which a component is displayed as a warning."""
SPARK = 120.0
"""Seconds of latency in the sparkline."""


@dataclass(frozen=True, slots=True)
class Row:
    """One component. Times in seconds, `requests` per second, None where nothing was measured in the last seconds.

    `branch` is the tree drawn before its name; `uneven` is its latency over the median of its peers' latencies.
    """

    component: str
    kind: str
    branch: str
    glyph: str
    latency: float | None
    errors: float | None
    requests: float | None
    ttft: float | None
    tpot: float | None
    queue: float | None
    cpu: float | None
    memory: float | None
    uneven: float | None
    trail: tuple[float, ...]


def rows(snapshot: Snapshot, moment: float) -> tuple[Row, ...]:
    """The front door, then the components that it calls, then the others; the worst first in each group."""
    topology = snapshot.topology
    by_component = {c: _row(snapshot, c, moment) for c in topology.ids}
    door = topology.front_door
    branches = topology.callees(door) if door else ()
    rest = [c for c in topology.ids if c != door and c not in branches]
    order = sorted(branches, key=lambda c: badness(by_component[c]), reverse=True)
    tree = dict.fromkeys(order, "├ ") | ({order[-1]: "└ "} if order else {})
    listed = ([door] if door else []) + order + sorted(rest, key=lambda c: badness(by_component[c]), reverse=True)
    return tuple(replace(by_component[c], branch=tree.get(c, "")) for c in listed)


def matching(listed: tuple[Row, ...], wanted: str) -> tuple[Row, ...]:
    """The rows whose component or kind contains the text; all for an empty text."""
    needle = wanted.strip().casefold()
    if not needle:
        return listed
    return tuple(replace(r, branch="") for r in listed if needle in r.component.casefold() or needle in r.kind)


def badness(row: Row) -> tuple[int, float, float, float]:
    """Sort key, the worst is the greatest: down, then errors, then latency relative to its peers, then latency."""
    errors = row.errors or 0.0
    down = {BAD: 2, WARN: 1}.get(row.glyph, 0)
    return (down, round(errors, 3), row.uneven or 0.0, row.latency or 0.0)


def error_ratio(frames: Frames, component: str, moment: float) -> float | None:
    """Failed requests per ended request: as exported, else computed from the two rates."""
    ratio = _at(frames, component, "error_ratio", moment)
    if ratio is not None:
        return ratio
    failed, ended = (_at(frames, component, s, moment) for s in ("error_rate", "request_rate"))
    return failed / ended if failed is not None and ended else None


def _row(snapshot: Snapshot, component: str, moment: float) -> Row:
    frames, topology = snapshot.frames, snapshot.topology
    latency = _at(frames, component, "latency_p90", moment)
    errors = error_ratio(frames, component, moment)
    uneven = _against_peers(frames, topology, component, latency, moment)
    queue = _at(frames, component, "queue_length", moment)
    line = frames.line(component, "latency_p90")
    measured = any(_at(frames, component, s, moment) is not None for s in frames.signals(component))
    return Row(
        component=component,
        kind=topology.component(component).kind.value,
        branch="",
        glyph=_glyph(snapshot.up.get(component), measured, errors, uneven),
        latency=latency,
        errors=errors,
        requests=_at(frames, component, "request_rate", moment),
        ttft=_at(frames, component, "ttft_p90", moment),
        tpot=_at(frames, component, "tpot_p90", moment),
        queue=queue if queue is not None else _at(frames, component, "connections", moment),
        cpu=_at(frames, component, "cpu_usage", moment),
        memory=_at(frames, component, "memory_working_set", moment) or _at(frames, component, "memory_used", moment),
        uneven=uneven,
        trail=_trail(line, moment),
    )


def _glyph(up: bool | None, measured: bool, errors: float | None, uneven: float | None) -> str:
    if up is False or (errors is not None and errors >= ERRORS_BAD):
        return BAD
    if not measured:
        return UNKNOWN
    if (errors is not None and errors >= ERRORS_WARN) or (uneven is not None and uneven >= UNEVEN):
        return WARN
    return GOOD


def _against_peers(
    frames: Frames, topology: Topology, component: str, latency: float | None, moment: float
) -> float | None:
    theirs = [_at(frames, peer, "latency_p90", moment) for peer in topology.peers(component)]
    usual = [value for value in theirs if value]
    return latency / median(usual) if latency is not None and usual else None


def _at(frames: Frames, component: str, signal: str, moment: float) -> float | None:
    line = frames.line(component, signal)
    return line.at(moment) if line else None


def _trail(line: Line | None, moment: float) -> tuple[float, ...]:
    return line.within(moment - SPARK, moment).values if line else (math.nan,)
