"""The components behind targets, by their labels.

- `component`: its id; targets with the same one belong to one component. Otherwise each target is a replica of its own.
- `role`: `gateway`, `head`, `node` or `replica`; another text is a replica.
- `gateway`: the id of the gateway that sends it requests; `true` says that the target is the gateway.

Without a gateway a virtual front door stands before all replicas.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.deployment import DeploymentError
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls

FRONT_DOOR = "front-door"
"""Id of the virtual front door."""
METRICS_URL = "metrics_url"
"""Label of a component: where its metrics are, without login and query."""
_ROLES = {"gateway": Kind.GATEWAY, "router": Kind.GATEWAY, "head": Kind.HEAD, "node": Kind.NODE}
_TRUE = frozenset({"true", "yes", "1"})
_STRANGE = re.compile(r"[^A-Za-z0-9._:\[\]-]+")


@dataclass(frozen=True, slots=True)
class Member:
    """One target: its address, its labels, and its id where no label says one ("" for the next number).

    `url` is that of its metrics, where it is known.
    """

    address: str
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    id: str = ""
    url: str = ""


@dataclass(frozen=True)
class Fleet:
    """Components of targets.

    Attributes:
        ids: the component of each member, in order.
        of_address: address -> component.
    """

    topology: Topology
    ids: tuple[str, ...]
    of_address: Mapping[str, str]


def fleet_of(members: Sequence[Member]) -> Fleet:
    """The components and who calls whom. Raises DeploymentError, one sentence."""
    kinds: dict[str, Kind] = {}
    ids: list[str] = []
    behind: dict[str, str] = {}
    labels: dict[str, Mapping[str, str]] = {}
    numbers: Counter[Kind] = Counter()
    taken = {_clean(member.labels["component"]) for member in members if member.labels.get("component")}
    for member in members:
        kind = _kind(member)
        own = _clean(member.labels.get("component", "")) or member.id
        while not own or (not member.labels.get("component") and own in taken):
            numbers[kind] += 1
            alone = kind is not Kind.REPLICA and numbers[kind] == 1
            own = kind.value if alone else f"{kind.value}-{numbers[kind]}"
        if kinds.setdefault(own, kind) is not kind:
            raise DeploymentError(f"{own} is a {kinds[own]} by one target and a {kind} by another: give it one role")
        ids.append(own)
        labels.setdefault(own, {"address": member.address, **member.labels, **_metrics_url(member)})
        door = _clean(member.labels.get("gateway", ""))
        if door and door.lower() not in _TRUE and door != own:
            behind[own] = door
    for door in behind.values():
        if kinds.setdefault(door, Kind.GATEWAY) is not Kind.GATEWAY:
            raise DeploymentError(f"{door} is a {kinds[door]} by its role, and the gateway of others: give it one role")
    return Fleet(
        _topology(kinds, behind, labels, members, ids),
        tuple(ids),
        dict(zip((member.address for member in members), ids, strict=True)),
    )


def is_virtual(component: Component) -> bool:
    """Whether it is a front door that merges what its replicas measure, and nothing that runs."""
    return component.id == FRONT_DOOR and "address" not in component.labels


def _metrics_url(member: Member) -> dict[str, str]:
    return {METRICS_URL: member.url} if member.url else {}


def _kind(member: Member) -> Kind:
    if member.labels.get("gateway", "").lower() in _TRUE:
        return Kind.GATEWAY
    return _ROLES.get(member.labels.get("role", "").lower(), Kind.REPLICA)


def _topology(
    kinds: dict[str, Kind],
    behind: Mapping[str, str],
    labels: Mapping[str, Mapping[str, str]],
    members: Sequence[Member],
    ids: Sequence[str],
) -> Topology:
    serving = [one for one, kind in kinds.items() if kind in (Kind.HEAD, Kind.REPLICA)]
    if not serving:
        raise DeploymentError("no target is a replica: name the addresses of the engines with --targets")
    doors = [one for one, kind in kinds.items() if kind is Kind.GATEWAY]
    first = [door for door in doors if door not in behind]
    if len(first) > 1:
        raise DeploymentError(f"{' and '.join(first[:3])} are gateways at the front: watch one at a time, or label one")
    if doors and not first:
        raise DeploymentError(f"the gateways {', '.join(doors[:3])} call each other: one must be at the front")
    if not doors:
        kinds = {FRONT_DOOR: Kind.GATEWAY, **kinds}
        first = [FRONT_DOOR]
    edges: list[Edge] = []
    for one in [*serving, *doors]:
        if one != first[0]:
            edges += calls(behind.get(one, first[0]), [one])
    hosts = {_host(m.address): own for m, own in zip(members, ids, strict=True) if kinds[own] is Kind.NODE}
    for one, address in {own: _host(m.address) for m, own in zip(members, ids, strict=True)}.items():
        if address in hosts and kinds[one] is not Kind.NODE:
            edges.append(Edge(one, hosts[address], Relation.RUNS_ON))
    order = {kind: number for number, kind in enumerate((Kind.GATEWAY, Kind.HEAD, Kind.REPLICA, Kind.NODE))}
    components = [Component(one, kind, labels=dict(labels.get(one, {}))) for one, kind in kinds.items()]
    components.sort(key=lambda component: order[component.kind])
    return Topology(tuple(components), tuple(edges), front_door=first[0])


def _clean(text: str) -> str:
    return _STRANGE.sub("-", text).strip("-")[:100]


def _host(address: str) -> str:
    return address.rpartition(":")[0]
