"""The call graph as a causal graph: a node a component, its latency as the variable, its callees as its parents.

A caller waits for its callees, so trouble moves from callee to caller. Only components that the front door reaches by
calls are nodes. A component's latency is what its callers measure, or where nobody measures any call, what it reports
itself. A component without a latency is skipped: its callers get its callees as parents.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cluster.incident.model import Incident
from methods.answer.refusals import NO_FRONT_DOOR, NO_ONSET
from methods.answer.types import EdgePointer, Graph, GraphEdge, NoRanking, Reason, SeriesPointer
from methods.answer.wording import counted
from methods.telemetry.calls import CallLatencies, call_latencies, reported_latencies
from methods.telemetry.matrix import Floats


@dataclass(frozen=True, eq=False)
class CallNodes:
    """C components in causal order, callees before callers; the front door is the last.

    Attributes:
        components: C ids.
        before, after: (T0, C) and (T1, C) latency in the signal's own unit, before the onset and from it on.
        times: (T1,) unix seconds of `after`.
        parents: for each component the positions of its measured callees.
        pointers: for each component where its latency is.
    """

    components: tuple[str, ...]
    before: Floats
    after: Floats
    times: Floats
    parents: tuple[tuple[int, ...], ...]
    pointers: tuple[EdgePointer | SeriesPointer, ...]

    @property
    def target(self) -> int:
        """Position of the front door."""
        return len(self.components) - 1

    def graph(self, marked: int) -> Graph:
        """For an explanation: callee -> caller, with the edges out of one component marked."""
        edges = tuple(
            GraphEdge(self.components[parent], self.components[i], 1.0, "blamed" if parent == marked else "")
            for i, parents in enumerate(self.parents)
            for parent in parents
        )
        return Graph(self.components, edges)


def call_nodes(incident: Incident, least_before: int) -> CallNodes | NoRanking:
    """The nodes; NoRanking(NOT_APPLICABLE) without a front door, an onset, latencies or samples, or with a circle."""
    front = incident.topology.front_door
    if front is None:
        return NO_FRONT_DOOR
    if incident.onset is None:
        return NO_ONSET
    calls = call_latencies(incident)
    if isinstance(calls, NoRanking):
        reported = reported_latencies(incident)
        if isinstance(reported, NoRanking):
            return calls
        calls = reported
    early = calls.times < incident.onset.time
    if early.sum() < least_before or early.all():
        detail = f"{counted(int(early.sum()), 'sample')} before the onset and {int((~early).sum())} after it, at least "
        return NoRanking(Reason.NOT_APPLICABLE, f"{detail}{least_before} and 1 are needed")
    latency = _latencies(incident, calls, front)
    if front not in latency:
        return NoRanking(Reason.NOT_APPLICABLE, f"the latency of the front door {front} was not measured")
    order = _callees_first(calls, front)
    if order is None:
        return NoRanking(Reason.NOT_APPLICABLE, "the calls form a circle, so no component comes before its callers")
    components = tuple(component for component in order if component in latency)
    position = {component: i for i, component in enumerate(components)}
    parents = tuple(
        tuple(sorted(position[callee] for callee in _measured_below(calls, component, latency)))
        for component in components
    )
    values = np.stack([latency[component][0] for component in components], axis=1)
    pointers = tuple(latency[component][1] for component in components)
    return CallNodes(components, values[early], values[~early], calls.times[~early], parents, pointers)


def _latencies(
    incident: Incident, calls: CallLatencies, front: str
) -> dict[str, tuple[Floats, EdgePointer | SeriesPointer]]:
    """The front door's own report comes before the sum of its calls, which would be a function of its callees."""
    found = {}
    for component in incident.topology.ids:
        latency = (calls.reported(component) if component == front else None) or calls.latency(component, front)
        if latency is not None and np.isfinite(latency[0]).all():
            found[component] = latency
    return found


def _callees_first(calls: CallLatencies, front: str) -> list[str] | None:
    """What the front door reaches, every component after those that it calls; None where calls form a circle."""
    order: list[str] = []
    done: set[str] = set()
    open_: set[str] = set()
    waiting = [(front, False)]
    while waiting:
        component, left = waiting.pop()
        if left:
            open_.discard(component)
            done.add(component)
            order.append(component)
        elif component in open_:
            return None
        elif component not in done:
            open_.add(component)
            waiting.append((component, True))
            waiting.extend((callee, False) for callee in calls.callees(component))
    return order


def _measured_below(
    calls: CallLatencies, component: str, measured: dict[str, tuple[Floats, EdgePointer | SeriesPointer]]
) -> set[str]:
    found: set[str] = set()
    waiting, visited = list(calls.callees(component)), {component}
    while waiting:
        callee = waiting.pop()
        if callee in visited:
            continue
        visited.add(callee)
        if callee in measured:
            found.add(callee)
        else:
            waiting.extend(calls.callees(callee))
    return found
