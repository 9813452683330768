"""Two minutes of a calm deployment: a gateway before three replicas."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.topology import Component, Kind, Topology, calls

TOPOLOGY = Topology(
    (
        Component("gateway", Kind.GATEWAY),
        *(Component(f"replica-{i}", Kind.REPLICA) for i in range(3)),
    ),
    calls("gateway", [f"replica-{i}" for i in range(3)]),
    "gateway",
)
END = 119.0


def frames(**changed: float) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Two minutes of a calm deployment; `component__signal` has another value in the last 20 seconds."""
    values = {("gateway", "request_rate"): 3.0, ("gateway", "latency_p90"): 0.5, ("gateway", "error_rate"): 0.0}
    values |= {("gateway", "connections"): 2.0}
    edges = {}
    for i in range(3):
        name = f"replica-{i}"
        values |= {(name, "request_rate"): 1.0, (name, "latency_p90"): 0.4, (name, "running_requests"): 1.0}
        values |= {(name, "cpu_usage"): 0.3, (name, "memory_working_set"): 8e8}
        edges |= {("gateway", name, "latency_p90"): 0.45, ("gateway", name, "request_rate"): 1.0}
    metrics = table(values, ["component", "signal"])
    edge_metrics = table(edges, ["source", "target", "signal"])
    for name, value in changed.items():
        key = tuple(part.replace("_", "-") if i < name.count("__") else part for i, part in enumerate(name.split("__")))
        (metrics if len(key) == 2 else edge_metrics).loc[100.0:, key] = value
    return metrics, edge_metrics


def table(values: dict[tuple[str, ...], float], names: list[str]) -> pd.DataFrame:
    columns = pd.MultiIndex.from_tuples(list(values), names=names)
    return pd.DataFrame([list(values.values())] * 120, index=np.arange(120.0), columns=columns)
