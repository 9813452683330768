"""Removals of the telemetry that a check asks for: pure functions from incident to incident.

An ablation ranks again without that telemetry and measures the loss. A removal does not know the cause: it chooses
components by their kind and place in the topology.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, empty_edge_metrics, empty_logs, empty_spans
from cluster.signals import SIGNALS, Quantity
from cluster.topology import Kind
from guidelines.survey import of_incident

ENGINE = (
    "request_rate",
    "error_rate",
    "abort_rate",
    "latency_p50",
    "latency_p90",
    "ttft_p50",
    "ttft_p90",
    "tpot_p50",
    "tpot_p90",
    "inter_token_p50",
    "inter_token_p90",
    "token_rate",
    "queue_length",
    "running_requests",
    "slots_busy",
    "kv_usage",
    "preemption_rate",
    "queue_time_p90",
    "prefill_time_p90",
    "decode_time_p90",
    "prompt_tokens_p90",
    "batch_tokens_p90",
)
"""Signals that an engine exports itself, as opposed to those that are measured at its pod."""

RAY_SPANS = ("proxy_http_request", "replica_handle_request", "route_to_replica")
"""Prefixes of the operations that Ray Serve's own tracing names."""
ENGINE_SPANS = ("engine", "llm_request")
"""Prefixes of an engine's operations: this project's and vLLM's."""


def serving(incident: Incident) -> tuple[str, ...]:
    return of_incident(incident, "").serving


def without(signals: Collection[str], components: Callable[[Incident], Collection[str]]) -> Callable[..., Incident]:
    """Drops these signals of those components."""

    def apply(incident: Incident) -> Incident:
        among = set(components(incident))
        metrics = incident.telemetry.metrics
        kept = [column for column in metrics.columns if column[0] not in among or column[1] not in signals]
        return _with(incident, metrics=metrics[kept])

    return apply


def without_spans(incident: Incident) -> Incident:
    return _with(incident, spans=empty_spans())


def without_logs(incident: Incident) -> Incident:
    return _with(incident, logs=empty_logs())


def without_edges(incident: Incident) -> Incident:
    return _with(incident, edge_metrics=empty_edge_metrics())


def front_door_spans(incident: Incident) -> Incident:
    """Only the spans of the front door: the trace context was not propagated."""
    spans = incident.telemetry.spans
    return _with(incident, spans=spans[spans["component"] == incident.topology.front_door].reset_index(drop=True))


def without_operations(*beginnings: str) -> Callable[[Incident], Incident]:
    """Drops the spans of operations with these prefixes; their children become children of the next span above."""

    def apply(incident: Incident) -> Incident:
        spans = incident.telemetry.spans
        gone = spans["operation"].str.startswith(beginnings).fillna(False).to_numpy(dtype=bool)
        above = dict(zip(spans["span_id"][gone], spans["parent_id"][gone], strict=True))
        kept = spans[~gone].copy()
        kept["parent_id"] = kept["parent_id"].map(lambda parent: _kept_parent(parent, above)).astype("string")
        return _with(incident, spans=kept.reset_index(drop=True))

    return apply


def logs_without_pod(incident: Incident) -> Incident:
    """All lines of the serving pods have one component, as from a log collector without pod labels."""
    pods, logs = serving(incident), incident.telemetry.logs.copy()
    if pods:
        logs.loc[logs["component"].isin(pods), "component"] = pods[0]
    return _with(incident, logs=logs)


def half_silent(incident: Incident) -> Incident:
    """Drops the engine metrics of every second serving pod, as if its release had other names for them."""
    return without(ENGINE, lambda i: sorted(serving(i))[1::2])(incident)


def pooled_on_head(incident: Incident) -> Incident:
    """The engines' metrics are aggregated at the head, as by an exporter without a replica label.

    Rates and levels are summed; quantiles and ratios are replaced by their mean over the pods.
    """
    heads = incident.topology.of_kind(Kind.HEAD)
    if not heads:
        return incident
    pods, metrics = serving(incident), incident.telemetry.metrics
    pooled = without(ENGINE, lambda _: pods)(incident).telemetry.metrics.copy()
    for signal in ENGINE:
        parts = [metrics[pod, signal] for pod in pods if (pod, signal) in metrics.columns]
        if parts:
            together = pd.concat(parts, axis=1)
            pooled[heads[0].id, signal] = together.sum(axis=1, min_count=1) if _adds(signal) else together.mean(axis=1)
    return _with(incident, metrics=pooled)


def edges_from_callees(incident: Incident) -> Incident:
    """The latency of every edge is the callee's own: one measurement counts for both ends."""
    metrics, edges = incident.telemetry.metrics, incident.telemetry.edge_metrics.copy()
    for column in list(edges.columns):
        source, target, signal = (str(part) for part in column)
        if (target, signal) in metrics.columns:
            edges[source, target, signal] = metrics[target, signal].reindex(edges.index)
    return _with(incident, edge_metrics=edges)


def every(seconds: float) -> Callable[[Incident], Incident]:
    """A coarser scrape: levels at that moment, for all other signals the mean since the last scrape.

    The mean of a quantile approximates the quantile of the longer window; the two differ where load varies.
    """

    def apply(incident: Incident) -> Incident:
        telemetry = incident.telemetry
        return _with(
            incident,
            metrics=_coarser(telemetry.metrics, seconds),
            edge_metrics=_coarser(telemetry.edge_metrics, seconds),
        )

    return apply


def gauges_as_rates(incident: Incident) -> Incident:
    """Memory levels are queried with rate(), and traffic of an interface that does not exist."""
    metrics = incident.telemetry.metrics.copy()
    step = float(np.median(np.diff(metrics.index))) if len(metrics.index) > 1 else 1.0
    for column in list(metrics.columns):
        if column[1].startswith("memory_"):
            level = metrics[column]
            risen = level.diff()
            metrics[column] = risen.mask(risen < 0, level) / step  # rate() takes a fall for a restart from 0
        elif column[1].startswith("network_"):
            metrics = metrics.drop(columns=[column])
    return _with(incident, metrics=metrics)


def without_sli(incident: Incident) -> Incident:
    """Drops latency and errors of the front door."""
    metrics, door = incident.telemetry.metrics, incident.topology.front_door
    felt = ("latency", "ttft", "tpot", "error", "timeout")
    kept = [column for column in metrics.columns if column[0] != door or not str(column[1]).startswith(felt)]
    return _with(incident, metrics=metrics[kept])


def _with(incident: Incident, **frames: Any) -> Incident:
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, **frames))


def _kept_parent(parent: object, above: Mapping[object, object]) -> object:
    visited = set()
    while parent in above and parent not in visited:
        visited.add(parent)
        parent = above[parent]
    return parent


def _adds(signal: str) -> bool:
    known = SIGNALS[signal]
    return known.quantity is Quantity.RATE or (known.quantity is Quantity.GAUGE and signal not in _SHARES)


_SHARES = {"slots_busy", "kv_usage"}


def _coarser(frame: pd.DataFrame, seconds: float) -> pd.DataFrame:
    if frame.empty:
        return frame
    end = np.ceil(frame.index.to_numpy(dtype=np.float64) / seconds - 1e-9) * seconds
    step = float(np.median(np.diff(frame.index))) if len(frame.index) > 1 else seconds
    # Half a scrape at either end would be the mean of less than the others are.
    whole = (end - seconds >= frame.index[0] - 1.5 * step) & (end <= frame.index[-1] + 1e-6)
    inside, groups = frame[whole], pd.Index(end[whole], name="time")
    coarse = inside.groupby(groups).mean()
    levels = [c for c in frame.columns if c[-1] in SIGNALS and SIGNALS[c[-1]].quantity is Quantity.GAUGE]
    if levels:
        # the sample itself: a gap at that moment stays one
        coarse[levels] = inside[levels].groupby(groups).nth(-1).to_numpy()
    return pd.DataFrame(coarse.astype("float64"))
