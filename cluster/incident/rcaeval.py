"""Read a case in the RCAEval layout: one folder of CSV files, or of the same tables as Parquet.

    metrics | simple_metrics | data | simple_data     time, then <service>_<metric>
    traces                               traceID, spanID, parentSpanID, serviceName, ..., startTime, duration in µs
    logs                                 time or timestamp, container_name, message
    edges | mpg                          source, destination
    edge_latency | latency_merged_90     time, then <source>_<destination>
    inject_time.txt, truth.json          unix seconds; service and fault

What an `Incident` says comes from the telemetry alone. The injection time, the folder's name and `truth.json` go into
the `Truth` and nowhere else.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
from pathlib import Path

import numpy as np
import pandas as pd

from cluster.incident import rcaeval_graph, rcaeval_records, rcaeval_tables, table_origins
from cluster.incident.container import IncidentError
from cluster.incident.frames import LARGEST
from cluster.incident.model import Incident, Telemetry
from cluster.incident.table_origins import Key, Tables
from cluster.incident.truth import Truth
from cluster.text.plain import plain
from cluster.topology import Topology
from cluster.window import Window, possible

_INJECTED = "inject_time.txt"
METRICS = ("metrics", "simple_metrics", "data", "simple_data")
TRACES = ("traces",)
LOGS = ("logs",)
_LARGEST_TEXT = 64 * 1024
EDGES = ("edges", "mpg")
EDGE_LATENCY = ("edge_latency", "latency_merged_90")


def is_case(path: Path | str) -> bool:
    """Whether a folder is a case of this layout and not a saved incident."""
    path = Path(path)
    return not (path / "incident.json").exists() and rcaeval_tables.find(path, METRICS) is not None


def read_case(path: Path | str) -> tuple[Incident, Truth | None]:
    """The incident and, where the case has one, its truth.

    The same telemetry gives the same incident id. Raises IncidentError for what cannot be read.
    """
    path = Path(path)
    if not path.is_dir():
        raise IncidentError(f"{path} is not a folder: give one case of an RCAEval data set")
    try:
        incident, truth = _read_incident(path), _read_truth(path)
        if truth is not None and truth.injected_at not in incident.window:
            note = f"{_INJECTED} holds a time at which nothing was recorded, so no truth is sealed"
            return dataclasses.replace(incident, notes=(*incident.notes, note)), None
        return incident, truth
    except (ValueError, TypeError, OverflowError, OSError, RecursionError, MemoryError) as error:
        reason = plain(" ".join(str(error).split()), 300).rstrip(".") or "it takes more memory than there is"
        raise IncidentError(f"{path} cannot be read as an RCAEval case: {reason}") from error


def _read_incident(path: Path) -> Incident:
    table = rcaeval_tables.read(path, METRICS)
    if table is None:
        raise ValueError(f"it has none of {', '.join(METRICS)} as .csv or .parquet")
    spans, notes = rcaeval_records.spans(rcaeval_tables.read(path, TRACES))
    logs = rcaeval_records.logs(rcaeval_tables.read(path, LOGS))
    edges = rcaeval_graph.edges(rcaeval_tables.read(path, EDGES))
    named = {*spans["component"].dropna(), *logs["component"].dropna(), *(end for edge in edges for end in edge)}
    metrics, told = rcaeval_tables.metrics(table, named)
    services = named | set(metrics.columns.get_level_values("component"))
    edge_metrics = rcaeval_tables.edge_metrics(rcaeval_tables.read(path, EDGE_LATENCY), services)
    measured = list(dict.fromkeys((str(column[0]), str(column[1])) for column in edge_metrics.columns))
    topology, metrics, remarks = rcaeval_graph.build(metrics, edges or measured or rcaeval_graph.calls(spans), named)
    notes += remarks
    if count := sum(told.dropped.values()):
        notes.append(f"{count} values are infinite or beyond {LARGEST:g}, and are gaps")
    notes += [f"no {what} were recorded" for what, frame in (("spans", spans), ("log lines", logs)) if frame.empty]
    return Incident(
        id=_identity(metrics, spans, logs),
        deployment="rcaeval",
        window=_window(metrics, spans, logs),
        topology=topology,
        telemetry=Telemetry(metrics=metrics, edge_metrics=edge_metrics, spans=spans, logs=logs),
        notes=tuple(notes),
        provenance=table_origins.provenance(topology, metrics, _at_the_door(topology, told)),
    )


def _at_the_door(topology: Topology, told: Tables) -> Tables:
    """The same where the entrance's signals were moved to the front door."""
    if rcaeval_graph.ENTRANCE in topology or topology.front_door is None:
        return told

    def moved(key: Key) -> Key:
        entrance = key[0] == rcaeval_graph.ENTRANCE
        return (str(topology.front_door), f"{rcaeval_graph.ENTRANCE}_{key[1]}") if entrance else key

    return Tables(
        {moved(key): names for key, names in told.names.items()},
        dropped={moved(key): count for key, count in told.dropped.items()},
    )


def _identity(metrics: pd.DataFrame, spans: pd.DataFrame, logs: pd.DataFrame) -> str:
    digest = hashlib.sha256(repr([tuple(column) for column in metrics.columns]).encode())
    for values in (metrics.index, metrics.to_numpy(), spans["start"], logs["time"]):
        digest.update(np.ascontiguousarray(values, dtype="float64").tobytes())
    return digest.hexdigest()[:16]


def _window(metrics: pd.DataFrame, spans: pd.DataFrame, logs: pd.DataFrame) -> Window:
    times = metrics.index.to_numpy(dtype="float64")
    step = float(np.median(np.diff(times))) if len(times) > 1 else 1.0
    records = np.concatenate([spans["start"].to_numpy(dtype="float64"), logs["time"].to_numpy(dtype="float64")])
    start = float(min(times[0], records.min(initial=math.inf)))
    end = float(times[-1]) + step
    last = float(records.max(initial=-math.inf))
    return Window(start, max(end, math.nextafter(last, math.inf)))


def _read_truth(path: Path) -> Truth | None:
    when = path / _INJECTED
    if not when.is_file():
        return None
    said = _read_text(when)
    try:
        injected_at = float(said)
    except ValueError as error:
        raise ValueError(f"{when.name} does not hold a time in unix seconds") from error
    if not possible(injected_at):
        raise ValueError(f"{when.name} does not hold a time in unix seconds")
    service, fault = _label(path)
    return Truth((service,), fault, injected_at)


def _read_text(file: Path) -> str:
    """All of a small file. Raises ValueError for a link and for a large one."""
    if file.is_symlink():
        raise ValueError(f"{file.name} is a link: copy the file that it leads to")
    with file.open("rb") as stream:
        content = stream.read(_LARGEST_TEXT + 1)
    if len(content) > _LARGEST_TEXT:
        raise ValueError(f"{file.name} is larger than {_LARGEST_TEXT} bytes")
    return content.decode()


def _label(path: Path) -> tuple[str, str]:
    file = path / "truth.json"
    if file.is_file():
        said = json.loads(_read_text(file))
        if isinstance(said, dict) and isinstance(said.get("service"), str) and isinstance(said.get("fault"), str):
            return said["service"], said["fault"]
        raise ValueError("truth.json does not name a service and a fault")
    # <service>_<fault>/<n> in the published data sets, <service>_<fault>_<n> where a case is one folder
    folder = path.resolve()
    name = folder.parent.name if folder.name.isdigit() else folder.name
    head, _, tail = name.rpartition("_")
    if tail.isdigit() and "_" in head:
        name = head
    service, _, fault = name.rpartition("_")
    if not service or not fault:
        raise ValueError(
            f"its name {name!r} is not <service>_<fault> and it has no truth.json, so its truth is unknown"
        )
    return service, fault
