"""Schemas of `incident.json` and of the sealed truth, validated on reading. Times are unix seconds."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, JsonValue

from cluster.incident.summary import LONGEST_NAME, MOST_COMPONENTS
from cluster.incident.truth import Truth
from cluster.provenance import Origin, Provenance, Record
from cluster.topology import Component, Edge, Kind, Relation, Topology
from cluster.window import EARLIEST, LATEST, Onset, OnsetSource, Window

if TYPE_CHECKING:
    from cluster.incident.model import Incident

Name = Annotated[str, Field(max_length=LONGEST_NAME)]
Time = Annotated[FiniteFloat, Field(ge=EARLIEST, le=LATEST)]
Text = Annotated[str, Field(max_length=64 * 1024)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _Window(_Strict):
    start: Time
    end: Time


class _Onset(_Strict):
    time: Time
    source: OnsetSource


class _Component(_Strict):
    id: Name
    kind: Kind
    uid: Name = Field(
        default="", description="ignored, and always empty now: the uid of one that crashed differs from its peers'"
    )
    labels: Annotated[dict[Name, Text], Field(max_length=1000)] = {}


class _Edge(_Strict):
    source: Name
    target: Name
    relation: Relation
    weight: Annotated[FiniteFloat, Field(ge=0, le=1)] | None = Field(
        default=None, description="share of the calls of the source that is to go to the target; absent where unset"
    )


class _Topology(_Strict):
    components: Annotated[tuple[_Component, ...], Field(max_length=MOST_COMPONENTS)]
    edges: Annotated[tuple[_Edge, ...], Field(max_length=100_000)]
    front_door: Name | None


class _Record(_Strict):
    """Signals of components in one state. Names and queries are hostile text."""

    signal: Name
    origin: Origin
    components: Annotated[tuple[Name, ...], Field(max_length=MOST_COMPONENTS)]
    metrics: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()
    query: Text = ""
    interval: FiniteFloat | None = None
    reason: Text = ""


class FileMark(_Strict):
    """Size and digest of one file, to detect damage."""

    bytes: int
    sha256: str


class Header(_Strict):
    """All of an incident except its telemetry."""

    id: Name
    deployment: Name
    window: _Window
    onset: _Onset | None
    topology: _Topology
    units: Annotated[dict[Name, Name], Field(max_length=10_000)]
    notes: Annotated[tuple[Text, ...], Field(max_length=1000)]
    files: Annotated[dict[Name, FileMark], Field(max_length=64)]
    provenance: Annotated[tuple[_Record, ...], Field(max_length=100_000)] = ()

    @staticmethod
    def of(incident: Incident, files: dict[str, FileMark]) -> Header:
        return Header.model_validate(
            {
                "id": incident.id,
                "deployment": incident.deployment,
                "window": {"start": float(incident.window.start), "end": float(incident.window.end)},
                "onset": incident.onset and {"time": float(incident.onset.time), "source": incident.onset.source.value},
                "topology": _plain(incident.topology),
                "units": dict(incident.telemetry.units),
                "notes": incident.notes,
                "files": files,
                "provenance": [_shallow(record) for record in incident.provenance.records],
            }
        )

    def make_window(self) -> Window:
        """Raises ValueError when it is empty."""
        return Window(self.window.start, self.window.end)

    def make_onset(self) -> Onset | None:
        return None if self.onset is None else Onset(self.onset.time, self.onset.source)

    def make_provenance(self) -> Provenance:
        return Provenance(
            tuple(
                Record(r.signal, r.origin, r.components, r.metrics, r.query, r.interval, r.reason)
                for r in self.provenance
            )
        )

    def make_topology(self) -> Topology:
        """Raises ValueError for duplicate ids and for edges to unknown components."""
        return Topology(
            tuple(Component(c.id, c.kind, labels=c.labels) for c in self.topology.components),
            tuple(Edge(e.source, e.target, e.relation, e.weight) for e in self.topology.edges),
            self.topology.front_door,
        )


class SealedTruth(_Strict):
    """What is sealed in `truth.sealed`: the truth and the id of its incident."""

    incident: Name
    components: Annotated[tuple[Name, ...], Field(max_length=MOST_COMPONENTS)]
    fault: Name
    injected_at: Time
    reverted_at: Time | None
    parameters: dict[str, JsonValue]
    target: Name = ""
    conditions: dict[str, JsonValue] = {}

    @staticmethod
    def of(incident: str, truth: Truth) -> SealedTruth:
        return SealedTruth(
            incident=incident,
            components=truth.components,
            fault=truth.fault,
            injected_at=truth.injected_at,
            reverted_at=truth.reverted_at,
            parameters=dict(truth.parameters),
            target=truth.target,
            conditions=dict(truth.conditions),
        )

    def make_truth(self) -> Truth:
        return Truth(
            self.components,
            self.fault,
            self.injected_at,
            self.reverted_at,
            self.parameters,
            self.target,
            self.conditions,
        )


def _shallow(record: Record) -> dict[str, Any]:
    """Its fields as they are: `dataclasses.asdict` copies each id of thousands of components."""
    return {field.name: getattr(record, field.name) for field in dataclasses.fields(record)}


def _plain(topology: Topology) -> dict[str, Any]:
    return {
        "components": [{"id": c.id, "kind": c.kind.value, "labels": dict(c.labels)} for c in topology.components],
        "edges": [
            {"source": e.source, "target": e.target, "relation": e.relation.value, "weight": e.weight}
            for e in topology.edges
        ],
        "front_door": topology.front_door,
    }
