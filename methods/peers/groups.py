"""Groups of components that are each other's control: alike in kind and called by the same callers."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from cluster.endpoints.fleet import is_virtual
from cluster.topology import WITHIN, Kind, Relation, Topology

REPLICAS = frozenset({Kind.HEAD, Kind.REPLICA, *WITHIN})
"""Kinds of which those that are called alike do the same work; services that one calls do not."""


@dataclass(frozen=True)
class Group:
    """Peers, sorted by id; a component without peers is a group of one.

    Attributes:
        callers: components that call every member.
        callees: what any member calls.
        merged: the caller is a front door made of what the members measure: it routes nothing.
        replicas: several that do the same work, so that they have the same latency and load when all is well.
    """

    members: tuple[str, ...]
    callers: frozenset[str]
    callees: tuple[str, ...]
    merged: bool = False
    replicas: bool = False

    @property
    def caller(self) -> str | None:
        """The one that decides which member gets a request; None where nobody does, or several do."""
        return next(iter(self.callers)) if len(self.callers) == 1 and not self.merged else None


def groups_of(topology: Topology) -> tuple[Group, ...]:
    """Every component is in one group. Heads and replicas are alike: a head that serves is a peer of the replicas."""
    callers: dict[str, set[str]] = defaultdict(set)
    callees: dict[str, set[str]] = defaultdict(set)
    for edge in topology.edges:
        if edge.relation is Relation.CALLS:
            callers[edge.target].add(edge.source)
            callees[edge.source].add(edge.target)
    if not callees and topology.front_door is not None:  # who calls whom is not known, but users call the front door
        callees[topology.front_door] = set(topology.ids) - {topology.front_door} - hosts_of(topology)
    members: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for component in topology.components:
        above = sorted(callers[component.id])
        # Nobody calls it: there is nothing that makes it alike to another. Parts of replicas are alike.
        alike = above or component.kind in WITHIN
        members[(*component.alike, *above) if alike else ("", component.id)].append(component.id)
    groups = (
        Group(
            tuple(sorted(found)),
            frozenset(callers[found[0]]),
            tuple(sorted(set().union(*(callees[member] for member in found)))),
            merged=any(is_virtual(topology.component(one)) for one in callers[found[0]] if one in topology),
            replicas=len(found) > 1 and topology.component(found[0]).kind in REPLICAS,
        )
        for found in members.values()
    )
    return tuple(sorted(groups, key=lambda group: group.members))


def hosts_of(topology: Topology) -> frozenset[str]:
    """Components that others run on: their signals add up those of what runs there."""
    return frozenset(edge.target for edge in topology.edges if edge.relation is Relation.RUNS_ON)
