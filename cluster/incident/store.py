"""Save and load incidents: one folder or one .zip of Parquet and JSON.

    incident.json          schema version, digest, and everything but the telemetry
    metrics.parquet        time, then one column for each ["component", "signal"]
    edge_metrics.parquet   time, then one column for each ["source", "target", "signal"]
    spans.parquet          columns of `cluster.incident.model.SPAN_COLUMNS`
    logs.parquet           columns of `cluster.incident.model.LOG_COLUMNS`
    events.parquet         columns of `cluster.incident.model.EVENT_COLUMNS`; left out where there are none
    truth.sealed           the truth, encrypted (`cluster.incident.seal`)

`load` never opens `truth.sealed`; `cluster.incident.envelope.load_truth` is for the scorer and for a person who asks to
reveal it. Everything that can be wrong with a path or its content is an `IncidentError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pyarrow as pa

from cluster import secrets
from cluster.incident import container
from cluster.incident.container import IncidentError
from cluster.incident.envelope import read_header, reason
from cluster.incident.frames import rows_from_parquet, rows_to_parquet, wide_from_parquet, wide_to_parquet
from cluster.incident.header import FileMark, Header, SealedTruth
from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.incident.seal import Seal, close
from cluster.incident.summary import HEADER, SCHEMA, SEALED, canonical, digest
from cluster.incident.truth import Truth
from cluster.provenance import Provenance

__all__ = ["IncidentError", "load", "save"]

_PARSERS: Mapping[str, Callable[[bytes], pd.DataFrame]] = {
    "metrics": lambda content: wide_from_parquet(content, ["component", "signal"]),
    "edge_metrics": lambda content: wide_from_parquet(content, ["source", "target", "signal"]),
    "spans": lambda content: rows_from_parquet(content, SPAN_COLUMNS, "start"),
    "logs": lambda content: rows_from_parquet(content, LOG_COLUMNS, "time"),
    "events": lambda content: rows_from_parquet(content, EVENT_COLUMNS, "time"),
}
_OPTIONAL = ("events",)
"""Tables that the header names only where they hold something: versions that do not know them ignore the file."""


def save(incident: Incident, path: Path | str, truth: Truth | None = None, seal: Seal = Seal.HOST) -> Path:
    """Write an incident, its truth in a separate file; a .zip where the path ends so, else a folder. Never overwrites.

    `seal` says who can open the truth. Raises IncidentError, or HostKeyError where there can be no key; then nothing is
    written. The same incident gives the same bytes.
    """
    path = Path(path)
    try:
        files = _encode(_without_secrets(incident), truth, seal)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise IncidentError(f"cannot save {path}: {reason(error)}") from error
    container.write(path, files)
    return path


def load(path: Path | str) -> Incident:
    """Read a saved incident. Raises IncidentError when anything is missing, damaged, unknown or too large."""
    path = Path(path)
    with container.Reader(path) as reader:
        header = read_header(reader)
        frames = {
            name: _frame(reader, header, name, parse)
            for name, parse in _PARSERS.items()
            if name not in _OPTIONAL or f"{name}.parquet" in header.files
        }
    try:
        return Incident(
            id=header.id,
            deployment=header.deployment,
            window=header.make_window(),
            topology=header.make_topology(),
            telemetry=Telemetry(**frames, units=header.units),
            onset=header.make_onset(),
            notes=header.notes,
            provenance=header.make_provenance(),
        )
    except ValueError as error:
        raise IncidentError(f"{path} is inconsistent: {reason(error)}; save it again") from error


_TEXTS: Mapping[str, tuple[str, ...]] = {
    "spans": ("operation",),
    "logs": ("message",),
    "events": ("object", "reason", "message"),
}


def _without_secrets(incident: Incident) -> Incident:
    """The same without the secrets that this process holds: who was sent one may have put it into any text.

    Ids stay as they are: a password may be a word of theirs.
    """
    frames = {
        name: frame.assign(**{column: frame[column].map(secrets.hide, na_action="ignore") for column in columns})
        for name, columns in _TEXTS.items()
        if len(frame := getattr(incident.telemetry, name))
    }
    records = tuple(replace(record, reason=secrets.hide(record.reason)) for record in incident.provenance.records)
    return replace(
        incident,
        telemetry=replace(incident.telemetry, **frames),
        notes=tuple(map(secrets.hide, incident.notes)),
        provenance=Provenance(records),
    )


def _encode(incident: Incident, truth: Truth | None, seal: Seal) -> dict[str, bytes]:
    telemetry = incident.telemetry
    files = {
        "metrics.parquet": wide_to_parquet(telemetry.metrics),
        "edge_metrics.parquet": wide_to_parquet(telemetry.edge_metrics),
        "spans.parquet": rows_to_parquet(telemetry.spans, SPAN_COLUMNS),
        "logs.parquet": rows_to_parquet(telemetry.logs, LOG_COLUMNS),
    }
    if len(telemetry.events):
        files["events.parquet"] = rows_to_parquet(telemetry.events, EVENT_COLUMNS)
    marks = {name: FileMark(bytes=len(content), sha256=digest(content)) for name, content in files.items()}
    body = json.loads(Header.of(incident, marks).model_dump_json())
    if not body["provenance"]:
        del body["provenance"]  # as before there was any: the same incident gives the same bytes
    for edge in body["topology"]["edges"]:
        if edge["weight"] is None:
            del edge["weight"]
    content = digest(canonical(body))
    envelope = {"schema": SCHEMA, "sha256": content, "incident": body} | ({} if truth is None else {"sealed": True})
    files[HEADER] = (json.dumps(envelope, indent=1, ensure_ascii=False) + "\n").encode()
    if truth is not None:
        sealed = close(SealedTruth.of(incident.id, truth).model_dump_json().encode(), content, seal)
        files[SEALED] = (json.dumps(sealed) + "\n").encode()
    return files


def _frame(reader: container.Reader, header: Header, name: str, parse: Callable[[bytes], pd.DataFrame]) -> pd.DataFrame:
    file = f"{name}.parquet"
    content = reader.read(file)
    mark = header.files.get(file)
    if mark is None or len(content) != mark.bytes or digest(content) != mark.sha256:
        raise IncidentError(f"{file} in {reader.path} is damaged: get the incident again from its source")
    try:
        return parse(content)
    except (ValueError, pa.ArrowException, OSError, OverflowError, MemoryError) as error:
        raise IncidentError(f"{file} in {reader.path} cannot be used: {reason(error)}") from error
