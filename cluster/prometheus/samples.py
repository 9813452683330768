"""From queries to samples: which layer of exporters is read, what belongs to which component, and its provenance.

    read(server, topology, queries, window, step, ...) -> Samples

Exporters of different layers measure different quantities under one signal: what the engine says of a request's time,
what Ray Serve says, what a proxy says. So of all components that are compared with each other one layer is read: the
first of which any of them has a series. The others are not filled up from the next layer; they have no value.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster import signals as vocabulary
from cluster.deployment import Samples
from cluster.prometheus.client import Answer, Prometheus, Series
from cluster.prometheus.nearest import nearest
from cluster.prometheus.promql import Query
from cluster.provenance import UNREACHED, Builder, Origin
from cluster.signals import SERVING, Quantity
from cluster.text.plain import some
from cluster.topology import Component, Kind, Topology
from cluster.window import Window

_SILENT = 30.0
"""Seconds without a new value, and at least three scrapes, after which a level or a rate is stale."""
SIBLINGS = {"tpot": "inter_token", "inter_token": "tpot"}
"""Stems of signals of which a component may have one in place of the other, though they are two quantities."""

Own = Callable[[Query, Series], Series]


@dataclass(frozen=True)
class Targets:
    """What the server says about the targets behind the components.

    Attributes:
        unknown: component -> names of its series that no table knows.
        exported: component -> names of its series that a table knows.
        failing: components with a target whose scrape fails now.
        partial: what the server said of names that it gave in part: what is not among them may be there. "" else.
        layers: signal -> (layer, metric) of the layers that are asked only where no component has those before.
    """

    unknown: Mapping[str, frozenset[str]] = field(default_factory=dict)
    exported: Mapping[str, frozenset[str]] = field(default_factory=dict)
    failing: frozenset[str] = frozenset()
    partial: str = ""
    layers: Mapping[str, tuple[tuple[int, str], ...]] = field(default_factory=dict)


def read(
    server: Prometheus,
    topology: Topology,
    queries: Sequence[Query],
    window: Window,
    step: float,
    *,
    missing: Sequence[str] = (),
    own: Own = lambda query, series: series,
    expected: int = 1,
    every: bool = False,
    targets: Targets = Targets(),
) -> Samples:
    """Ask the queries layer by layer, the next only where no component has the one before. Raises DeploymentError.

    `own` puts component ids in place of the labels of a query's series. `every`: all signals were asked for, so that
    one for which there is no query has a state as well.
    """
    asked: list[Query] = []
    answers: list[Answer] = []
    layer, batch = 0, [query for query in queries if not query.layer]
    while batch or not layer:
        answer = server.range(batch, window, step, expected)
        series = tuple(own(query, one) for query, one in zip(batch, answer.series, strict=True))
        asked += batch
        answers.append(Answer(answer.times, series, answer.notes, answer.partial))
        layer += 1
        rest = [query for query in queries if query.layer == layer]
        found = _measured(topology, asked, _joined(answers))
        batch = [
            query
            for query in rest
            if not any((query.signal, query.edge, f) in found for f in _families(query, topology))
        ]
        if not batch and any(query.layer > layer for query in queries):
            continue
        if not batch:
            break
    return as_samples(topology, asked, _joined(answers), missing, targets, every)


def as_samples(
    topology: Topology,
    queries: Sequence[Query],
    answer: Answer,
    missing: Sequence[str] = (),
    targets: Targets = Targets(),
    every: bool = False,
) -> Samples:
    """The answer as frames: a column per component (or call edge) that a query measures, gaps where it has no value.

    Series of components outside the topology are left out. `missing`: the signals that nothing measures.
    """
    metrics: dict[tuple[str, str], NDArray[np.float64]] = {}
    edges: dict[tuple[str, str, str], NDArray[np.float64]] = {}
    notes = list(answer.notes)
    gap = np.full(len(answer.times), np.nan)
    found = _measured(topology, queries, answer)
    read_by: dict[tuple[str, str], int] = {}
    for number, (query, series) in enumerate(zip(queries, answer.series, strict=True)):
        silent = []
        members = [
            component.id
            for component in topology.of_kind(*query.kinds)
            if query.owner in ("", component.id)
            and found.get((query.signal, query.edge, _family(component)), 0) == query.layer
        ]
        if query.edge:
            for caller, callee in [(c, m) for m in members for c in topology.callers(m)]:
                edges[caller, callee, query.signal] = series.get((caller, callee), gap)
                silent += [] if (caller, callee) in series else [f"{caller} → {callee}"]
        else:
            for member in members:
                if (member,) not in series and (member, query.signal) in read_by:
                    continue  # an engine of another kind, which an earlier query asks for
                read_by[member, query.signal] = number
                metrics[member, query.signal] = series.get((member,), gap)
                silent += [] if (member,) in series else [member]
        if silent:
            notes.append(f"{query.signal}: no samples of {some(silent, shown=8)}")
    if missing:
        notes.append(f"not measured here: {', '.join(missing)}")
    index = pd.Index(answer.times, name="time")
    edge_frame = _frame(edges, index, ["source", "target", "signal"])
    builder = Builder()
    wanted = {query.signal for query in queries} | set(missing)
    rows = [np.flatnonzero(np.isfinite(values)) for values in metrics.values()]
    newest = max((float(answer.times[row[-1]]) for row in rows if len(row)), default=math.inf)
    states = States(topology, queries, answer, read_by, metrics, targets, _answering(edge_frame), newest)
    for component in topology.components:
        for signal in vocabulary.carried_by(component.kind):
            if every or signal.name in wanted:
                origin, about = states.of(component.id, signal.name)
                builder.add(component.id, signal.name, origin, **about)
    return Samples(
        _frame(metrics, index, ["component", "signal"]),
        edge_frame,
        tuple(notes),
        builder.build(),
    )


@dataclass(frozen=True)
class States:
    """What is known of each signal of each component after a reading."""

    topology: Topology
    queries: Sequence[Query]
    answer: Answer
    read_by: Mapping[tuple[str, str], int]
    metrics: Mapping[tuple[str, str], NDArray[np.float64]]
    targets: Targets
    answering: frozenset[str]
    newest: float

    def of(self, component: str, signal: str) -> tuple[Origin, dict[str, Any]]:
        number = self.read_by.get((component, signal))
        if number is None:
            return self._absent(component, signal)
        query = self.queries[number]
        exported = self.targets.exported.get(component, frozenset())
        names = tuple(name for name in query.metrics if name in exported) or query.metrics
        about = {"metrics": names, "query": query.expr, "interval": query.scrape or None}
        partial = self.answer.partial[number] if self.answer.partial else ""
        if partial:
            return Origin.PARTIAL, {**about, "reason": partial}
        values = self.metrics[component, signal]
        measured = np.isfinite(values)
        there = (component,) in self.answer.series[number]
        silent = not measured.any() or (self._silence(measured) > max(_SILENT, 3 * query.scrape))
        if silent and component in self.targets.failing:
            if component in self.answering:
                return Origin.SCRAPE_FAILED, {**about, "reason": "the component answers requests"}
            return Origin.STALE, {**about, "reason": UNREACHED}
        if not measured.any() and not there:
            return self._absent(component, signal)
        # No request is a gap in a quantile and in a ratio, however fresh the exporter.
        if silent and vocabulary.signal(signal).quantity in (Quantity.GAUGE, Quantity.RATE):
            return Origin.STALE, about
        return Origin.MEASURED, about

    def _silence(self, measured: NDArray[np.bool_]) -> float:
        """Seconds from the last value to the newest value of any component."""
        times = self.answer.times
        return float(self.newest - times[np.flatnonzero(measured)[-1]])

    def _absent(self, component: str, signal: str) -> tuple[Origin, dict[str, Any]]:
        stem, _, percent = signal.rpartition("_")
        other = f"{SIBLINGS.get(stem, '')}_{percent}"
        if (values := self.metrics.get((component, other))) is not None and np.isfinite(values).any():
            return Origin.NOT_COMPARABLE, {"reason": f"it has {other} instead, which is another quantity"}
        if component in self.targets.failing and component in self.answering:
            return Origin.SCRAPE_FAILED, {"reason": "the component answers requests"}
        if names := nearest(signal, self.targets.unknown.get(component, frozenset())):
            return Origin.UNKNOWN_NAME, {"metrics": names}
        if self.targets.partial:
            return Origin.PARTIAL, {"reason": f"the names of metrics: {self.targets.partial}"}
        return Origin.NOT_EXPORTED, self._elsewhere(component, signal)

    def _elsewhere(self, component: str, signal: str) -> dict[str, Any]:
        """What there is instead of a signal that a component does not export."""
        number, exported = self.read_by.get((component, signal)), self.targets.exported.get(component, frozenset())
        layer = 0 if number is None else self.queries[number].layer
        others = [one for at, one in self.targets.layers.get(signal, ()) if at > layer and one in exported]
        if others:
            return {"reason": f"it has {' and '.join(others[:2])}, which are not compared with what the others have"}
        if number is not None and not self.answer.series[number] and self.queries[number].metrics:
            query = self.queries[number]
            return {"metrics": query.metrics, "reason": "the server has it of none of these components"}
        return {}


def _measured(topology: Topology, queries: Sequence[Query], answer: Answer) -> dict[tuple[str, bool, str], int]:
    """(signal, on edges, family) -> the layer that is read: the first of which a member has a series, else the first.

    What the server gave in part counts as there: the next layer would be another quantity for a moment.
    """
    layers: dict[tuple[str, bool, str], int] = {}
    for number in sorted(range(len(queries)), key=lambda n: queries[n].layer):
        query, series = queries[number], answer.series[number]
        partial = bool(answer.partial and answer.partial[number])
        owners = {ids[-1] for ids in series}
        for component in topology.of_kind(*query.kinds):
            if query.owner in ("", component.id) and (partial or component.id in owners):
                layers.setdefault((query.signal, query.edge, _family(component)), query.layer)
    return layers


def _family(component: Component) -> str:
    """Components of one family are compared with each other; of gateways and routers each is alone."""
    if component.kind is Kind.GATEWAY:
        return component.id
    return "serving" if component.kind in SERVING else component.kind.value


def _families(query: Query, topology: Topology) -> frozenset[str]:
    members = topology.of_kind(*query.kinds)
    return frozenset(_family(member) for member in members if query.owner in ("", member.id))


def _joined(answers: Sequence[Answer]) -> Answer:
    return Answer(
        answers[0].times,
        tuple(series for answer in answers for series in answer.series),
        tuple(dict.fromkeys(note for answer in answers for note in answer.notes)),
        tuple(said for answer in answers for said in answer.partial),
    )


def _answering(edges: pd.DataFrame, seconds: float = 60.0) -> frozenset[str]:
    """Components whose callers saw more requests end than fail, at the end of the window."""
    found = set()
    if not len(edges.index):
        return frozenset()
    recent = edges[edges.index >= edges.index[-1] - seconds].mean()
    for source, target, signal in recent.index:
        if signal != "request_rate":
            continue
        rate, failed = recent[source, target, signal], recent.get((source, target, "error_rate"), 0.0)
        if math.isfinite(rate) and rate > 0 and not failed > rate / 2:
            found.add(str(target))
    return frozenset(found)


def _frame(columns: Mapping[Any, NDArray[np.float64]], index: pd.Index, levels: list[str]) -> pd.DataFrame:
    labels = pd.MultiIndex.from_tuples(list(columns), names=levels)
    values = np.column_stack(list(columns.values())) if columns else np.empty((len(index), 0))
    return pd.DataFrame(values, index=index, columns=labels, dtype="float64")
