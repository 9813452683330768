"""Write an incident as a case of the RCAEval layout (CSV), so that both implementations read the very same files."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from cluster.incident.model import Incident
from methods.telemetry.sli import latency_key

_BUCKET = 5
"""Seconds over which logs and spans are counted, as in the published data sets."""


def write(incident: Incident, folder: Path) -> Path:
    """The case in `folder`, with the incident's onset as the injection time. Raises ValueError without one."""
    if incident.onset is None:
        raise ValueError("the incident has no onset to write as the injection time")
    folder.mkdir(parents=True, exist_ok=True)
    telemetry = incident.telemetry
    sli = "_".join(latency_key(incident))
    (folder / "bench.json").write_text(json.dumps({"sli": sli}))
    (folder / "inject_time.txt").write_text(f"{incident.onset.time:.0f}\n")
    (folder / "truth.json").write_text(json.dumps({"service": "unknown", "fault": "unknown"}))
    _flat(telemetry.metrics).to_csv(folder / "metrics.csv", index=False)
    latency = telemetry.edge_metrics.xs("latency_p90", axis=1, level="signal", drop_level=False)
    latency.columns = [f"{source}_{target}" for source, target, _ in latency.columns]
    latency.reset_index().to_csv(folder / "edge_latency.csv", index=False)
    edges = [(edge.source, edge.target) for edge in incident.topology.edges]
    pd.DataFrame(edges, columns=["source", "destination"]).to_csv(folder / "edges.csv", index=False)
    _logs(telemetry.logs).to_csv(folder / "logs.csv", index=False)
    spans = _spans(telemetry.spans)
    spans.to_csv(folder / "traces.csv", index=False)
    _series(folder, telemetry.logs, spans)
    return folder


def _flat(metrics: pd.DataFrame) -> pd.DataFrame:
    flat = metrics.copy()
    flat.columns = [f"{component}_{signal}" for component, signal in metrics.columns]
    return flat.reset_index()


def _logs(logs: pd.DataFrame) -> pd.DataFrame:
    names = {"time": "timestamp", "component": "container_name", "severity": "level"}
    return logs.rename(columns=names)


def _spans(spans: pd.DataFrame) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "traceID": spans["trace_id"],
            "spanID": spans["span_id"],
            "parentSpanID": spans["parent_id"],
            "serviceName": spans["component"],
            "methodName": spans["operation"],
            "operationName": spans["operation"],
            "startTime": (spans["start"] * 1e6).round().astype("int64"),
            "duration": (spans["duration"] * 1e6).round().astype("int64"),
            "statusCode": spans["error"].fillna(False).map({True: 504, False: 200}),
        }
    )


def _series(folder: Path, logs: pd.DataFrame, spans: pd.DataFrame) -> None:
    """Log lines a container, failures and mean latency an operation, over time."""
    when = (logs["time"] // _BUCKET * _BUCKET).astype("int64").rename("time")
    logs.groupby([when, "component"]).size().unstack(fill_value=0).reset_index().to_csv(
        folder / "logts.csv", index=False
    )
    keys = [
        (spans["startTime"] // (_BUCKET * 10**6) * _BUCKET).rename("time"),
        spans["serviceName"] + "_" + spans["methodName"],
    ]
    failed = (spans["statusCode"] >= 400).groupby(keys).sum().unstack(fill_value=0)
    failed.reset_index().to_csv(folder / "tracets_err.csv", index=False)
    latency = spans["duration"].groupby(keys).mean().unstack()
    latency.reset_index().to_csv(folder / "tracets_lat.csv", index=False)
