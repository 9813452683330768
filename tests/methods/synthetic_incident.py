"""Synthetic incidents of a small LLM deployment.

`make_incident()` is 240 s at 1 s: a gateway that calls a head and three replicas on one node, 59 signals that share one
load, edge metrics, spans and logs. From `onset_at` on, for `seconds`, the target suffers: its CPU saturates, then its
latency and queue rise, its token rate falls, and the gateway's latency follows two samples later.
`make_incident(few=True)` is the same with 120 samples, two replicas, no head and 5 signals a pod, for slow methods.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls
from cluster.window import Onset, OnsetSource, Window

START = 1_700_000_000.0
OPERATION = "POST /v1/completions"

# signal -> (unit, level, share of the load, noise, factor at the faulty pod, lag in samples, factor at the gateway)
POD_SIGNALS = {
    "cpu_usage": ("cores", 0.8, 0.30, 0.03, 2.2, 0),
    "cpu_throttled": ("1", 0.0, 0.0, 0.0, None, 0),
    "memory_working_set": ("bytes", 6e8, 0.02, 0.004, 1.0, 0),
    "network_receive": ("bytes/s", 4e4, 0.50, 0.05, 0.8, 1),
    "network_transmit": ("bytes/s", 9e4, 0.50, 0.05, 0.6, 1),
    "request_rate": ("1/s", 1.3, 0.60, 0.08, 0.9, 1),
    "error_rate": ("1/s", 0.0, 0.0, 0.0, 1.0, 0),
    "latency_p50": ("s", 0.6, 0.15, 0.03, 2.6, 1),
    "latency_p90": ("s", 0.9, 0.15, 0.04, 3.0, 1),
    "ttft_p90": ("s", 0.2, 0.20, 0.05, 4.0, 1),
    "token_rate": ("1/s", 160.0, 0.50, 0.04, 0.5, 1),
    "queue_length": ("1", 1.0, 0.60, 0.15, 5.0, 1),
}
GATEWAY_SIGNALS = {
    "request_rate": ("1/s", 5.0, 0.60, 0.03, 1.0, 2),
    "error_rate": ("1/s", 0.0, 0.0, 0.0, 1.0, 2),
    "error_ratio": ("1", 0.0, 0.0, 0.0, 1.0, 2),
    "latency_p50": ("s", 0.7, 0.15, 0.03, 1.3, 2),
    "latency_p90": ("s", 1.0, 0.15, 0.04, 2.0, 2),
    "ttft_p90": ("s", 0.25, 0.20, 0.05, 1.8, 2),
    "connections": ("1", 6.0, 0.50, 0.06, 1.4, 2),
    "cpu_usage": ("cores", 0.05, 0.40, 0.08, 1.0, 2),
    "memory_working_set": ("bytes", 2e7, 0.01, 0.004, 1.0, 2),
}
NODE_SIGNALS = {
    "cpu_usage": ("cores", 3.5, 0.30, 0.03, 1.15, 1),
    "memory_used": ("bytes", 4e9, 0.01, 0.003, 1.0, 1),
}
FEW = ("cpu_usage", "memory_working_set", "latency_p90", "request_rate", "queue_length", "error_ratio")


def make_incident(
    *,
    seed: int = 0,
    target: str | None = "replica-1",
    few: bool = False,
    samples: int | None = None,
    onset_at: int | None = None,
    seconds: int | None = None,
) -> Incident:
    """An incident with the onset set at the fault (`target=None`: no fault at all, the onset is set all the same)."""
    rng = np.random.default_rng(seed)
    samples = samples or (120 if few else 240)
    onset_at = onset_at if onset_at is not None else samples // 2
    seconds = seconds or (samples - onset_at if few else 60)
    pods = ("replica-0", "replica-1") if few else ("head", "replica-0", "replica-1", "replica-2")
    times = START + np.arange(samples, dtype=np.float64)
    load = _load(rng, samples)
    columns: dict[tuple[str, str], np.ndarray] = {}
    units: dict[str, str] = {}
    for component, table in (
        *((pod, POD_SIGNALS) for pod in pods),
        ("gateway", GATEWAY_SIGNALS),
        ("node", NODE_SIGNALS),
    ):
        for signal, (unit, level, share, noise, factor, lag) in table.items():
            if few and signal not in FEW:
                continue
            values = level * (1 + share * load + noise * rng.standard_normal(samples))
            hurt = target is not None and (component == target or component not in pods)
            if hurt:
                stretch = slice(onset_at + lag, onset_at + seconds + lag)
                values[stretch] = (
                    0.9 + 0.05 * rng.random(len(values[stretch])) if factor is None else values[stretch] * factor
                )
            columns[component, signal] = values
            units[signal] = unit
    metrics = pd.DataFrame(columns, index=pd.Index(times, name="time"))
    metrics.columns = pd.MultiIndex.from_tuples(list(columns), names=["component", "signal"])
    during = (times[onset_at], times[min(onset_at + seconds, samples) - 1] + 1)
    spans, logs = _spans_and_logs(rng, times, pods, target, during)
    topology = Topology(
        components=(
            Component("gateway", Kind.GATEWAY),
            *(Component(pod, Kind.HEAD if pod == "head" else Kind.REPLICA) for pod in pods),
            Component("node", Kind.NODE),
        ),
        edges=(*calls("gateway", pods), *(Edge(c, "node", Relation.RUNS_ON) for c in ("gateway", *pods))),
        front_door="gateway",
    )
    return Incident(
        id="synthetic",
        deployment="local",
        window=Window(START, START + samples),
        topology=topology,
        telemetry=Telemetry(metrics, _edges(rng, metrics, pods), spans, logs, units),
        onset=Onset(float(times[onset_at]), OnsetSource.OPERATOR),
    )


def _load(rng: np.random.Generator, samples: int) -> np.ndarray:
    load = np.zeros(samples)
    for i in range(1, samples):
        load[i] = 0.8 * load[i - 1] + 0.1 * rng.standard_normal()
    return load


def _edges(rng: np.random.Generator, metrics: pd.DataFrame, pods: tuple[str, ...]) -> pd.DataFrame:
    columns = {}
    for pod in pods:
        for signal in ("request_rate", "latency_p90"):
            seen = metrics[pod, signal].to_numpy()
            columns["gateway", pod, signal] = seen * (1.05 + 0.02 * rng.standard_normal(len(seen)))
    frame = pd.DataFrame(columns, index=metrics.index)
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=["source", "target", "signal"])
    return frame


def _spans_and_logs(
    rng: np.random.Generator, times: np.ndarray, pods: tuple[str, ...], target: str | None, during: tuple[float, float]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    spans: list[tuple] = []
    lines: list[tuple] = []
    for request, start in enumerate(np.sort(rng.uniform(times[0], times[-1], 2 * len(times)))):
        pod = pods[request % len(pods)]
        hurt = pod == target and during[0] <= start < during[1]
        work = 0.5 * float(np.exp(0.1 * rng.standard_normal())) * (3.0 if hurt else 1.0)
        failed = bool(hurt and rng.random() < 0.3)
        trace, root, serve = f"t{request}", f"g{request}", f"s{request}"
        spans.append((trace, root, None, "gateway", OPERATION, start, work + 0.03, failed))
        spans.append((trace, serve, root, pod, "serve", start + 0.01, work + 0.01, failed))
        spans.append((trace, f"e{request}", serve, pod, "generate", start + 0.015, work, failed))
        status = 504 if failed else 200
        lines.append((start + work, "gateway", "INFO", f"{OPERATION} {status} {work:.3f}"))
        lines.append((start, pod, "INFO", f"accepted request {request}"))
        if failed:
            lines.append((start + work, pod, "ERROR", f"request {request} failed: deadline exceeded"))
    span_frame = pd.DataFrame(spans, columns=list(SPAN_COLUMNS)).astype(SPAN_COLUMNS)
    log_frame = pd.DataFrame(lines, columns=list(LOG_COLUMNS)).astype(LOG_COLUMNS)
    return span_frame, log_frame.sort_values("time", kind="stable", ignore_index=True)
