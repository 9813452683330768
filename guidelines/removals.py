"""Taking away what a check asks for: pure functions from incident to incident, to measure what it is worth.

They know nothing of causes. Components are chosen by their kind and place in the topology, never by what hurts.
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
"""What an engine says of itself, as opposed to what is measured of its pod."""

RAY_SPANS = ("proxy_http_request", "replica_handle_request", "route_to_replica")
"""How the operations begin that Ray Serve's own tracing names."""
ENGINE_SPANS = ("engine", "llm_request")
"""How the operations of an engine begin: this project's and vLLM's."""


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
    """Only the spans of the component that users talk to: nobody carried the trace context on."""
    spans = incident.telemetry.spans
    return _with(incident, spans=spans[spans["component"] == incident.topology.front_door].reset_index(drop=True))


def without_operations(*beginnings: str) -> Callable[[Incident], Incident]:
    """Drops the spans of operations that begin so; what was below them hangs one step further up."""

    def apply(incident: Incident) -> Incident:
        spans = incident.telemetry.spans
        gone = spans["operation"].str.startswith(beginnings).fillna(False).to_numpy(dtype=bool)
        above = dict(zip(spans["span_id"][gone], spans["parent_id"][gone], strict=True))
        kept = spans[~gone].copy()
        kept["parent_id"] = kept["parent_id"].map(lambda parent: _kept_parent(parent, above)).astype("string")
        return _with(incident, spans=kept.reset_index(drop=True))

    return apply


def logs_without_pod(incident: Incident) -> Incident:
    """All lines of the pods that serve come under one name, as from a collector without pod labels."""
    pods, logs = serving(incident), incident.telemetry.logs.copy()
    if pods:
        logs.loc[logs["component"].isin(pods), "component"] = pods[0]
    return _with(incident, logs=logs)


def half_silent(incident: Incident) -> Incident:
    """The engine metrics of every second serving pod are gone: it runs a release that names them anew."""
    return without(ENGINE, lambda i: sorted(serving(i))[1::2])(incident)


def pooled_on_head(incident: Incident) -> Incident:
    """The engines' metrics are added up and booked on the head, as by an exporter without a replica label.

    Rates and levels add up; of quantiles and ratios the mean over the pods stands for the whole.
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
    """Every edge's latency is the callee's own: both ends are told of one measurement, counted twice."""
    metrics, edges = incident.telemetry.metrics, incident.telemetry.edge_metrics.copy()
    for column in list(edges.columns):
        source, target, signal = (str(part) for part in column)
        if (target, signal) in metrics.columns:
            edges[source, target, signal] = metrics[target, signal].reindex(edges.index)
    return _with(incident, edge_metrics=edges)


def every(seconds: float) -> Callable[[Incident], Incident]:
    """A coarser scrape: levels as they are then, of all else the mean since the last one.

    The mean of a quantile stands for the quantile of the longer window, which is not the same where load varies.
    """

    def apply(incident: Incident) -> Incident:
        seen = incident.telemetry
        return _with(
            incident,
            metrics=_coarser(seen.metrics, seconds),
            edge_metrics=_coarser(seen.edge_metrics, seconds),
        )

    return apply


def gauges_as_rates(incident: Incident) -> Incident:
    """Levels of memory are read through rate(), and traffic from an interface that does not exist."""
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
    """The front door measures neither latency nor errors."""
    metrics, door = incident.telemetry.metrics, incident.topology.front_door
    felt = ("latency", "ttft", "tpot", "error", "timeout")
    kept = [column for column in metrics.columns if column[0] != door or not str(column[1]).startswith(felt)]
    return _with(incident, metrics=metrics[kept])


def _with(incident: Incident, **frames: Any) -> Incident:
    return dataclasses.replace(incident, telemetry=dataclasses.replace(incident.telemetry, **frames))


def _kept_parent(parent: object, above: Mapping[object, object]) -> object:
    seen = set()
    while parent in above and parent not in seen:
        seen.add(parent)
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
