"""Telemetry saved as JSON: what an OpenTelemetry collector writes to files, and answers of Prometheus's `query_range`.

    *.json, *.jsonl, *.ndjson     one document, or one a line: resourceSpans | resourceMetrics | resourceLogs,
                                  or {"status": "success", "data": {"resultType": "matrix", "result": [...]}}

A file or a folder of them is one incident. The files are a stranger's: no links, a budget in bytes before anything is
parsed, and one sentence for what cannot be read.
"""

from __future__ import annotations

import hashlib
import json
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cluster import otlp, signals
from cluster.http import printable
from cluster.imports import json_series, origins, span_metrics
from cluster.imports.front_door import behind_a_door, frame
from cluster.imports.measured import measure
from cluster.imports.owner import Owners, docker_container
from cluster.incident import rcaeval_graph
from cluster.incident.container import IncidentError
from cluster.incident.model import LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.prometheus.client import partial_reason
from cluster.text.plain import plain, some
from cluster.topology import Kind
from cluster.window import Window, possible

SUFFIXES = (".json", ".jsonl", ".ndjson")
BUDGET = 128 << 20  # bytes of all files: parsed, they take some ten times as much
_FILES = 64
_RECORDS = 2_000_000
_LONGEST = 86400.0  # seconds
_MESSAGE = 8 << 10
_WRONG = (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError, MemoryError, OSError)


def files(path: Path) -> list[Path]:
    """The JSON files that the path is or holds, by name."""
    if path.is_file():
        return [path] if path.suffix in SUFFIXES else []
    return sorted(one for one in path.iterdir() if one.suffix in SUFFIXES) if path.is_dir() else []


def read(path: Path) -> Incident:
    """The files as one incident; the same files give the same id. Raises IncidentError."""
    found = _Found()
    digest = hashlib.sha256()
    chosen = files(path)
    if len(chosen) > _FILES:
        raise IncidentError(f"{path} holds {len(chosen)} files; at most {_FILES} are read: choose those of one trouble")
    left = BUDGET
    for file in chosen:
        try:
            content = _content(file, left)
            left -= len(content)
            digest.update(content)
            for document in _documents(content):
                found.add(document, file.stem)
        except _WRONG as error:
            reason = "it takes more memory than there is" if isinstance(error, MemoryError) else _said(error)
            raise IncidentError(f"{file} cannot be read as OTLP or as an answer of query_range: {reason}") from error
    try:
        return found.incident(digest.hexdigest()[:16])
    except (*_WRONG, ArithmeticError) as error:
        raise IncidentError(f"{path} cannot be made into an incident: {_said(error)}") from error


class _Found:
    """What the documents hold."""

    def __init__(self) -> None:
        self.spans: list[dict[str, Any]] = []
        self.logs: list[tuple[float, str, str, str]] = []
        self.series = json_series.Collected()
        self.addresses: dict[str, str] = {}
        self.notes: dict[str, None] = {}
        self.owners = Owners()
        self.partial: dict[str, str] = {}

    def add(self, document: Any, name: str) -> None:
        """Add one document of a file. Raises ValueError and the like for one that is neither kind."""
        if not isinstance(document, dict):
            raise ValueError("a document is not an object")
        if document.get("status") == "error":
            raise ValueError(
                f"the store answered with an error: {printable(document.get('error') or 'no reason given')}"
            )
        if not {"resourceSpans", "resourceMetrics", "resourceLogs", "data"} & document.keys():
            raise ValueError("a document has none of resourceSpans, resourceMetrics, resourceLogs and data")
        for of, own, row in otlp.spans(document.get("resourceSpans")):
            if component := self.owners.of(of, "spans", row["operation"], own):
                self.spans.append({**row, "component": component})
        for resource in document.get("resourceLogs") or []:
            self._log(resource)
        for resource in document.get("resourceMetrics") or []:
            self.series.add_otlp(resource, self.owners)
        if "data" in document:
            self._matrix(document, name)
        if len(self.spans) + len(self.logs) + self.series.points > _RECORDS:
            raise ValueError(f"it holds more than {_RECORDS} records; cut it to a shorter window")

    def _log(self, resource: Any) -> None:
        of = otlp.attributes((resource.get("resource") or {}).get("attributes"))
        for scope in resource.get("scopeLogs") or []:
            for record in scope.get("logRecords") or []:
                at = int(record.get("timeUnixNano") or 0) or int(record.get("observedTimeUnixNano") or 0)
                body = record.get("body") or {}
                said = body.get("stringValue")
                line = str(said if said is not None else json.dumps(body))[:_MESSAGE]
                text = line.encode("utf-8", "replace").decode()
                level = str(record.get("severityText") or "INFO")[:16].upper()
                own = otlp.attributes(record.get("attributes"))
                if component := self.owners.of(of, "log lines", text, own):
                    self.logs.append((at / 1e9, component, level, text))

    def _matrix(self, document: Mapping[str, Any], name: str) -> None:
        if document.get("status") != "success" or document["data"].get("resultType") != "matrix":
            raise ValueError(f"the answer is no matrix of a range: {printable(document.get('error') or 'see it')}")
        if said := partial_reason(document):
            self.notes[f"{printable(name)}: the store answered in part, so it was left out: {said}"] = None
            names = {str(one["metric"].get("__name__") or name) for one in document["data"]["result"]} or {name}
            self.partial = {**dict.fromkeys(names, said), **self.partial}
            return
        for one in document["data"]["result"]:
            labels = {str(key): str(value) for key, value in one["metric"].items()}
            metric = labels.pop("__name__", "") or name
            if "values" not in one:
                self.series.unread[metric] = "native histograms"
                continue
            if container := docker_container(labels):
                labels["container"] = container  # the tables ask for it, to leave out sums of pods
            if component := self.owners.of(labels, "series", metric):
                self.addresses.setdefault(component, labels.get("instance", ""))
                self.series.add(metric, component, labels, one["values"])

    def incident(self, id: str) -> Incident:
        """All of it as one incident. Raises ValueError where there is nothing, or nothing that makes sense."""
        self._name_instances()
        for instance, jobs in self.series.leave_out_copies().items():
            many = some(list(map(printable, sorted(jobs))))
            self.notes[f"{printable(instance)} is scraped by several jobs; {many}: copies, which were left out"] = None
        self._tell_unread()
        spans = _rows(self.spans, SPAN_COLUMNS).sort_values("start", kind="stable", ignore_index=True)
        logs = _rows([dict(zip(("time", "component", "severity", "message"), one, strict=True)) for one in self.logs],
                     LOG_COLUMNS).sort_values("time", kind="stable", ignore_index=True)  # fmt: skip
        times = np.concatenate([spans["start"], logs["time"], self.series.times()]).astype(float)
        if not len(times):
            raise ValueError(self.owners.lacking() or next(iter(self.notes), "no span, log line or sample in it"))
        first, last = float(times.min()), float(times.max())
        if not (possible(first) and possible(last)) or first <= 0:
            raise ValueError("a time in it is not one of a calendar; they are nanoseconds in OTLP, else seconds")
        if last - first > _LONGEST:
            raise ValueError(f"it spans {(last - first) / 3600:.0f} hours; cut it to {_LONGEST / 3600:.0f} at most")
        raw = self.series.samples()
        measured = measure(raw, self.series.counters, self.partial)
        metrics = frame(measured)
        if computed := not len(metrics) and len(spans) > 0:
            metrics = span_metrics.of_spans(spans)
        named = {*spans["component"], *logs["component"]}
        pairs = rcaeval_graph.calls(spans)
        topology, metrics, remarks = rcaeval_graph.build(metrics, pairs, named, addresses=Kind.SERVICE)
        topology = self.owners.instances.join(topology)
        topology, metrics, told = behind_a_door(topology, metrics, measured, self.addresses, spans)
        provenance = origins.provenance(topology, metrics, spans, measured)
        told += origins.strangers(topology, provenance, measured)
        if lacking := self.owners.lacking():
            told.append(f"{lacking}; they are left out")
        known = {name: unit for name, unit in signals.UNITS.items() if name in metrics.columns.get_level_values(1)}
        end = max(np.nextafter(last, np.inf), float(metrics.index[-1]) + raw.step if len(metrics) else last)
        if computed and len(metrics):
            self.notes["no metrics in these files: latency and request rate are computed from the spans"] = None
        missing = [
            what for what, frame in (("metrics", metrics), ("spans", spans), ("log lines", logs)) if not len(frame)
        ]
        return Incident(
            id=id,
            deployment="files",
            window=Window(first, float(end)),
            topology=topology,
            telemetry=Telemetry(metrics=metrics, spans=spans, logs=logs, units=known),
            provenance=provenance,
            notes=(*self.notes, *remarks, *told, *(f"no {what} in these files" for what in missing)),
        )

    def _tell_unread(self) -> None:
        """Samples of a form that is not read leave a gap, as what a store gave in part does."""
        for name, form in self.series.unread.items():
            self.notes[f"{printable(name)}: {form} were left out; save the quantiles instead"] = None
            self.partial.setdefault(name, f"{form} are not read")

    def _name_instances(self) -> None:
        names = self.owners.instances.names()
        self.series.rename(names)
        for span in self.spans:
            span["component"] = names.get(span["component"], span["component"])
        self.logs = [(at, names.get(one, one), level, text) for at, one, level, text in self.logs]
        self.addresses = {names.get(one, one): address for one, address in self.addresses.items()}


def _rows(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, Any]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series([row[name] for row in rows], dtype=kind) for name, kind in columns.items()})


def _content(file: Path, left: int) -> bytes:
    status = file.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is a link or no file: copy the file that it leads to")
    if status.st_size > left:
        raise ValueError(f"with it the files are larger than {BUDGET >> 20} MB; cut them to a shorter window")
    with file.open("rb") as stream:
        return stream.read(status.st_size)  # not what is left of the budget: so much would be allocated


def _documents(content: bytes) -> Iterator[Any]:
    """One document, or one a line."""
    if not content.strip():
        return
    try:
        yield json.loads(content)
        return
    except ValueError:
        pass
    for line in content.splitlines():
        if line.strip():
            yield json.loads(line)


def _said(error: BaseException) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deep"
    if isinstance(error, json.JSONDecodeError):
        return f"it is not JSON, line by line or as a whole ({error.msg})"
    text = plain(" ".join(str(error).split()), 200).rstrip(".")
    return text if isinstance(error, ValueError) and text else f"a field is missing or has another form ({text})"
