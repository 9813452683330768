"""A gateway before some replicas, whose every signal is written by the test: for `serving` and its parts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from cluster.incident.model import Incident, Telemetry
from cluster.topology import Component, Kind, Topology, calls
from cluster.window import Window

SAMPLES, ONSET = 240, 120
LEVELS = {"cpu_usage": 0.5, "latency_p90": 0.6, "request_rate": 4.0, "queue_length": 1.0, "memory_working_set": 6e8}
EDGE_LEVELS = {"latency_p90": 0.61, "connect_time_p90": 0.005, "request_rate": 4.0}
GATEWAY_LEVELS = {"cpu_usage": 0.05, "latency_p90": 0.65}


def incident(
    factors: Mapping[tuple[str, ...], float] | None = None, replicas: int = 4, *, edges: bool = True, seed: int = 0
) -> Incident:
    """240 s at 1 s with 3 % of noise; from 120 s on, each series is multiplied by its factor.

    Args:
        factors: (component, signal) or (caller, callee, signal) -> factor; NaN takes the samples away.
    """
    rng = np.random.default_rng(seed)
    factors = factors or {}
    names = [f"replica-{i}" for i in range(replicas)]

    def series(key: tuple[str, ...], level: float) -> np.ndarray:
        values = level * (1 + 0.03 * rng.standard_normal(SAMPLES))
        values[ONSET:] *= factors.get(key, 1.0)
        return values

    metrics = {(r, s): series((r, s), level) for r in names for s, level in LEVELS.items()}
    metrics |= {("gateway", s): series(("gateway", s), level) for s, level in GATEWAY_LEVELS.items()}
    metrics["gateway", "request_rate"] = sum(metrics[r, "request_rate"] for r in names)
    called = {("gateway", r, s): series(("gateway", r, s), level) for r in names for s, level in EDGE_LEVELS.items()}
    telemetry = Telemetry(
        _frame(metrics, ["component", "signal"]),
        _frame(called, ["source", "target", "signal"]) if edges else Telemetry().edge_metrics,
    )
    return Incident(
        id="serving",
        deployment="local",
        window=Window(0.0, float(SAMPLES)),
        topology=Topology(
            (Component("gateway", Kind.GATEWAY), *(Component(r, Kind.REPLICA) for r in names)),
            calls("gateway", names),
            "gateway",
        ),
        telemetry=telemetry,
    )


def slow(*replicas: str, by: float = 4.0) -> dict[tuple[str, ...], float]:
    """Latency of the replicas, as they and their caller measure it, and their queue."""
    own = {(r, s): by for r in replicas for s in ("latency_p90", "queue_length")}
    return own | {("gateway", r, "latency_p90"): by for r in replicas}


def requests(by: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    """Requests of each replica, in its own count and its caller's."""
    own = {(r, "request_rate"): factor for r, factor in by.items()}
    return own | {("gateway", r, "request_rate"): factor for r, factor in by.items()}


def with_rates(case: Incident, rates: Mapping[tuple[str, ...], float]) -> Incident:
    """The incident with rates of events, a second, that were 0 before the onset."""
    metrics, edges = case.telemetry.metrics.copy(), case.telemetry.edge_metrics.copy()
    rng = np.random.default_rng(1)
    for key, rate in rates.items():
        values = rate * (1 + 0.03 * rng.standard_normal(SAMPLES))
        values[:ONSET] = 0.0
        (metrics if len(key) == 2 else edges)[key] = values
    return replace(case, telemetry=replace(case.telemetry, metrics=metrics, edge_metrics=edges))


def _frame(columns: Mapping[tuple[str, ...], np.ndarray], levels: list[str]) -> pd.DataFrame:
    frame = pd.DataFrame(dict(columns), index=pd.Index(np.arange(SAMPLES, dtype=np.float64), name="time"))
    frame.columns = pd.MultiIndex.from_tuples(list(columns), names=levels)
    return frame
