"""Logs and spans as regular series, so that they can be scored like metrics.

Events are aggregated over buckets of `BUCKET` seconds: lines of each template, mean latency and failures of each
operation. One bucket edge is at the onset, so that no bucket has events from both sides. Counts of a bucket that was
recorded only in part are left out: they would look like a fall.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cluster.incident.model import Incident
from methods.telemetry.log_templates import LogTable, count_by_bucket
from methods.telemetry.matrix import Floats
from methods.telemetry.spans import SpanTable

BUCKET = 5.0
MOST_BUCKETS = 2000


@dataclass(frozen=True, eq=False)
class EventSeries:
    """`frame`: index `time`, columns (component, signal); `meaning` of a column is its template or operation."""

    frame: pd.DataFrame
    meaning: dict[tuple[str, str], str]


def of_logs(incident: Incident, logs: LogTable) -> EventSeries:
    """Lines per bucket of each component and template."""
    edges = _edges(incident, logs.time)
    kinds, group = np.unique(logs.component * len(logs.templates) + logs.template, return_inverse=True)
    counts = count_by_bucket(logs.time, group.astype(np.int64), len(kinds), edges)
    meaning = {}
    for kind in kinds:
        component, template = divmod(int(kind), len(logs.templates))
        meaning[logs.components[component], f"lines: {logs.templates[template]}"] = logs.templates[template]
    return EventSeries(_frame(*_whole(incident, counts, edges, logs.time), list(meaning)), meaning)


def of_latencies(incident: Incident, spans: SpanTable) -> EventSeries:
    """Mean latency [s] per bucket of each operation; a bucket without spans of it is a gap."""
    edges, counts = _span_counts(incident, spans, np.ones(spans.spans))
    _, sums = _span_counts(incident, spans, spans.duration)
    means = np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
    return _by_operation(spans, means, edges, "latency")


def of_failures(incident: Incident, spans: SpanTable) -> EventSeries:
    """Failed spans per bucket of each operation; a bucket without any span at all is a gap."""
    edges, failures = _span_counts(incident, spans, spans.failed.astype(np.float64))
    _, counts = _span_counts(incident, spans, np.ones(spans.spans))
    failures[counts.sum(axis=1) == 0] = np.nan
    return _by_operation(spans, *_whole(incident, failures, edges, spans.start), "failures")


def _by_operation(spans: SpanTable, values: Floats, edges: Floats, what: str) -> EventSeries:
    meaning = {(component, f"{what}: {operation}"): operation for component, operation in spans.operations}
    return EventSeries(_frame(values, edges, list(meaning)), meaning)


def _span_counts(incident: Incident, spans: SpanTable, weight: Floats) -> tuple[Floats, Floats]:
    edges = _edges(incident, spans.start)
    buckets, kinds = len(edges) - 1, len(spans.operations)
    place = np.clip(np.searchsorted(edges, spans.start, side="right") - 1, 0, buckets - 1)
    sums = np.bincount(place * kinds + spans.operation, weights=weight, minlength=buckets * kinds)
    return edges, sums.reshape(buckets, kinds).astype(np.float64)


def _edges(incident: Incident, times: Floats) -> Floats:
    """Bucket edges over the events, one of them at the onset."""
    onset = incident.onset.time if incident.onset else float(times.min())
    width = max(BUCKET, float(times.max() - times.min()) / MOST_BUCKETS)
    first = int(np.floor((float(times.min()) - onset) / width))
    last = int(np.floor((float(times.max()) - onset) / width)) + 1
    return np.asarray(onset + width * np.arange(first, last + 1), dtype=np.float64)


def _whole(incident: Incident, values: Floats, edges: Floats, times: Floats) -> tuple[Floats, Floats]:
    """Only the buckets that were recorded as a whole: those inside the window, and inside the range of the events."""
    start, end = min(incident.window.start, float(times.min())), max(incident.window.end, float(times.max()))
    first, last = np.searchsorted(edges, start, side="left"), np.searchsorted(edges, end, side="right") - 1
    if last <= first:
        return values[:0], edges[:1]
    return values[first:last], edges[first : last + 1]


def _frame(values: Floats, edges: Floats, columns: list[tuple[str, str]]) -> pd.DataFrame:
    index = pd.Index(edges[:-1], name="time", dtype="float64")
    return pd.DataFrame(values, index=index, columns=pd.MultiIndex.from_tuples(columns, names=["component", "signal"]))
