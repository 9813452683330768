"""The way trouble spread: from the cause against the calls to the front door, with the times of arrival.

A caller waits for what it calls, so trouble goes from callee to caller. The one exception is a caller that sends one
callee more than its share: that callee suffers first.
"""

from __future__ import annotations

import itertools
import math
from collections import deque
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from cluster.incident.model import Incident
from cluster.signals import SIGNALS, Hurts
from cluster.topology import Relation, Topology
from methods.verdict.normal import departures, keys_of
from methods.verdict.types import Hop

EARLY = 5.0
"""Seconds by which a caller may leave its normal before the cause, by chance."""
LATER = 30.0
"""Seconds after the stretch that shows the cause's trouble, in which it may still arrive at its callers."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """[start, end) in unix seconds that shows the trouble of a component."""

    start: float
    end: float


def spread(incident: Incident, causes: Mapping[str, Stretch], overfull: str | None = None) -> tuple[Hop, ...]:
    """Hops from each cause to the front door, each once, in the order of their times.

    Args:
        causes: component at fault -> where its trouble shows.
        overfull: a callee that the only cause sends more than its share.
    """
    hops: dict[tuple[str, str], Hop] = {}
    for cause, stretch in causes.items():
        reached = stretch.start
        if overfull is not None and overfull in incident.topology.callees(cause):
            hops[cause, overfull] = Hop(cause, overfull, _arrival(incident, overfull, stretch, reached))
        for source, target in _steps(incident, cause, stretch):
            at = _arrival(incident, target, stretch, reached, source)
            hops.setdefault((source, target), Hop(source, target, at))
            reached = at if at is not None else reached
    known = [hop.at for hop in hops.values() if hop.at is not None]
    last = max(known, default=0.0)
    return tuple(sorted(hops.values(), key=lambda hop: hop.at if hop.at is not None else last + 1))


def early(incident: Incident, causes: Mapping[str, Stretch]) -> tuple[tuple[str, str, float], ...]:
    """(caller, cause, when) of callers that left their normal more than `EARLY` seconds before what they call."""
    found = []
    for cause, stretch in causes.items():
        for caller in incident.topology.callers(cause):
            at = _arrival(incident, caller, stretch, -math.inf, cause)
            if at is not None and at < stretch.start - EARLY:
                found.append((caller, cause, at))
    return tuple(found)


def expected(topology: Topology, causes: Collection[str], target: str = "") -> frozenset[tuple[str, str]]:
    """The (source, target) pairs that a right path has, for known causes.

    From each cause the shortest chain of callers to the front door. A cause that is the front door itself has none, but
    where the fault shows at a callee of it, as with a replica that gets all requests: that one hop.

    Args:
        target: the component at which the fault shows, where that is another than the cause.
    """
    found: set[tuple[str, str]] = set()
    for cause in causes:
        chain = _shortest(topology, cause)
        found |= set(itertools.pairwise(chain))
        if target and target != cause and target in topology.callees(cause):
            found.add((cause, target))
    return frozenset(found)


def right(path: Iterable[Hop], topology: Topology, causes: Collection[str], target: str = "") -> bool:
    """Whether the whole path is right: exactly the expected hops, and no hop arrives before the one that leads to it.

    With no cause (nobody at fault) the right path is empty.
    """
    hops = tuple(path)
    if {(hop.source, hop.target) for hop in hops} != expected(topology, causes, target):
        return False
    arrived: dict[str, float] = {}
    for hop in hops:
        if hop.at is not None:
            if hop.at < arrived.get(hop.source, hop.at):
                return False
            arrived[hop.target] = max(hop.at, arrived.get(hop.target, hop.at))
    return True


def _steps(incident: Incident, cause: str, stretch: Stretch) -> list[tuple[str, str]]:
    """(callee, caller) pairs up to the front door, by the shortest way; of several, by the caller that suffers first.

    Where no front door is known, or none can be reached, up to the last caller that suffers.
    """
    topology = incident.topology
    depth = _depths(topology)
    steps, at, seen = [], cause, {cause}
    while at != topology.front_door:
        callers = [c for c in _dependents(topology, at) if c not in seen]
        if at in depth:
            callers = [c for c in callers if depth.get(c) == depth[at] - 1]
        arrivals = {c: _arrival(incident, c, stretch, stretch.start, at) for c in callers}
        suffering = sorted((time, c) for c, time in arrivals.items() if time is not None)
        if not callers or (at not in depth and not suffering):
            break
        chosen = suffering[0][1] if suffering else min(callers)
        steps.append((at, chosen))
        seen.add(chosen)
        at = chosen
    return steps


def _arrival(incident: Incident, component: str, stretch: Stretch, reached: float, callee: str = "") -> float | None:
    """When a component's own signals left their normal, not before `reached`; else what it measures of its calls."""
    own = [key for key in keys_of(incident.telemetry.metrics) if key[0] == component and _tells(key[-1])]
    calls = keys_of(incident.telemetry.edge_metrics)
    measured = [key for key in calls if key[:2] == (component, callee) and _tells(key[-1])]
    for keys in (own, measured):
        found = sorted(departures(incident, keys, stretch.start, stretch.end + LATER).values())
        if found:
            return max(found[0], reached)
    return None


def _tells(signal: str) -> bool:
    """Whether a signal shows what users or callers suffer: latency, errors, queues; not load, and not the host's."""
    known = SIGNALS.get(signal)
    return known is not None and known.hurts is Hurts.UP and not signal.startswith(("memory", "cpu", "gpu", "restarts"))


def _dependents(topology: Topology, component: str) -> tuple[str, ...]:
    """Who waits for the component: its callers; of a node or a GPU, what runs there."""
    on_it = {Relation.RUNS_ON, Relation.USES, Relation.CALLS}
    return tuple(sorted({e.source for e in topology.edges if e.target == component and e.relation in on_it}))


def _depths(topology: Topology) -> dict[str, int]:
    """Component -> number of hops to the front door, for those that have a way."""
    if topology.front_door is None:
        return {}
    below: dict[str, set[str]] = {}
    for edge in topology.edges:
        below.setdefault(edge.source, set()).add(edge.target)
    depth, queue = {topology.front_door: 0}, deque([topology.front_door])
    while queue:
        at = queue.popleft()
        for callee in sorted(below.get(at, ())):
            if callee not in depth:
                depth[callee] = depth[at] + 1
                queue.append(callee)
    return depth


def _shortest(topology: Topology, cause: str) -> list[str]:
    depth = _depths(topology)
    chain = [cause]
    while chain[-1] in depth and depth[chain[-1]] > 0:
        chain.append(min(c for c in _dependents(topology, chain[-1]) if depth.get(c) == depth[chain[-1]] - 1))
    return chain
