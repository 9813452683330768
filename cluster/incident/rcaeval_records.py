"""Spans and log lines of an RCAEval case, in the shapes of `Telemetry`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, empty_logs, empty_spans
from cluster.incident.rcaeval_tables import seconds

_SEVERITY = r"\b(TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|CRITICAL|FATAL)\b"
_HEAD = 64
"""A level stands at the head of a line; further in, the same word is prose."""


def spans(table: pd.DataFrame | None) -> tuple[pd.DataFrame, list[str]]:
    """Spans, and notes on what they lack. Raises ValueError when a required column is missing."""
    if table is None or table.empty:
        return empty_spans(), []
    _need(table, ("traceID", "spanID", "serviceName", "startTime", "duration"), "traces")
    operation = next((table[name] for name in ("operationName", "methodName") if name in table), None)
    parent = table["parentSpanID"].astype("string") if "parentSpanID" in table else None
    error, notes = _errors(table.get("statusCode"), len(table))
    frame = pd.DataFrame(
        {
            "trace_id": table["traceID"].astype("string"),
            "span_id": table["spanID"].astype("string"),
            "parent_id": pd.NA if parent is None else parent.where(parent != ""),
            "component": table["serviceName"].astype("string"),
            "operation": "" if operation is None else operation.astype("string"),
            "start": seconds(table["startTime"]),
            "duration": table["duration"].to_numpy(dtype="float64", na_value=np.nan) / 1e6,
            "error": error,
        }
    ).astype(SPAN_COLUMNS)
    timed = np.isfinite(frame["start"]) & np.isfinite(frame["duration"])
    if not timed.all():
        notes.append(f"{int((~timed).sum())} spans without a start or a duration were left out")
    return frame[timed].sort_values("start", kind="stable", ignore_index=True), notes


def logs(table: pd.DataFrame | None) -> pd.DataFrame:
    """Log lines in order of time. Raises ValueError when a required column is missing."""
    if table is None or table.empty:
        return empty_logs()
    _need(table, ("container_name", "message"), "logs")
    clock = next((name for name in ("timestamp", "time") if name in table), None)
    if clock is None:
        raise ValueError("logs need a column timestamp or time")
    message = table["message"].astype("string").fillna("")
    level = next((table[name].astype("string") for name in ("level", "severity") if name in table), None)
    if level is None:
        level = message.str.slice(0, _HEAD).str.extract(_SEVERITY, expand=False)
    frame = pd.DataFrame(
        {
            "time": seconds(table[clock]),
            "component": table["container_name"].astype("string"),
            "severity": level.str.upper(),
            "message": message,
        }
    ).astype(LOG_COLUMNS)
    kept: pd.DataFrame = frame[np.isfinite(frame["time"])]
    return kept.sort_values("time", kind="stable", ignore_index=True)


def _errors(status: pd.Series | None, count: int) -> tuple[pd.Series, list[str]]:
    """Failed or not, by HTTP or gRPC status code or OpenTelemetry's words; NA where it is unknown."""
    unknown = pd.Series(pd.NA, index=range(count), dtype="boolean")
    if status is None:
        return unknown, ["the spans carry no status, so errors are unknown"]
    words = status.astype("string").str.strip().str.lower().reset_index(drop=True)
    if words.nunique(dropna=False) == 1:
        # exporters write a default where none was recorded: one value everywhere carries no information
        return unknown, [f"all spans carry the same status ({words.iloc[0]}), so errors are unknown"]
    code = pd.to_numeric(words, errors="coerce")
    error = unknown.copy()
    error[(code.between(100, 399) | (code == 0) | words.isin(["ok", "unset"])).fillna(False).to_numpy(dtype=bool)] = (
        False
    )
    failed = code.between(400, 599) | code.between(1, 16) | (words == "error")
    error[failed.fillna(False).to_numpy(dtype=bool)] = True
    return error, []


def _need(table: pd.DataFrame, columns: tuple[str, ...], what: str) -> None:
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{what} lack the column {missing[0]}")
