"""The components behind imported series, and what their front door measures.

As of targets that are scraped live: what exports an engine's metrics is a replica, what exports a gateway's is the
front door, and without a gateway a virtual one stands before all replicas. What the front door does not measure is
merged from the replicas.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from cluster.deployment import DeploymentError
from cluster.endpoints.fleet import Fleet, Member, fleet_of
from cluster.imports.expressions import Floats
from cluster.imports.measured import Measured
from cluster.incident.model import empty_metrics
from cluster.prometheus.ranks import engine_id
from cluster.topology import Component, Edge, Kind, Relation, Topology

_LISTED = 4


def frame(measured: Measured) -> pd.DataFrame:
    """The signals in the shape of `Telemetry.metrics`."""
    if not measured.columns:
        return empty_metrics()
    columns = pd.MultiIndex.from_tuples(list(measured.columns), names=["component", "signal"])
    values = np.column_stack(list(measured.columns.values()))
    return pd.DataFrame(values, index=pd.Index(measured.samples.grid, name="time"), columns=columns)


def behind_a_door(
    topology: Topology, metrics: pd.DataFrame, measured: Measured, addresses: Mapping[str, str]
) -> tuple[Topology, pd.DataFrame, list[str]]:
    """The topology that traces tell with what the metrics tell, the metrics with the front door's, and notes.

    Args:
        addresses: component -> `host:port` under which it was scraped; "" or absent where that is not known.
    """
    kinds = {one: kind for one, kind in measured.kinds.items() if one in topology}
    traced = topology.front_door
    serving = [one for one in topology.ids if kinds.get(one) is Kind.REPLICA]
    topology = _with_engines(_of_kinds(topology, kinds), measured)
    if not serving:
        return topology, metrics, []
    notes: list[str] = []
    if traced is None or not topology.callees(traced):
        topology = _joined(topology, _fleet(serving, kinds, addresses, notes))
    door = topology.front_door
    if door is None or door in serving:
        return topology, metrics, notes
    merged, slowest = measured.merged(serving)
    metrics, added = with_what_it_lacks(metrics, door, merged)
    if not any(column[0] == door and column[1] in ("latency_p90", "latency_p50") for column in metrics.columns):
        notes.append(
            f"{door} has no latency, and so no SLI: no replica has a histogram of whole requests here; save "
            "vllm:e2e_request_latency_seconds_bucket, or what your engine calls it, too"
        )
    if some := sorted(slowest.intersection(added)):
        notes.append(f"{', '.join(some)} of {door} is that of the slowest replica: there are no histograms to add up")
    if added:
        notes.append(f"{_some(added)} of {door}: merged from {_some(serving)}")
    return topology, metrics, notes


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


def _some(names: list[str]) -> str:
    more = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {more} more" if more > 0 else "")
