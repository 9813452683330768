"""Queries for the components behind targets, and the component of each series that they return.

The front door's own metrics come first. What it does not measure, or everything where there is no gateway, is merged
from the replicas: rates are added up, histograms are added up by bucket. Histograms of several kinds of engines cannot
be added: the quantile of the slowest kind is read, which is the most that the quantile of all requests can be.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from cluster.endpoints.fleet import Fleet
from cluster.prometheus.client import Prometheus, Series
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Query, Source, quoted, resolve
from cluster.prometheus.ranks import Ranks, engine_id
from cluster.prometheus.rules import Spelling
from cluster.prometheus.targets import duplicates_of
from cluster.provenance import Origin, Provenance
from cluster.signals import SERVING, SIGNALS, Quantity
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Window

TABLES = spellings(Environment.ENDPOINTS)
MERGED = "front_door"
"""A label that no series has: grouped by it, all of them are one."""
MERGEABLE = frozenset(
    {"request_rate", "error_rate", "latency_p50", "latency_p90", "ttft_p50", "ttft_p90", "tpot_p50", "tpot_p90"}
)
"""Signals of a front door that its replicas measure together."""
PER_POD = ("model_server",)
"""Labels of a rule for what an endpoint picker tells of the engines behind it."""
_DOOR = frozenset({Kind.GATEWAY})
_SKIPPED = frozenset({Kind.GPU})  # its labels name a pod, and there is none


@dataclass(frozen=True)
class View:
    """How a server tells the targets apart, and what it has of them.

    Attributes:
        label: the label that names a target.
        owners: its value -> component.
        matchers: of the deployment's series; empty, or with a comma at the end.
        names: the metric names of these series.
        scrape: seconds between two scrapes.
        ranks: by the label, the engines of targets that have several.
    """

    fleet: Fleet
    label: str
    owners: Mapping[str, str]
    matchers: str
    names: frozenset[str]
    scrape: float
    duplicates: str = ""
    ranks: Ranks = field(default_factory=dict)

    @property
    def topology(self) -> Topology:
        """With the engines of replicas that have several."""
        known = self.fleet.topology
        components, edges = list(known.components), list(known.edges)
        for value, ranks in self.ranks.items():
            if holder := self.owners.get(value):
                components += [Component(engine_id(holder, rank), Kind.ENGINE) for rank in ranks]
                edges += [Edge(engine_id(holder, rank), holder, Relation.PART_OF) for rank in ranks]
        return Topology(tuple(components), tuple(edges), known.front_door)

    def own(self, query: Query, series: Series) -> Series:
        """The series by component; several of one component are merged."""
        merged: Series = {}
        for labels, values in series.items():
            component = self._component(query, labels)
            if component:
                key = (component,)
                merged[key] = np.where(np.isnan(merged[key]), values, merged[key]) if key in merged else values
        return merged

    def _component(self, query: Query, labels: tuple[str, ...]) -> str | None:
        if query.labels == (MERGED,):
            return self.fleet.topology.front_door
        holder = self.owners.get(labels[0]) or self.fleet.of_address.get(labels[0])
        if query.kinds == {Kind.ENGINE}:
            return engine_id(holder, labels[1]) if holder and labels[1] else None
        return holder


def telling(tables: Sequence[Spelling]) -> Iterator[tuple[Kind, frozenset[str]]]:
    """What a target is, and the metrics that tell it; the last that it has counts.

    The production stack's router repeats names of the engines' metrics.
    """
    rules = [rule for one in tables if one.tells for rule in one.rules]
    rules = [rule for rule in rules if not rule.edge and rule.labels != PER_POD]
    for kind, kinds in ((Kind.NODE, frozenset({Kind.NODE})), (Kind.REPLICA, SERVING), (Kind.GATEWAY, _DOOR)):
        yield kind, frozenset(metric for rule in rules if rule.kinds & kinds for metric in rule.metrics)


def build_queries(view: View, signals: Sequence[str] | None, step: float = 0.0) -> tuple[list[Query], list[str]]:
    """The queries for the signals, and the signals that nothing measures. Raises KeyError for an unknown signal."""
    source = Source(
        TABLES,
        carries_ids=False,
        component=view.label,
        matchers=view.matchers,
        everywhere=view.matchers,
        scrape=view.scrape,
        kinds=frozenset(Kind) - _SKIPPED,
        front_door=MERGED,
        duplicates=view.duplicates,
        ranks=bool(view.ranks),
    ).sampled(step)
    queries, missing = resolve(signals, source, view.names)
    queries = [query for query in queries if not query.edge]  # a caller is no target
    layers = {query.signal: query.layer + 1 for query in queries if query.kinds & _DOOR}
    merged = [replace(one, layer=layers.get(one.signal, 0) + one.layer) for one in _merged(view, signals, source)]
    measured = {query.signal for query in merged}
    return queries + merged, [name for name in missing if name not in measured]


def _merged(view: View, signals: Sequence[str] | None, source: Source) -> list[Query]:
    """The front door by what its replicas measure."""
    wanted = [name for name, one in SIGNALS.items() if one.kinds >= _DOOR | SERVING and name in MERGEABLE]
    needed = ("request_rate", "error_rate") if signals is None or "error_ratio" in signals else ()
    asked = [name for name in wanted if signals is None or name in signals or name in needed]
    known = view.fleet.topology
    others = [v for v, c in view.owners.items() if known.component(c).kind not in SERVING]
    apart = "".join(f'{view.label}!="{quoted(value)}",' for value in others)
    serving = replace(source, kinds=SERVING, ranks=False, matchers=source.matchers + apart)
    each, _ = resolve(asked, serving, view.names)
    whole, _ = resolve(asked, replace(serving, component=MERGED, slowest=True), view.names)
    found: list[Query] = []
    for one, together in zip(each, whole, strict=True):
        if one.edge or one.labels != (view.label,):
            continue
        rate = SIGNALS[one.signal].quantity is Quantity.RATE
        expr = f"sum by ({MERGED}) ({one.expr})" if rate else together.expr
        found.append(replace(one, expr=expr, labels=(MERGED,), kinds=_DOOR))
    rates = {(query.signal, query.layer): query for query in found}
    ratios = []
    for (signal, layer), errors in rates.items():
        requests = rates.get(("request_rate", layer))
        if signal == "error_rate" and requests is not None and (signals is None or "error_ratio" in signals):
            expr = f"({errors.expr}) / (({requests.expr}) > 0)"
            ratios.append(replace(errors, signal="error_ratio", expr=expr))
    return [query for query in found if signals is None or query.signal in signals] + ratios


def unmerged(fleet: Fleet, provenance: Provenance) -> tuple[str, ...]:
    """Notes where the virtual front door lacks the latency of replicas, or has that of several kinds of engines."""
    door = fleet.topology.front_door
    serving = [component.id for component in fleet.topology.of_kind(*SERVING)]
    lacking = [
        one
        for one in serving
        if provenance.origin(one, "latency_p90") in (Origin.NOT_EXPORTED, Origin.UNKNOWN_NAME)
        and one not in provenance.unreached
    ]
    if door is None or door in fleet.ids:
        return ()
    merged = provenance.of(door, "latency_p90")
    kinds: tuple[str, ...] = ()
    if merged is not None and len(merged.metrics) > 1:
        kinds = (f"the latency of {door} is that of the slowest of {', '.join(merged.metrics)}: they cannot be added",)
    if not lacking:
        return kinds
    if len(lacking) == len(serving):
        return (f"{door} has no latency, and so no SLI: no engine exports a histogram of it; --gateway may name one",)
    left = f"{', '.join(lacking[:3])}{f' and {len(lacking) - 3} more' if len(lacking) > 3 else ''}"
    return (f"the latency of {door} lacks {left}: no histogram of it is exported there", *kinds)


def ups(server: Prometheus, matchers: str) -> list[tuple[dict[str, str], bool]]:
    """The labels of each target, and whether its last scrape succeeded. Raises DeploymentError."""
    found = server.instant(f"up{{{matchers}}}")
    return [(dict(labels), value > 0) for labels, value in found.items()]


def copies(server: Prometheus, matchers: str, window: Window) -> str:
    """The label in which the copies of a target's series differ. Raises DeploymentError."""
    return duplicates_of([dict(labels) for labels in server.instant(f"up{{{matchers}}}", window.end)])
