"""Save and load incidents: one folder or one .zip of Parquet and JSON.

    incident.json          schema version, digest, and everything but the telemetry
    metrics.parquet        time, then one column for each ["component", "signal"]
    edge_metrics.parquet   time, then one column for each ["source", "target", "signal"]
    spans.parquet          columns of `cluster.incident.model.SPAN_COLUMNS`
    logs.parquet           columns of `cluster.incident.model.LOG_COLUMNS`
    events.parquet         columns of `cluster.incident.model.EVENT_COLUMNS`; left out where there are none
    truth.sealed           the truth; encoded, so that a look at the files does not spoil a drill

`load` never opens `truth.sealed`; `load_truth` is for the scorer and for a person who asks to reveal it. Everything
that can be wrong with a path or its content is an `IncidentError`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pydantic import ValidationError

from cluster.incident import container
from cluster.incident.container import IncidentError
from cluster.incident.frames import rows_from_parquet, rows_to_parquet, wide_from_parquet, wide_to_parquet
from cluster.incident.header import FileMark, Header, SealedTruth
from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS, Incident, Telemetry
from cluster.incident.truth import Truth
from cluster.window import Window

__all__ = ["SCHEMA", "IncidentError", "Summary", "load", "load_truth", "save", "summary"]

SCHEMA = 1
HEADER = "incident.json"
SEALED = "truth.sealed"
_HEADER_LIMIT = 16 * 1024 * 1024
_TRUTH_LIMIT = 1024 * 1024

_PARSERS: Mapping[str, Callable[[bytes], pd.DataFrame]] = {
    "metrics": lambda content: wide_from_parquet(content, ["component", "signal"]),
    "edge_metrics": lambda content: wide_from_parquet(content, ["source", "target", "signal"]),
    "spans": lambda content: rows_from_parquet(content, SPAN_COLUMNS, "start"),
    "logs": lambda content: rows_from_parquet(content, LOG_COLUMNS, "time"),
    "events": lambda content: rows_from_parquet(content, EVENT_COLUMNS, "time"),
}
_OPTIONAL = ("events",)
"""Tables that the header names only where they hold something: versions that do not know them ignore the file."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A row in a list of incidents, read without the telemetry. `sealed`: it has a truth."""

    id: str
    deployment: str
    window: Window
    components: tuple[str, ...]
    sealed: bool


def save(incident: Incident, path: Path | str, truth: Truth | None = None) -> Path:
    """Write an incident, its truth in a separate file; a .zip where the path ends so, else a folder. Never overwrites.

    Raises IncidentError; then nothing is written. The same incident gives the same bytes.
    """
    path = Path(path)
    try:
        files = _encode(incident, truth)
    except (ValueError, TypeError, pa.ArrowException) as error:
        raise IncidentError(f"cannot save {path}: {_reason(error)}") from error
    container.write(path, files)
    return path


def load(path: Path | str) -> Incident:
    """Read a saved incident. Raises IncidentError when anything is missing, damaged, unknown or too large."""
    path = Path(path)
    with container.Reader(path) as reader:
        header = _header(reader)
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
        )
    except ValueError as error:
        raise IncidentError(f"{path} is inconsistent: {_reason(error)}; save it again") from error


def load_truth(path: Path | str) -> Truth | None:
    """The sealed truth of an incident, or None when it has none. Raises IncidentError."""
    path = Path(path)
    with container.Reader(path) as reader:
        header = _header(reader)
        if SEALED not in reader:
            return None
        sealed = _unseal(path, reader.read(SEALED, _TRUTH_LIMIT))
    if sealed.incident != header.id:
        raise IncidentError(f"{SEALED} in {path} belongs to another incident: get the right one from its source")
    return sealed.make_truth()


def summary(path: Path | str) -> Summary:
    """A saved incident without its telemetry. Raises IncidentError as `load` does, for all but the telemetry."""
    path = Path(path)
    with container.Reader(path) as reader:
        header = _header(reader)
        sealed = SEALED in reader
    try:
        return Summary(header.id, header.deployment, header.make_window(), header.make_topology().ids, sealed)
    except ValueError as error:
        raise IncidentError(f"{path} is inconsistent: {_reason(error)}; save it again") from error


def _encode(incident: Incident, truth: Truth | None) -> dict[str, bytes]:
    telemetry = incident.telemetry
    files = {
        "metrics.parquet": wide_to_parquet(telemetry.metrics),
        "edge_metrics.parquet": wide_to_parquet(telemetry.edge_metrics),
        "spans.parquet": rows_to_parquet(telemetry.spans, SPAN_COLUMNS),
        "logs.parquet": rows_to_parquet(telemetry.logs, LOG_COLUMNS),
    }
    if len(telemetry.events):
        files["events.parquet"] = rows_to_parquet(telemetry.events, EVENT_COLUMNS)
    marks = {name: FileMark(bytes=len(content), sha256=_digest(content)) for name, content in files.items()}
    body = json.loads(Header.of(incident, marks).model_dump_json())
    envelope = {"schema": SCHEMA, "sha256": _digest(_canonical(body)), "incident": body}
    files[HEADER] = (json.dumps(envelope, indent=1, ensure_ascii=False) + "\n").encode()
    if truth is not None:
        packed = zlib.compress(SealedTruth.of(incident.id, truth).model_dump_json().encode(), 9)
        sealed = {"schema": SCHEMA, "sealed": base64.b64encode(packed).decode()}
        files[SEALED] = (json.dumps(sealed) + "\n").encode()
    return files


def _header(reader: container.Reader) -> Header:
    path = reader.path
    if HEADER not in reader:
        raise IncidentError(
            f"{path} is not a saved incident (it has no {HEADER}); an RCAEval case must be imported first: "
            f"rca-tui import {path} DEST"
        )
    envelope = _json(path, HEADER, reader.read(HEADER, _HEADER_LIMIT))
    body = envelope.get("incident")
    if not isinstance(body, dict) or envelope.get("sha256") != _digest(_canonical(body)):
        raise IncidentError(f"{HEADER} in {path} is damaged or was edited: get the incident again from its source")
    try:
        return Header.model_validate_json(_canonical(body))
    except ValidationError as error:
        raise IncidentError(f"{HEADER} in {path} is not valid: {_reason(error)}") from error


def _frame(reader: container.Reader, header: Header, name: str, parse: Callable[[bytes], pd.DataFrame]) -> pd.DataFrame:
    file = f"{name}.parquet"
    content = reader.read(file)
    mark = header.files.get(file)
    if mark is None or len(content) != mark.bytes or _digest(content) != mark.sha256:
        raise IncidentError(f"{file} in {reader.path} is damaged: get the incident again from its source")
    try:
        return parse(content)
    except (ValueError, pa.ArrowException, OSError, OverflowError, MemoryError) as error:
        raise IncidentError(f"{file} in {reader.path} cannot be used: {_reason(error)}") from error


def _unseal(path: Path, content: bytes) -> SealedTruth:
    packed = _json(path, SEALED, content).get("sealed")
    damaged = IncidentError(f"{SEALED} in {path} is damaged: get the incident again from its source")
    if not isinstance(packed, str):
        raise damaged
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(base64.b64decode(packed, validate=True), _TRUTH_LIMIT)
        if not inflate.eof:
            raise damaged
        return SealedTruth.model_validate_json(text)
    except (binascii.Error, zlib.error, ValueError) as error:
        raise damaged from error


def _json(path: Path, name: str, content: bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IncidentError(f"{name} in {path} is not JSON: get the incident again from its source") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(value, dict) or type(schema) is not int or schema < 1:
        raise IncidentError(f"{name} in {path} has no schema version: it is not a saved incident")
    if schema > SCHEMA:
        raise IncidentError(
            f"{path} has schema version {schema}, this rca-tui reads up to {SCHEMA}: install a newer rca-tui"
        )
    return value


def _canonical(body: dict[str, Any]) -> bytes:
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _reason(error: BaseException) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{'.'.join(str(part) for part in first['loc'])}: {first['msg'].lower()}"
    return " ".join(str(error).split())[:300].rstrip(".") or type(error).__name__
