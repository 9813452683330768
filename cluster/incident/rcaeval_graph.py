"""The topology of an RCAEval case, inferred from its telemetry: who calls whom, and which component users call."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from cluster.topology import Component, Edge, Kind, Relation, Topology

Pair = tuple[str, str]

ENTRANCE = "entry"
"""Some sets record what users see as if it were a service of this name."""

_FRONT_DOORS = (
    "istio-ingressgateway",
    "ingress-nginx-controller",
    "nginx-web-server",
    "ts-ui-dashboard",
    "petsite",
    "front-end",
    "frontend",
    "front_end",
    "frontendservice",
    "gateway",
)
"""Entrances of the usual benchmark applications, for cases without a call graph that has one root."""

_HOST = re.compile(r"\d{1,3}(\.\d{1,3}){3}(:\d+)?")


def edges(table: pd.DataFrame | None) -> list[Pair]:
    """(source, destination) in the order given, each once, none to itself."""
    if table is None or table.empty:
        return []
    if "source" not in table or "destination" not in table:
        raise ValueError("edges need the columns source and destination")
    both = table[["source", "destination"]].dropna().astype("string")
    rows = zip(both["source"], both["destination"], strict=True)
    return list(dict.fromkeys((str(s), str(d)) for s, d in rows if s != d))


def calls(spans: pd.DataFrame) -> list[Pair]:
    """Calls between services, from spans and their parents."""
    if spans.empty:
        return []
    keys = ["trace_id", "span_id"]
    parents = spans[[*keys, "component"]].drop_duplicates(keys).rename(columns={"component": "source"})
    children = spans.loc[spans["parent_id"].notna(), ["trace_id", "parent_id", "component"]]
    joined = children.merge(parents, left_on=["trace_id", "parent_id"], right_on=keys)
    pairs = joined.loc[joined["source"] != joined["component"], ["source", "component"]].drop_duplicates()
    return sorted((str(s), str(t)) for s, t in pairs.itertuples(index=False))


def build(
    metrics: pd.DataFrame, pairs: Sequence[Pair], named: Collection[str], addresses: Kind = Kind.NODE
) -> tuple[Topology, pd.DataFrame, list[str]]:
    """Topology, the metrics with the entrance's signals moved to the front door, and notes on what was inferred.

    Args:
        addresses: what a component is that is named by an address. What has a node as target runs on it.
    """

    def kind(name: str) -> Kind:
        return addresses if _HOST.fullmatch(name) else Kind.SERVICE

    measured = dict.fromkeys(metrics.columns.get_level_values("component"))
    services = sorted({*measured, *named, *(end for pair in pairs for end in pair)})
    notes = []
    door = _front_door(metrics, pairs, services)
    traced = {end for pair in pairs for end in pair}
    if door is not None and ENTRANCE in measured and ENTRANCE not in traced and door != ENTRANCE:
        moved = [
            (door, f"{ENTRANCE}_{column[1]}") if column[0] == ENTRANCE else (column[0], column[1])
            for column in metrics.columns
        ]
        metrics = metrics.set_axis(pd.MultiIndex.from_tuples(moved, names=metrics.columns.names), axis=1)
        services.remove(ENTRANCE)
        notes.append(f"{ENTRANCE} is what users see of {door}: its signals are listed there")
    origins = roots(pairs)
    known = list(pairs)
    if door is not None and door not in traced and origins:
        known += [(door, root) for root in origins]
        notes.append(f"{door} is not traced; it is taken to call {', '.join(origins)}, where the traces begin")
    topology = Topology(
        tuple(Component(name, kind(name)) for name in services),
        tuple(
            Edge(source, target, Relation.RUNS_ON if kind(target) is Kind.NODE else Relation.CALLS)
            for source, target in known
        ),
        door,
    )
    return topology, metrics, notes


def _front_door(metrics: pd.DataFrame, pairs: Sequence[Pair], services: Sequence[str]) -> str | None:
    door = _same_latency(metrics)
    if door is not None:
        return door
    origins = roots(pairs)
    if len(origins) == 1:
        return origins[0]
    usual = {name.lower(): name for name in origins or services}
    return next((usual[name] for name in (*_FRONT_DOORS, ENTRANCE) if name in usual), None)


def _same_latency(metrics: pd.DataFrame) -> str | None:
    """The one service whose latency equals the entrance's in every sample."""
    key = (ENTRANCE, "latency")
    if key not in metrics.columns:
        return None
    seen = metrics[key].to_numpy()
    twins = [
        str(column[0])
        for column in metrics.columns
        if column[1] == "latency"
        and column[0] != ENTRANCE
        and np.isfinite(seen).any()
        and np.array_equal(metrics[column].to_numpy(), seen, equal_nan=True)
    ]
    return twins[0] if len(twins) == 1 else None


def roots(pairs: Sequence[Pair]) -> list[str]:
    """Services that call others and are called by none."""
    called = {target for _, target in pairs}
    return sorted({source for source, _ in pairs} - called)
