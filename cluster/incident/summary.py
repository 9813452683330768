"""The header of a saved incident as JSON, its digest checked, and what a list of incidents shows of it.

A list reads nothing else, and that of many incidents: this needs neither pandas nor pydantic, and checks only what it
returns. `cluster.incident.envelope` checks the whole header before an incident is used.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cluster.incident import container
from cluster.incident.container import IncidentError
from cluster.window import Window

SCHEMA = 1
HEADER = "incident.json"
SEALED = "truth.sealed"
LONGEST_NAME = 1024
MOST_COMPONENTS = 50_000
_HEADER_LIMIT = 16 * 1024 * 1024
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Summary:
    """A row in a list of incidents, read without the telemetry.

    `deployment` is the kind of the deployment that it was captured from; `engines` are those of its replicas, where the
    deployment knows; `sealed`: it has a truth.
    """

    id: str
    deployment: str
    window: Window
    components: tuple[str, ...]
    sealed: bool
    engines: tuple[str, ...] = ()

    @property
    def tags(self) -> tuple[str, ...]:
        """What distinguishes it beside time and place. Nothing of the truth but that there is none."""
        return (*self.engines, f"{len(self.components)} components", *(() if self.sealed else ("cause unknown",)))


def read_summary(path: Path | str) -> Summary:
    """What a list shows of a saved incident. Raises IncidentError when that is damaged, missing or impossible."""
    path = Path(path)
    with container.Reader(path) as reader:
        body, _ = read_body(reader)
        sealed = SEALED in reader
    try:
        window, components = _held(body, "window", dict), _components(body)
        return Summary(
            _name(body, "id"),
            _name(body, "deployment"),
            Window(_time(window, "start"), _time(window, "end")),
            tuple(components),
            sealed,
            tuple(sorted({_name(labels, "engine") for labels in components.values() if "engine" in labels})),
        )
    except ValueError as error:
        raise IncidentError(f"{HEADER} in {path} is not valid: {error}") from error


def read_body(reader: container.Reader) -> tuple[dict[str, Any], bytes]:
    """The header of an open incident as JSON, and the bytes that its digest holds for. Raises IncidentError."""
    path = reader.path
    if HEADER not in reader:
        raise IncidentError(
            f"{path} is not a saved incident (it has no {HEADER}); an RCAEval case must be imported first: "
            f"rca-tui import {path} DEST"
        )
    envelope = parse(path, HEADER, reader.read(HEADER, _HEADER_LIMIT))
    body = envelope.get("incident")
    if not isinstance(body, dict) or envelope.get("sha256") != digest(content := canonical(body)):
        raise IncidentError(f"{HEADER} in {path} is damaged or was edited: get the incident again from its source")
    if envelope.get("sealed") is True and SEALED not in reader:
        raise IncidentError(f"{path} lacks its {SEALED}: get the incident again from its source")
    return body, content


def parse(path: Path, name: str, content: bytes, newest: int = SCHEMA) -> dict[str, Any]:
    """A JSON object with a schema version up to `newest`. Raises IncidentError."""
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise IncidentError(f"{name} in {path} is not JSON: get the incident again from its source") from error
    schema = value.get("schema") if isinstance(value, dict) else None
    if not isinstance(value, dict) or type(schema) is not int or schema < 1:
        raise IncidentError(f"{name} in {path} has no schema version: it is not a saved incident")
    if schema > newest:
        raise IncidentError(
            f"{name} in {path} has schema version {schema}, this rca-tui reads up to {newest}: install a newer rca-tui"
        )
    return value


def canonical(body: dict[str, Any]) -> bytes:
    """The bytes of which the header holds the digest."""
    return json.dumps(body, sort_keys=True, separators=(",", ":")).encode()


def digest(content: bytes) -> str:
    """SHA-256 in hex."""
    return hashlib.sha256(content).hexdigest()


def _components(body: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The labels of each component, by its id."""
    listed = _held(_held(body, "topology", dict), "components", list)
    if len(listed) > MOST_COMPONENTS:
        raise ValueError(f"topology.components: must have at most {MOST_COMPONENTS} entries")
    found = {_name(part, "id"): _held({"labels": {}, **part}, "labels", dict) for part in listed}
    if len(found) < len(listed):
        raise ValueError("component ids must be unique")
    return found


def _held(body: object, name: str, kind: type[_T]) -> _T:
    value = body.get(name) if isinstance(body, dict) else None
    if not isinstance(value, kind):
        raise ValueError(f"{name}: " + ("it is missing" if value is None else "it has the wrong type"))
    return value


def _name(body: object, name: str) -> str:
    value = _held(body, name, str)
    if len(value) > LONGEST_NAME:
        raise ValueError(f"{name}: must have at most {LONGEST_NAME} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError(f"{name}: must be text") from None
    return value


def _time(window: dict[str, Any], name: str) -> float:
    value = window.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"window.{name}: must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ValueError(f"window.{name}: must be finite") from None
