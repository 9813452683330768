"""Components of a deployment and how they depend on each other.

A component keeps its id for the life of a deployment ("replica-1"), whatever happens to the process, pod or container
behind it; `uid` names that incarnation and changes when it is replaced.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property


class Kind(StrEnum):
    """What a component is.

    `ENGINE`: one of several engines of a replica. `WORKER`: a pod of a replica that spans several pods; it computes for
    the one that serves. `SERVICE` is for imported stacks that are not LLM deployments.
    """

    GATEWAY = "gateway"
    HEAD = "head"
    REPLICA = "replica"
    ENGINE = "engine"
    WORKER = "worker"
    GPU = "gpu"
    NODE = "node"
    SERVICE = "service"


WITHIN = frozenset({Kind.ENGINE, Kind.WORKER})
"""Kinds of parts of a replica, which nobody calls but through it."""


class Relation(StrEnum):
    """`CALLS`: source sends requests to target; `RUNS_ON`: it lives on target; `USES`: it computes on target.

    `PART_OF`: it is one of those that target consists of.
    """

    CALLS = "calls"
    RUNS_ON = "runs_on"
    USES = "uses"
    PART_OF = "part_of"


@dataclass(frozen=True, slots=True)
class Component:
    """One part of the deployment that can be at fault."""

    id: str
    kind: Kind
    uid: str = ""
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)

    @property
    def alike(self) -> tuple[str, str]:
        """Equal of components that do the same work: a head that serves is like a replica, prefill is unlike decode."""
        kind = Kind.REPLICA if self.kind is Kind.HEAD else self.kind
        return kind.value, self.labels.get("phase", "")


@dataclass(frozen=True, slots=True)
class Edge:
    """A directed dependency between two components, by id.

    `weight` is the share of the source's calls that is to go to the target, from 0 to 1; None where nothing sets it.
    """

    source: str
    target: str
    relation: Relation = Relation.CALLS
    weight: float | None = None


@dataclass(frozen=True)
class Topology:
    """Components and the edges between them.

    `front_door` is the id of the component that users call; the SLI is measured there. None when it is unknown.
    Raises ValueError for duplicate ids, edges to unknown components, or an unknown front door.
    """

    components: tuple[Component, ...]
    edges: tuple[Edge, ...] = ()
    front_door: str | None = None

    def __post_init__(self) -> None:
        known: set[str] = set()
        for component in self.components:
            if component.id in known:
                raise ValueError(f"component ids must be unique, {component.id} is not")
            known.add(component.id)
        for edge in self.edges:
            for end in (edge.source, edge.target):
                if end not in known:
                    raise ValueError(f"edge {edge.source} -> {edge.target} names the unknown component {end}")
        if self.front_door is not None and self.front_door not in known:
            raise ValueError(f"the front door {self.front_door} is not a component")

    @property
    def ids(self) -> tuple[str, ...]:
        return tuple(component.id for component in self.components)

    def __contains__(self, component_id: object) -> bool:
        return component_id in self._by_id

    def component(self, component_id: str) -> Component:
        """The component of that id. Raises KeyError naming those that exist."""
        try:
            return self._by_id[component_id]
        except KeyError:
            raise KeyError(f"no component {component_id}; there are: {', '.join(self.ids)}") from None

    def of_kind(self, *kinds: Kind) -> tuple[Component, ...]:
        return tuple(component for component in self.components if component.kind in kinds)

    def callees(self, component_id: str) -> tuple[str, ...]:
        return self._targets.get((component_id, Relation.CALLS), ())

    def callers(self, component_id: str) -> tuple[str, ...]:
        return self._callers.get(component_id, ())

    def share(self, caller: str, callee: str) -> float | None:
        """The share of the caller's calls that is to go to the callee, from 0 to 1; None where nothing sets it."""
        edges = (edge for edge in self.edges if edge.relation is Relation.CALLS)
        return next((edge.weight for edge in edges if (edge.source, edge.target) == (caller, callee)), None)

    def hosts(self, component_id: str) -> tuple[str, ...]:
        """The nodes that the component runs on."""
        return self._targets.get((component_id, Relation.RUNS_ON), ())

    def peers(self, component_id: str) -> tuple[str, ...]:
        """Other components that do the same work for the same callers: those that it can be compared with.

        A head that also serves requests is a peer of the replicas; all engines within replicas are peers, and so are
        all workers.
        """
        own = self.component(component_id)
        if own.kind in WITHIN:
            return tuple(c.id for c in self.of_kind(own.kind) if c.id != own.id and c.alike == own.alike)
        shared = {callee for caller in self.callers(component_id) for callee in self.callees(caller)}
        return tuple(c.id for c in self.components if c.id != own.id and c.alike == own.alike and c.id in shared)

    @cached_property
    def _by_id(self) -> dict[str, Component]:
        return {component.id: component for component in self.components}

    @cached_property
    def _targets(self) -> dict[tuple[str, Relation], tuple[str, ...]]:
        found: defaultdict[tuple[str, Relation], list[str]] = defaultdict(list)
        for edge in self.edges:
            found[edge.source, edge.relation].append(edge.target)
        return {key: tuple(targets) for key, targets in found.items()}

    @cached_property
    def _callers(self) -> dict[str, tuple[str, ...]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for edge in self.edges:
            if edge.relation is Relation.CALLS:
                found[edge.target].append(edge.source)
        return {target: tuple(sources) for target, sources in found.items()}


def calls(source: str, targets: Iterable[str]) -> tuple[Edge, ...]:
    """Call edges from one source to each target."""
    return tuple(Edge(source, target, Relation.CALLS) for target in targets)
