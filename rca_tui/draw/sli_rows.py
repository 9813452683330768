"""Rows of the overview: health and SLIs of each component at one moment, those in trouble first."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from statistics import median

from cluster.topology import Kind, Topology
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
    latencies = {one: _at(snapshot.frames, one, "latency_p90", moment) for one in topology.ids}
    uneven = _against_peers(topology, latencies)
    by_component = {h.component: _row(snapshot, h, moment, latencies[h.component], uneven) for h in health}
    first = dict.fromkeys(h.component for h in health if h.state in (State.TROUBLE, State.SILENT))
    ranked = [h.component for h in health if h.component not in first]
    if (door := topology.front_door) in ranked:
        ranked.remove(door)
        called = frozenset(topology.callees(door))
        branches = [c for c in ranked if c in called]
        rest = [c for c in ranked if c not in called]
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


def _row(snapshot: Snapshot, health: Health, moment: float, latency: float | None, uneven: Mapping[str, float]) -> Row:
    frames, topology, component = snapshot.frames, snapshot.topology, health.component
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
        uneven=uneven.get(component),
        trail=_trail(frames.line(component, "latency_p90"), moment),
    )


def _against_peers(topology: Topology, latencies: Mapping[str, float | None]) -> dict[str, float]:
    """Latency over the median of the peers' latencies, for each component that has both.

    Components of one kind with the same callers share the sorted values: asked for one by one, the peers of 2,000
    replicas would take seconds.
    """
    ordered: dict[tuple[Hashable, ...], list[float]] = {}
    found: dict[str, float] = {}
    for component, latency in latencies.items():
        if latency is None:
            continue
        part = topology.component(component)
        callers = topology.callers(component)
        # Without callers only engines have peers: each other.
        group = (part.kind, part.labels.get("phase"), callers or part.kind is Kind.ENGINE or component)
        if group not in ordered:
            alike = (component, *topology.peers(component))
            ordered[group] = sorted(value for one in alike if (value := latencies[one]))
        theirs = ordered[group]
        if latency:
            own = bisect_left(theirs, latency)
            theirs = theirs[:own] + theirs[own + 1 :]
        if theirs:
            found[component] = latency / median(theirs)
    return found


def _at(frames: Frames, component: str, signal: str, moment: float) -> float | None:
    line = frames.line(component, signal)
    return line.at(moment) if line else None


def _trail(line: Line | None, moment: float) -> tuple[float, ...]:
    return line.within(moment - SPARK, moment).values if line else (math.nan,)
