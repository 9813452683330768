"""Rows of the overview: health and SLIs of each component at one moment, those in trouble first."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import median

from cluster.topology import Topology
from methods.telemetry.health_types import Health, State
from rca_tui.draw.health import health_of
from rca_tui.frames import Frames, Line
from rca_tui.session import Snapshot

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
    health: Health
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
    """Components in trouble or silent, the worst first; then the front door and what it calls; then the others."""
    topology, health = snapshot.topology, health_of(snapshot, moment)
    by_component = {h.component: _row(snapshot, h, moment) for h in health}
    first = [h.component for h in health if h.state in (State.TROUBLE, State.SILENT)]
    ranked = [h.component for h in health if h.component not in first]
    if (door := topology.front_door) in ranked:
        ranked.remove(door)
        branches = [c for c in ranked if c in topology.callees(door)]
        rest = [c for c in ranked if c not in branches]
        tree = dict.fromkeys(branches, "├ ") | ({branches[-1]: "└ "} if branches else {})
        ranked = [door, *branches, *rest]
    else:
        tree = {}
    return tuple(replace(by_component[c], branch=tree.get(c, "")) for c in (*first, *ranked))


def matching(listed: tuple[Row, ...], wanted: str) -> tuple[Row, ...]:
    """The rows whose component or kind contains the text; all for an empty text."""
    needle = wanted.strip().casefold()
    if not needle:
        return listed
    return tuple(replace(r, branch="") for r in listed if needle in r.component.casefold() or needle in r.kind)


def error_ratio(frames: Frames, component: str, moment: float) -> float | None:
    """Failed requests per ended request: as exported, else computed from the two rates."""
    ratio = _at(frames, component, "error_ratio", moment)
    if ratio is not None:
        return ratio
    failed, ended = (_at(frames, component, s, moment) for s in ("error_rate", "request_rate"))
    return failed / ended if failed is not None and ended else None


def _row(snapshot: Snapshot, health: Health, moment: float) -> Row:
    frames, topology, component = snapshot.frames, snapshot.topology, health.component
    latency = _at(frames, component, "latency_p90", moment)
    queue = _at(frames, component, "queue_length", moment)
    return Row(
        component=component,
        kind=topology.component(component).kind.value,
        branch="",
        health=health,
        latency=latency,
        errors=error_ratio(frames, component, moment),
        requests=_at(frames, component, "request_rate", moment),
        ttft=_at(frames, component, "ttft_p90", moment),
        tpot=_at(frames, component, "tpot_p90", moment),
        queue=queue if queue is not None else _at(frames, component, "connections", moment),
        cpu=_at(frames, component, "cpu_usage", moment),
        memory=_at(frames, component, "memory_working_set", moment) or _at(frames, component, "memory_used", moment),
        uneven=_against_peers(frames, topology, component, latency, moment),
        trail=_trail(frames.line(component, "latency_p90"), moment),
    )


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
