"""A small incident with everything in it that storage must keep: gaps, missing values, hostile text."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.incident.truth import Truth
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Onset, OnsetSource, Window

START = 1_700_000_000.0
COMPONENTS = (
    Component("gateway", Kind.GATEWAY),
    Component("replica-0", Kind.REPLICA, labels={"pod": "x"}),
    Component("node", Kind.NODE),
)
TRUTH = Truth(("replica-0",), "cpu-stress", START + 120.5, START + 180.25, {"workers": 16, "load": 1.0})


def incident(rows: int = 240, spans: int = 20, logs: int = 20) -> Incident:
    rng = np.random.default_rng(7)
    metrics = pd.DataFrame(
        rng.normal(size=(rows, 4)),
        index=pd.Index(START + np.arange(rows), dtype="float64", name="time"),
        columns=pd.MultiIndex.from_tuples(
            [("gateway", "latency_p90"), ("gateway", "error_ratio"), ("replica-0", "cpu_usage"), ("node", "cpu_usage")],
            names=["component", "signal"],
        ),
    )
    metrics.iloc[3:5, 1] = np.nan
    metrics.iloc[:, 3] = np.nan
    edge_metrics = pd.DataFrame(
        rng.normal(size=(rows, 1)),
        index=metrics.index,
        columns=pd.MultiIndex.from_tuples(
            [("gateway", "replica-0", "latency_p90")], names=["source", "target", "signal"]
        ),
    )
    span_rows = {
        "trace_id": [f"t{i // 2}" for i in range(spans)],
        "span_id": [f"s{i}" for i in range(spans)],
        "parent_id": [None if i % 2 == 0 else f"s{i - 1}" for i in range(spans)],
        "component": ["gateway", "replica-0"] * (spans // 2),
        "operation": ["POST /v1/completions"] * spans,
        "start": START + np.arange(spans, dtype="float64"),
        "duration": rng.random(spans),
        "error": [None if i % 3 == 0 else i % 3 == 1 for i in range(spans)],
    }
    log_rows = {
        "time": START + np.arange(logs, dtype="float64"),
        "component": ["gateway"] * logs,
        "severity": [None if i % 2 else "ERROR" for i in range(logs)],
        "message": ["\x1b[31m[bold]x[/bold] \u202e é\n" + "y" * i for i in range(logs)],
    }
    return Incident(
        id="0123456789abcdef",
        deployment="local",
        window=Window(START, START + rows),
        topology=Topology(
            COMPONENTS,
            (Edge("gateway", "replica-0"), Edge("replica-0", "node", Relation.RUNS_ON)),
            front_door="gateway",
        ),
        telemetry=Telemetry(
            metrics=metrics,
            edge_metrics=edge_metrics,
            spans=pd.DataFrame(span_rows).astype(SPAN_COLUMNS),
            logs=pd.DataFrame(log_rows).astype(LOG_COLUMNS),
            units={"latency_p90": "s", "error_ratio": "1"},
        ),
        onset=Onset(START + 121.0, OnsetSource.OPERATOR),
        notes=("no spans of node",),
    )
