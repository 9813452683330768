"""The components behind imported series, and what their front door measures.

As of targets that are scraped live: what exports an engine's metrics is a replica, what exports a gateway's is the
front door, and without a gateway a virtual one stands before all replicas. What the front door does not measure is
merged from the replicas.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cluster.deployment import DeploymentError
from cluster.endpoints.fleet import FRONT_DOOR, Fleet, Member, fleet_of
from cluster.imports import span_metrics
from cluster.imports.expressions import Floats
from cluster.imports.measured import Measured
from cluster.incident.model import empty_metrics
from cluster.prometheus.ranks import engine_id
from cluster.text.plain import some
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls

_MEMBER = re.compile(r"(.*-\d+)-\d+")
"""Name of a member of a group of LeaderWorkerSet: NAME-0-1, and that of its leader: NAME-0."""


def frame(measured: Measured) -> pd.DataFrame:
    """The signals in the shape of `Telemetry.metrics`."""
    if not measured.columns:
        return empty_metrics()
    columns = pd.MultiIndex.from_tuples(list(measured.columns), names=["component", "signal"])
    values = np.column_stack(list(measured.columns.values()))
    return pd.DataFrame(values, index=pd.Index(measured.samples.grid, name="time"), columns=columns)


def behind_a_door(
    topology: Topology, metrics: pd.DataFrame, measured: Measured, addresses: Mapping[str, str], spans: pd.DataFrame
) -> tuple[Topology, pd.DataFrame, list[str]]:
    """The topology that traces tell with what the metrics tell, the metrics with the front door's, and notes.

    Args:
        addresses: component -> `host:port` under which it was scraped; "" or absent where that is not known.
    """
    kinds = {one: kind for one, kind in measured.kinds.items() if one in topology}
    serving = [one for one in topology.ids if kinds.get(one) is Kind.REPLICA]
    topology, workers = _with_workers(_with_engines(_of_kinds(topology, kinds), measured), serving)
    notes = [*workers, *_kept(measured)]
    entrances = span_metrics.entrances(spans)
    if not set(entrances) <= set(serving):
        topology, told = _entered(topology, entrances, [one for one, kind in kinds.items() if kind is Kind.GATEWAY])
        notes += told
    traced = topology.front_door
    if serving and (traced is None or not topology.callees(traced)):
        topology = _joined(topology, _fleet(serving, kinds, addresses, notes))
    door = topology.front_door
    if door is None:
        return topology, metrics, notes
    merged, slowest = measured.merged(serving) if door not in serving else ({}, frozenset())
    metrics, added = with_what_it_lacks(metrics, door, merged)
    times = metrics.index.to_numpy(dtype=np.float64)
    seen = span_metrics.at_the_door(spans, entrances, times) if entrances else {}
    metrics, by_spans = with_what_it_lacks(metrics, door, seen)
    latency = any(column[0] == door and column[1] in ("latency_p90", "latency_p50") for column in metrics.columns)
    if serving and door not in serving and not latency:
        notes.append(
            f"{door} has no latency, and so no SLI: no replica has a histogram of whole requests here; save "
            "vllm:e2e_request_latency_seconds_bucket, or what your engine calls it, too"
        )
    if capped := sorted(slowest.intersection(added)):
        notes.append(f"{', '.join(capped)} of {door} is that of the slowest replica: there are no histograms to add up")
    if added:
        notes.append(f"{some(added)} of {door}: merged from {some(serving)}")
    if by_spans:
        notes.append(f"{some(by_spans)} of {door}: of the spans that nobody calls")
    return topology, metrics, notes


def before(topology: Topology, entrances: Sequence[str]) -> tuple[Topology, str, str]:
    """The topology with a virtual front door before these components, its id, and a note on it."""
    door = FRONT_DOOR if FRONT_DOOR not in topology else f"virtual-{FRONT_DOOR}"
    components = (*topology.components, Component(door, Kind.GATEWAY))
    note = f"{door} stands for whoever calls {some(entrances)}"
    return Topology(components, (*topology.edges, *calls(door, entrances)), door), door, note


def with_what_it_lacks(metrics: pd.DataFrame, door: str, found: Mapping[str, Floats]) -> tuple[pd.DataFrame, list[str]]:
    """The metrics with those signals of the front door that it has none of yet, and which these are.

    Args:
        found: signal -> a value for each row of the metrics.
    """
    own = {str(column[1]) for column in metrics.columns if column[0] == door}
    added = {(door, signal): values for signal, values in found.items() if signal not in own}
    if not added:
        return metrics, []
    ready = pd.DataFrame(added, index=metrics.index)
    ready.columns.names = metrics.columns.names
    return pd.concat([metrics, ready], axis=1), sorted(signal for _, signal in added)


def _entered(topology: Topology, entrances: Sequence[str], gateways: Sequence[str]) -> tuple[Topology, list[str]]:
    """With the entrance of the traces as front door; with several, the one gateway without traces, or a virtual one."""
    if len(entrances) == 1:
        return Topology(topology.components, topology.edges, entrances[0]), []
    if len(gateways) == 1 and not topology.callees(gateways[0]) and gateways[0] not in entrances:
        edges = (*topology.edges, *calls(gateways[0], entrances))
        note = f"{gateways[0]} is not traced; it is taken to call {some(entrances)}, where the traces begin"
        return Topology(topology.components, edges, gateways[0]), [note]
    topology, _, note = before(topology, entrances)
    return topology, [note]


def _fleet(serving: list[str], kinds: Mapping[str, Kind], addresses: Mapping[str, str], notes: list[str]) -> Fleet:
    """Replicas behind the gateway that there is, or behind a virtual one; nodes by the host of the addresses."""
    rest = [one for one, kind in kinds.items() if kind in (Kind.GATEWAY, Kind.NODE)]
    try:
        return fleet_of(_members([*serving, *rest], kinds, addresses))
    except DeploymentError as error:
        notes.append(f"{error}; a virtual front door stands before the replicas")
        return fleet_of(_members(serving, kinds, addresses))


def _members(ids: list[str], kinds: Mapping[str, Kind], addresses: Mapping[str, str]) -> list[Member]:
    return [Member(addresses.get(one) or one, {"role": kinds[one].value}, one) for one in ids]


def _joined(topology: Topology, fleet: Fleet) -> Topology:
    theirs = fleet.topology
    new = tuple(Component(one.id, one.kind) for one in theirs.components if one.id not in topology)
    edges = tuple(dict.fromkeys((*topology.edges, *theirs.edges)))
    return Topology((*topology.components, *new), edges, theirs.front_door)


def _of_kinds(topology: Topology, kinds: Mapping[str, Kind]) -> Topology:
    components = tuple(replace(one, kind=kinds.get(one.id, one.kind)) for one in topology.components)
    return Topology(components, topology.edges, topology.front_door)


def _with_engines(topology: Topology, measured: Measured) -> Topology:
    """With the engines of replicas that have several, as parts of them."""
    holders = {engine_id(one, rank): one for one, ranks in measured.engines.items() for rank in ranks}
    components = [replace(one, kind=Kind.ENGINE) if one.id in holders else one for one in topology.components]
    parts = [Edge(one, holder, Relation.PART_OF) for one, holder in holders.items() if one in topology]
    return Topology(tuple(components), (*topology.edges, *parts), topology.front_door)


def _with_workers(topology: Topology, serving: Sequence[str]) -> tuple[Topology, list[str]]:
    """With the workers of engines over several pods as parts of them, by their names in a LeaderWorkerSet, and a note.

    Only the leader of a group has an engine's metrics.
    """
    leaders = {
        one.id: match[1]
        for one in topology.components
        if one.kind is Kind.SERVICE and (match := _MEMBER.fullmatch(one.id)) and match[1] in serving
    }
    if not leaders:
        return topology, []
    components = [replace(one, kind=Kind.WORKER) if one.id in leaders else one for one in topology.components]
    edges = dict.fromkeys((*topology.edges, *(Edge(one, of, Relation.PART_OF) for one, of in leaders.items())))
    note = f"{some(list(leaders))}: by their names workers of {some(sorted(set(leaders.values())))}, and parts of it"
    return Topology(tuple(components), tuple(edges), topology.front_door), [note]


def _kept(measured: Measured) -> list[str]:
    """A note on what a live deployment has as signals of GPUs and calls."""
    if not measured.kept:
        return []
    return [f"{some(measured.kept)}: of GPUs or calls, which have no components here, and so under their own names"]
