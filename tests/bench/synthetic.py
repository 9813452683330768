"""Telemetry of a made-up LLM deployment of any size: one gateway, replicas, a node for every ten components.

Within a replica the signals depend on each other (load, CPU, queue, latency), so that graph searches have something to
find; the gateway shows the mean of its replicas, a node the sum of what runs on it. From half of the window on one
replica suffers. Spans and log lines grow with the replicas up to a bound.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Onset, OnsetSource, Window

START = 1_700_000_000.0
MOST_TRACES = 20_000
OPERATION = "POST /v1/completions"

# signal: unit, level, share of the level that moves, (what moves it, samples later), factor at the faulty replica
SIGNALS: dict[str, tuple[str, float, float, tuple[str, int] | None, float]] = {
    "request_rate": ("1/s", 4.0, 0.15, ("load", 0), 0.8),
    "cpu_usage": ("cores", 0.6, 0.12, ("request_rate", 0), 1.8),
    "queue_length": ("1", 3.0, 0.15, ("cpu_usage", 1), 4.0),
    "latency_p90": ("s", 0.9, 0.10, ("queue_length", 0), 3.0),
    "latency_p50": ("s", 0.6, 0.10, ("latency_p90", 0), 2.5),
    "ttft_p90": ("s", 0.2, 0.10, ("queue_length", 1), 3.0),
    "token_rate": ("1/s", 160.0, 0.12, ("request_rate", 1), 0.5),
    "network_receive": ("bytes/s", 4e4, 0.15, ("request_rate", 0), 0.8),
    "memory_working_set": ("bytes", 6e8, 0.01, None, 1.0),
    "error_ratio": ("1", 0.02, 0.30, ("latency_p90", 1), 3.0),
}
_Signals = dict[str, np.ndarray]


def make(components: int = 10, samples: int = 300, seed: int = 0) -> Incident:
    """An incident of `components` (at least 3) with ten signals each, one sample a second, its onset set."""
    rng = np.random.default_rng(seed)
    nodes = max(1, components // 10)
    replicas = components - 1 - nodes
    pods = tuple(f"replica-{i}" for i in range(replicas))
    hosts = tuple(f"node-{i}" for i in range(nodes))
    place = np.arange(replicas) % nodes
    faulty, onset = replicas // 2, samples // 2

    moved = _replica_signals(rng, samples, replicas)
    for name, (*_, factor) in SIGNALS.items():
        moved[name][onset:, faulty] *= factor
    blocks = [("gateway",), pods, hosts]
    columns: dict[tuple[str, str], np.ndarray] = {}
    for name in SIGNALS:
        inside = moved[name]
        # What users see is the mean, and somewhat worse than that: they wait for the slow ones.
        seen = inside.mean(axis=1, keepdims=True) * 0.6 + inside.max(axis=1, keepdims=True) * 0.4
        below = np.stack([inside[:, place == host].sum(axis=1) for host in range(nodes)], axis=1)
        for ids, values in zip(blocks, (seen, inside, below), strict=True):
            noise = 1 + 0.02 * rng.standard_normal(values.shape)
            columns.update({(i, name): c for i, c in zip(ids, (values * noise).T, strict=True)})

    metrics = _wide(columns, ["component", "signal"])
    spans, logs = _spans_and_logs(rng, samples, pods, faulty, onset)
    runs_on = tuple(Edge(pod, hosts[place[i]], Relation.RUNS_ON) for i, pod in enumerate(pods))
    parts = (Component("gateway", Kind.GATEWAY), *(Component(p, Kind.REPLICA) for p in pods))
    return Incident(
        id=f"synthetic-{components}",
        deployment="synthetic",
        window=Window(START, START + samples),
        topology=Topology(
            (*parts, *(Component(h, Kind.NODE) for h in hosts)), (*calls("gateway", pods), *runs_on), "gateway"
        ),
        telemetry=Telemetry(metrics, _edges(rng, moved, pods), spans, logs, {n: row[0] for n, row in SIGNALS.items()}),
        onset=Onset(START + onset, OnsetSource.GIVEN),
    )


def cut(incident: Incident, columns: int) -> Incident:
    """The same incident with so many metrics only, all components' first signals before their second ones."""
    order = {name: position for position, name in enumerate(SIGNALS)}
    metrics = incident.telemetry.metrics
    kept = sorted(metrics.columns, key=lambda column: order[column[1]])[:columns]
    telemetry = dataclasses.replace(incident.telemetry, metrics=metrics[kept])
    return dataclasses.replace(incident, telemetry=telemetry)


def _replica_signals(rng: np.random.Generator, samples: int, replicas: int) -> _Signals:
    """Signal -> (samples, replicas) in its unit."""
    common = _wandering(rng, samples, 1)
    waves = {"load": 0.7 * common + 0.7 * _wandering(rng, samples, replicas)}
    for name, (*_, mover, _) in SIGNALS.items():
        own = rng.standard_normal((samples, replicas))
        waves[name] = own if mover is None else 0.8 * np.roll(waves[mover[0]], mover[1], axis=0) + 0.6 * own
    return {name: level * np.exp(share * waves[name]) for name, (_, level, share, *_) in SIGNALS.items()}


def _wandering(rng: np.random.Generator, samples: int, count: int) -> np.ndarray:
    """(samples, count) of variance 1 that remember their past."""
    steps = rng.standard_normal((samples, count))
    for i in range(1, samples):
        steps[i] = 0.8 * steps[i - 1] + 0.6 * steps[i]
    return steps


def _edges(rng: np.random.Generator, moved: _Signals, pods: tuple[str, ...]) -> pd.DataFrame:
    columns = {}
    for name in ("request_rate", "latency_p90"):
        seen = moved[name] * (1.05 + 0.02 * rng.standard_normal(moved[name].shape))
        columns.update({("gateway", pod, name): c for pod, c in zip(pods, seen.T, strict=True)})
    return _wide(columns, ["source", "target", "signal"])


def _wide(columns: dict[tuple[str, ...], np.ndarray], names: list[str]) -> pd.DataFrame:
    values = np.stack(list(columns.values()), axis=1)
    index = pd.Index(START + np.arange(len(values), dtype=np.float64), name="time")
    return pd.DataFrame(values, index=index, columns=pd.MultiIndex.from_tuples(list(columns), names=names))


def _spans_and_logs(
    rng: np.random.Generator, samples: int, pods: tuple[str, ...], faulty: int, onset: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    traces = min(2 * samples * max(1, len(pods) // 4), MOST_TRACES)
    begin = START + np.sort(rng.uniform(0, samples - 5, traces))
    served = rng.integers(0, len(pods), traces)
    hurt = (served == faulty) & (begin >= START + onset)
    work = 0.5 * np.exp(0.1 * rng.standard_normal(traces)) * np.where(hurt, 3.0, 1.0)
    failed = hurt & (rng.random(traces) < 0.3)
    number = [str(i) for i in range(traces)]
    component = np.array(pods, dtype=object)[served]

    def spans(prefix: str, parent: str | None, where: object, operation: str, lag: float, extra: float) -> pd.DataFrame:
        return pd.DataFrame(
            {
                "trace_id": ["t" + n for n in number],
                "span_id": [prefix + n for n in number],
                "parent_id": None if parent is None else [parent + n for n in number],
                "component": where,
                "operation": operation,
                "start": begin + lag,
                "duration": work + extra,
                "error": failed,
            }
        ).astype(SPAN_COLUMNS)

    levels = [
        spans("g", None, "gateway", OPERATION, 0.0, 0.03),
        spans("s", "g", component, "serve", 0.01, 0.01),
        spans("e", "s", component, "generate", 0.015, 0.0),
    ]
    lines = pd.DataFrame(
        {
            "time": begin + work,
            "component": component,
            "severity": np.where(failed, "ERROR", "INFO"),
            "message": [
                f"request {n} failed: deadline exceeded" if bad else f"served request {n}"
                for n, bad in zip(number, failed, strict=True)
            ],
        }
    ).astype(LOG_COLUMNS)
    whole = pd.concat(levels).sort_values("start", kind="stable", ignore_index=True)
    return whole, lines.sort_values("time", kind="stable", ignore_index=True)
