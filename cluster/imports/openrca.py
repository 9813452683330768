"""A day of OpenRCA: `SYSTEM/telemetry/YYYY_MM_DD`, with the failures of all days in `SYSTEM/record.csv`.

    metric/*.csv    timestamp, cmdb_id, kpi_name | name, value; or a row a service and a column a metric: timestamp or
                    startTime, tc or service or serviceName, ...
    trace/*.csv     one of three spellings: trace_id or traceId, timestamp or startTime, duration or elapsedTime, ...
    log/*.csv       timestamp, cmdb_id, log_name, value

Days have tens of failures or none: a truth is sealed where the day has exactly one.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from cluster.imports.openrca_door import behind_a_door
from cluster.incident import rcaeval_graph, rcaeval_tables, table_origins
from cluster.incident.container import IncidentError
from cluster.incident.frames import LARGEST
from cluster.incident.model import (
    LOG_COLUMNS,
    SPAN_COLUMNS,
    Incident,
    Telemetry,
    empty_logs,
    empty_metrics,
    empty_spans,
)
from cluster.incident.table_origins import Key
from cluster.incident.truth import Truth
from cluster.signals import UNITS
from cluster.text.plain import plain
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import Window

_NODE = re.compile(r"(node-\d+)\.(.+)")
_PROTOCOL = re.compile("-(?:grpc|http)$")
_LONGEST = 2 * 86400.0
_MOST_COLUMNS = 20_000
_WRONG = (ValueError, TypeError, LookupError, AttributeError, OverflowError, OSError, MemoryError)


def is_day(path: Path) -> bool:
    """Whether a folder is a day of OpenRCA."""
    return path.is_dir() and (path / "metric").is_dir()


def days(path: Path) -> list[Path]:
    """The days in a folder, by date: that of a system, or its `telemetry`."""
    if not path.is_dir():
        return []
    inside = path / "telemetry" if (path / "telemetry").is_dir() else path
    return sorted(one for one in inside.iterdir() if not one.is_symlink() and is_day(one))


def read(path: Path) -> tuple[Incident, Truth | None]:
    """The day as one incident, and its truth. Raises IncidentError."""
    try:
        return _read(path)
    except _WRONG as error:
        reason = plain(" ".join(str(error).split()), 300).rstrip(".") or "it takes more memory than there is"
        raise IncidentError(f"{path} cannot be read as a day of OpenRCA: {reason}") from error


def _read(path: Path) -> tuple[Incident, Truth | None]:
    hosts: dict[str, str] = {}
    metrics, dropped = _metrics(_tables(path / "metric"), hosts)
    traces = _tables(path / "trace")
    spans = _spans(traces)
    logs = _logs(_tables(path / "log"))
    times = np.concatenate(
        [metrics.index.to_numpy(float), spans["start"].to_numpy(float), logs["time"].to_numpy(float)]
    )
    if not len(times):
        raise ValueError("no sample, span or log line in it")
    first, last = float(times.min()), float(times.max())
    if last - first > _LONGEST:
        raise ValueError(f"it spans {(last - first) / 3600:.0f} hours, which is no day")
    window = Window(first, float(np.nextafter(last, np.inf)) if len(times) > 1 else last + 1)
    named = {*spans["component"].dropna(), *logs["component"].dropna(), *hosts, *hosts.values()}
    pairs = list(dict.fromkeys((*rcaeval_graph.calls(spans), *_databases(traces))))
    topology, metrics, notes = rcaeval_graph.build(metrics, pairs, named)
    topology, metrics, told, seen = behind_a_door(topology, metrics, spans, rcaeval_graph.roots(pairs))
    notes += told
    kinds = [Component(one.id, Kind.NODE) if one.id in hosts.values() else one for one in topology.components]
    runs = [Edge(pod, node, Relation.RUNS_ON) for pod, node in hosts.items()]
    if count := sum(dropped.values()):
        notes.append(f"{count} values are no numbers, infinite or beyond {LARGEST:g}, and are gaps")
    truths = _truths(path, window)
    if len(truths) > 1:
        notes.append(f"record.csv has {len(truths)} failures in it, so no truth is sealed")
    digest = hashlib.sha256(repr(list(metrics.columns)).encode() + metrics.to_numpy(dtype="float64").tobytes())
    digest.update(times.tobytes())
    topology = Topology(tuple(kinds), (*topology.edges, *runs), topology.front_door)
    incident = Incident(
        id=digest.hexdigest()[:16],
        deployment="openrca",
        window=window,
        topology=topology,
        telemetry=Telemetry(
            metrics=metrics,
            spans=spans,
            logs=logs,
            units={name: unit for name, unit in UNITS.items() if name in metrics.columns.get_level_values(1)},
        ),
        notes=tuple(notes),
        provenance=table_origins.provenance(topology, metrics, replace(seen, dropped=dropped)),
    )
    return incident, truths[0] if len(truths) == 1 else None


def _tables(folder: Path) -> list[pd.DataFrame]:
    if folder.is_symlink():
        raise ValueError(f"{folder.name} is a link: copy the folder that it leads to")
    found = sorted(one.stem for one in folder.iterdir() if one.suffix == ".csv") if folder.is_dir() else []
    tables = [rcaeval_tables.read(folder, (name,)) for name in found]
    return [table for table in tables if table is not None and len(table)]


def _metrics(tables: Sequence[pd.DataFrame], hosts: dict[str, str]) -> tuple[pd.DataFrame, dict[Key, int]]:
    """All metrics, and how many values of each were left out as no numbers, infinite or too large."""
    long = []
    for table in tables:
        at = _first(table, "timestamp", "startTime")
        if at is None:
            raise ValueError("a table of metrics needs timestamp")
        kpi = _first(table, "kpi_name", "name")
        if kpi and "cmdb_id" in table:
            rows = pd.DataFrame(
                {
                    "time": rcaeval_tables.seconds(table[at]),
                    "component": table["cmdb_id"].astype("string").fillna(""),
                    "signal": table[kpi].astype("string").fillna(""),
                    "value": _number(table["value"]),
                }
            )
        else:
            owner = _first(table, "tc", "service", "serviceName")
            if owner is None:
                raise ValueError("a table of metrics needs cmdb_id and kpi_name, or tc, service or serviceName")
            services = table[owner].astype("string").fillna("").str.replace(_PROTOCOL, "", regex=True)
            rows = table.drop(columns=[owner, at]).apply(_number)
            rows = rows.assign(time=rcaeval_tables.seconds(table[at]), component=services)
            rows = rows.melt(["time", "component"], var_name="signal", value_name="value")
        long.append(rows)
    if not long:
        return empty_metrics(), {}
    rows = pd.concat(long, ignore_index=True)
    rows = rows[np.isfinite(rows["time"]) & rows["value"].notna() & (rows["component"] != "")]
    names = {one: _named(one, hosts) for one in rows["component"].unique()}
    rest = rows["component"].map({one: f".{detail}" if detail else "" for one, (_, detail) in names.items()})
    rows = rows.assign(
        component=rows["component"].map({one: name for one, (name, _) in names.items()}),
        signal=rows["signal"].astype(str) + rest.astype(str),
    )
    kept = rows["value"].abs() < LARGEST
    lost = rows[~kept].groupby(["component", "signal"]).size()
    dropped = {(str(one), str(signal)): int(count) for (one, signal), count in lost.items()}
    rows = rows[kept]
    rows = rows.assign(time=_together(rows))
    if len(rows[["component", "signal"]].drop_duplicates()) > _MOST_COLUMNS:
        raise ValueError(f"it has more than {_MOST_COLUMNS} series")
    wide = rows.pivot_table(index="time", columns=["component", "signal"], values="value", aggfunc="mean")
    return wide.astype("float64").sort_index(), dropped


def _number(values: pd.Series) -> pd.Series:
    """Text as an infinite value, so that it does not look like a missing one, a column of text alone included."""
    numbers = pd.to_numeric(values, errors="coerce").astype("float64")
    return numbers.where(numbers.notna() | values.isna(), np.inf)


def _together(rows: pd.DataFrame) -> pd.Series:
    """Times of a grid as fine as the series are: a day is sampled each minute, every metric at a second of its own."""
    ordered = rows.sort_values("time", kind="stable")
    gaps = ordered["time"].groupby([ordered["component"], ordered["signal"]]).diff()
    step = max(1.0, round(float(gaps[gaps > 0].median()))) if (gaps > 0).any() else 1.0
    first = np.floor(rows["time"].min()) if len(rows) else 0.0
    aligned: pd.Series = first + np.floor((rows["time"] - first) / step + 1e-6) * step
    return aligned


def _databases(traces: Sequence[pd.DataFrame]) -> list[tuple[str, str]]:
    """Calls to what has no spans of its own: the data source that a span names."""
    found: dict[tuple[str, str], None] = {}
    for table in traces:
        if {"cmdb_id", "dsName"} <= set(table.columns):
            called = table[["cmdb_id", "dsName"]].dropna().astype(str).drop_duplicates()
            found |= dict.fromkeys(zip(called["cmdb_id"], called["dsName"], strict=True))
    return [(source, target) for source, target in found if source and target and source != target]


def _named(text: str, hosts: dict[str, str]) -> tuple[str, str]:
    """The component, and what else its name holds: `node-6.cart-0` runs on node-6; `cart-0.source.…` is a link."""
    if match := _NODE.fullmatch(text):
        hosts[match[2]] = match[1]
        return match[2], ""
    name, _, rest = text.partition(".")
    return (name, rest) if name and re.search("[a-zA-Z]", name) else (text, "")


def _spans(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    frames = []
    for table in tables:
        columns = {
            "trace_id": _first(table, "trace_id", "traceId"), "span_id": _first(table, "span_id", "id"),
            "start": _first(table, "timestamp", "startTime"), "duration": _first(table, "duration", "elapsedTime"),
        }  # fmt: skip
        if missing := [name for name, column in columns.items() if column is None] or (
            [] if "cmdb_id" in table else ["cmdb_id"]
        ):
            raise ValueError(f"traces lack the column {missing[0]}")
        parent = _first(table, "parent_id", "parent_span", "pid")
        operation = _first(table, "operation_name", "serviceName", "dsName")
        # Market writes microseconds, and is told by its status; Bank and Telecom write milliseconds.
        unit = 1e6 if "status_code" in table else 1e3
        status = table.get("status_code")
        success = table.get("success")
        error = pd.Series(pd.NA, index=table.index, dtype="boolean")
        if success is not None:
            error = (success.astype("string").str.lower() != "true").astype("boolean")
        elif status is not None:
            error = (~status.astype("string").str.lower().isin(["0", "ok", "200"])).astype("boolean")
        duration = pd.to_numeric(table[columns["duration"]], errors="coerce").to_numpy(dtype="float64", na_value=np.nan)
        frames.append(
            pd.DataFrame(
                {
                    "trace_id": table[columns["trace_id"]].astype("string"),
                    "span_id": table[columns["span_id"]].astype("string"),
                    "parent_id": table[parent].astype("string").replace({"": pd.NA, "None": pd.NA})
                    if parent
                    else pd.NA,
                    "component": table["cmdb_id"].astype("string"),
                    "operation": table[operation].astype("string") if operation else "",
                    "start": rcaeval_tables.seconds(table[columns["start"]]),
                    "duration": duration / unit,
                    "error": error,
                }
            ).astype(SPAN_COLUMNS)
        )
    if not frames:
        return empty_spans()
    found = pd.concat(frames, ignore_index=True)
    kept: pd.DataFrame = found[np.isfinite(found["start"]) & np.isfinite(found["duration"]) & (found["duration"] >= 0)]
    return kept.sort_values("start", kind="stable", ignore_index=True)


def _logs(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    frames = []
    for table in tables:
        if not {"timestamp", "cmdb_id", "value"} <= set(table.columns):
            raise ValueError("logs need the columns timestamp, cmdb_id and value")
        named = table["cmdb_id"].astype("string").fillna("").map(lambda one: _named(str(one), {})[0])
        frames.append(
            pd.DataFrame(
                {
                    "time": rcaeval_tables.seconds(table["timestamp"]),
                    "component": named,
                    "severity": pd.NA,
                    "message": table["value"].astype("string").fillna(""),
                }
            ).astype(LOG_COLUMNS)
        )
    if not frames:
        return empty_logs()
    found = pd.concat(frames, ignore_index=True)
    kept: pd.DataFrame = found[np.isfinite(found["time"])]
    return kept.sort_values("time", kind="stable", ignore_index=True)


def _truths(path: Path, window: Window) -> list[Truth]:
    table = rcaeval_tables.read(path.resolve().parent.parent, ("record",))
    if table is None or not {"timestamp", "component", "reason"} <= set(table.columns):
        return []
    times = rcaeval_tables.seconds(table["timestamp"])
    rows = zip(times, table["component"].astype(str), table["reason"].astype(str), strict=True)
    return [Truth((_named(one, {})[0],), reason, float(at)) for at, one, reason in rows if float(at) in window]


def _first(table: pd.DataFrame, *names: str) -> str | None:
    return next((name for name in names if name in table), None)
