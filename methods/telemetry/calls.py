"""Call latencies as their callers measured them, on one time axis: the input of the topology methods.

    call_latencies(incident) ──▶ CallLatencies (T samples × E edges) ──▶ latency of a component, correlations with it

The latency of a component is the mean over the calls that it receives, as measured by its callers. The front door is
called by users, who record no edge: its latency is the sum over its own outgoing calls, so that all latencies come from
the same kind of measurement. Where it measures none, the calls of its callees are taken. A component without measured
edges has the latency that it reports itself.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from cluster.incident.model import Incident
from cluster.text.quantities import number
from cluster.topology import Relation
from methods.answer.types import EdgePointer, NoRanking, Reason, SeriesPointer
from methods.answer.wording import counted
from methods.telemetry.matrix import Floats, filled
from methods.telemetry.sli import LATENCIES

Edge: TypeAlias = tuple[str, str]
LEAST_SAMPLES = 3


@dataclass(frozen=True, eq=False)
class CallLatencies:
    """E measured call edges over T samples, and the metrics of the components at the same times.

    Attributes:
        times: (T,) unix seconds.
        values: (T, E) latency in the signal's unit; gaps filled as in `methods.telemetry.matrix`.
        edges: E pairs (source, target).
        signals: E names of the latency signal of each edge.
        calls: every call edge of the topology or of the edge metrics, measured or not.
        metrics: (T, N) the metrics of the components at the nearest sample, columns (component, signal).
    """

    times: Floats
    values: Floats
    edges: tuple[Edge, ...]
    signals: tuple[str, ...]
    calls: tuple[Edge, ...]
    metrics: pd.DataFrame

    @property
    def end(self) -> float:
        step = float(np.median(np.diff(self.times))) if len(self.times) > 1 else 1.0
        return float(self.times[-1]) + step

    def series(self, edge: Edge) -> Floats | None:
        """(T,) latency of one edge; None when it was not measured."""
        return self.values[:, self.edges.index(edge)] if edge in self.edges else None

    def metric(self, component: str, signal: str) -> Floats:
        return np.asarray(self.metrics[component, signal], dtype=np.float64)

    def callees(self, component: str) -> tuple[str, ...]:
        return tuple(target for source, target in self.calls if source == component)

    def latency(self, component: str, front_door: str | None) -> tuple[Floats, EdgePointer | SeriesPointer] | None:
        """(T,) latency of a component, as the module describes, and its evidence; None when it was not measured."""
        if component == front_door:
            outward = self._first_measured(component)
            if outward:
                own = self.reported(component)
                return self.values[:, outward].sum(axis=1), own[1] if own else self.pointer(outward[0])
        inward = [i for i, (_, target) in enumerate(self.edges) if target == component]
        if inward:
            return self.values[:, inward].mean(axis=1), self.pointer(inward[0])
        return self.reported(component)

    def by_construction(self, front_door: str) -> str:
        """What correlation with the front door's latency says little of, as a sentence; empty if it is no sum."""
        parts = len(self._first_measured(front_door))
        if not parts:
            return ""
        noise = number(1 / math.sqrt(parts))
        return (
            f" The latency of {front_door} is the sum of {counted(parts, 'call')}, so each of them correlates with it "
            f"by construction: by {noise} if all are equal noise."
        )

    def _first_measured(self, component: str) -> list[int]:
        """Measured calls of a component; where there are none, those of its callees, and so on."""
        layer, visited = {component}, {component}
        while layer:
            outward = [i for i, (source, _) in enumerate(self.edges) if source in layer]
            if outward:
                return outward
            layer = {target for source in layer for target in self.callees(source)} - visited
            visited |= layer
        return []

    def pointer(self, edge: int) -> EdgePointer:
        source, target = self.edges[edge]
        return EdgePointer(source, target, self.signals[edge], float(self.times[0]), self.end)

    def series_pointer(self, component: str, signal: str) -> SeriesPointer:
        return SeriesPointer(component, signal, float(self.times[0]), self.end)

    def reported(self, component: str) -> tuple[Floats, EdgePointer | SeriesPointer] | None:
        """(T,) latency that a component reports of itself, and its evidence; None when it reports none."""
        for signal in LATENCIES:
            if (component, signal) in self.metrics.columns:
                return self.metric(component, signal), self.series_pointer(component, signal)
        return None


def call_latencies(incident: Incident) -> CallLatencies | NoRanking:
    """The latencies of calls between the incident's components; NoRanking(NOT_APPLICABLE) where there are none."""
    frame = incident.telemetry.edge_metrics
    known = set(incident.topology.ids)
    chosen: dict[Edge, str] = {}
    finite = np.isfinite(frame.to_numpy(dtype=np.float64, na_value=np.nan))
    for position, column in enumerate(frame.columns.tolist()):
        source, target, signal = (str(part) for part in column)
        edge = (source, target)
        if source == target or not known.issuperset(edge) or signal not in LATENCIES or not finite[:, position].any():
            continue
        if edge not in chosen or LATENCIES.index(signal) < LATENCIES.index(chosen[edge]):
            chosen[edge] = signal
    if not chosen:
        return NoRanking(Reason.NOT_APPLICABLE, "no caller measured the latency of its calls (no edge metrics)")
    if len(frame) < LEAST_SAMPLES:
        detail = f"{counted(len(frame), 'sample')} of call latencies, at least {LEAST_SAMPLES} are needed"
        return NoRanking(Reason.NOT_APPLICABLE, detail)
    edges = tuple(sorted(chosen))
    values = frame[[(*edge, chosen[edge]) for edge in edges]].to_numpy(dtype=np.float64, na_value=np.nan)
    times = np.asarray(frame.index, dtype=np.float64)
    values, heard = filled(np.where(np.isfinite(values), values, np.nan), times, incident.onset)
    edges = tuple(edge for edge, kept in zip(edges, heard, strict=True) if kept)
    if not edges:
        return NoRanking(Reason.NOT_APPLICABLE, "no call has a latency both before the onset and after it")
    return CallLatencies(
        times,
        values,
        edges,
        tuple(chosen[edge] for edge in edges),
        tuple(sorted(_declared(incident) | set(chosen))),
        _metrics_at(incident, times),
    )


def reported_latencies(incident: Incident) -> CallLatencies | NoRanking:
    """The topology's calls and what components report of themselves, for where no caller measures: no edge is measured.

    NoRanking(NOT_APPLICABLE) where the topology has no calls, or no component reports a latency.
    """
    calls, frame = tuple(sorted(_declared(incident))), incident.telemetry.metrics
    columns = [column for column in frame.columns if column[1] in LATENCIES and frame[column].notna().any()]
    if not calls or not columns or len(frame) < LEAST_SAMPLES:
        return NoRanking(
            Reason.NOT_APPLICABLE, "no latency of calls was measured, nor of the components of known calls"
        )
    times = np.asarray(frame.index, dtype=np.float64)
    values = frame[columns].astype("float64").replace([np.inf, -np.inf], np.nan)
    known, heard = filled(values.to_numpy(copy=True), times, incident.onset)
    metrics = pd.DataFrame(known, index=frame.index, columns=values.columns[heard])
    return CallLatencies(times, np.zeros((len(times), 0)), (), (), calls, metrics)


def _declared(incident: Incident) -> set[Edge]:
    calls = ((e.source, e.target) for e in incident.topology.edges if e.relation is Relation.CALLS)
    return {(source, target) for source, target in calls if source != target}


def similarity(one: Floats, others: Floats) -> Floats:
    """(N,) absolute Pearson correlation of (T,) with each column of (T, N), over the samples that both have.

    0 where fewer than `LEAST_SAMPLES` are shared or one of the two does not vary.
    """
    both = np.isfinite(one)[:, None] & np.isfinite(others)
    count = np.maximum(both.sum(axis=0), 1)
    left, left_size = _centred(np.broadcast_to(one[:, None], others.shape), both, count)
    right, right_size = _centred(others, both, count)
    varies = (left_size > 1e-9) & (right_size > 1e-9) & (count >= LEAST_SAMPLES)
    below = np.where(varies, left_size * right_size, 1.0)
    return np.where(varies, np.minimum(np.abs((left * right).sum(axis=0)) / below, 1.0), 0.0)


def _centred(values: Floats, kept: NDArray[np.bool_], count: NDArray[np.int_]) -> tuple[Floats, Floats]:
    """Columns less their mean over the kept samples (0 elsewhere), in units of the largest value; and their norms."""
    kept_values = np.where(kept, values, 0.0)
    largest = np.abs(kept_values).max(axis=0, initial=0.0)
    scaled = kept_values / np.where(largest > 0, largest, 1.0)
    centred = np.where(kept, scaled - scaled.sum(axis=0) / count, 0.0)
    return centred, np.sqrt((centred**2).sum(axis=0))


def _metrics_at(incident: Incident, times: Floats) -> pd.DataFrame:
    frame = incident.telemetry.metrics
    if frame.empty:
        return pd.DataFrame(index=pd.Index(times, name="time"), columns=frame.columns, dtype="float64")
    frame = frame.astype("float64").replace([np.inf, -np.inf], np.nan)
    index = np.asarray(frame.index, dtype=np.float64)
    step = float(np.median(np.diff(index))) if len(index) > 1 else 1.0
    return frame.reindex(times, method="nearest", tolerance=step)
