"""Incident, Telemetry, Window: everything a root-cause-analysis method may look at, and nothing else.

An incident holds no truth: the faulty component, the fault and its time are a `cluster.incident.truth.Truth`, stored
separately. The id is random and reveals nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from cluster.display import Displayable
from cluster.provenance import Provenance
from cluster.topology import Kind, Topology
from cluster.window import Onset, OnsetCandidate, Window

SPAN_COLUMNS = {
    "trace_id": "string",
    "span_id": "string",
    "parent_id": "string",
    "component": "string",
    "operation": "string",
    "start": "float64",
    "duration": "float64",
    "error": "boolean",
}
LOG_COLUMNS = {"time": "float64", "component": "string", "severity": "string", "message": "string"}
EVENT_COLUMNS = {
    "time": "float64",
    "component": "string",
    "source": "string",
    "severity": "string",
    "object": "string",
    "reason": "string",
    "message": "string",
    "occurrences": "float64",
}


def empty_metrics() -> pd.DataFrame:
    """No samples, in the shape of `Telemetry.metrics`: time × (component, signal)."""
    return pd.DataFrame(
        index=pd.Index([], dtype="float64", name="time"),
        columns=pd.MultiIndex.from_tuples([], names=["component", "signal"]),
        dtype="float64",
    )


def empty_edge_metrics() -> pd.DataFrame:
    """No samples, in the shape of `Telemetry.edge_metrics`: time × (source, target, signal)."""
    return pd.DataFrame(
        index=pd.Index([], dtype="float64", name="time"),
        columns=pd.MultiIndex.from_tuples([], names=["source", "target", "signal"]),
        dtype="float64",
    )


def empty_spans() -> pd.DataFrame:
    """No spans, in the shape of `Telemetry.spans`: `SPAN_COLUMNS`."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in SPAN_COLUMNS.items()})


def empty_logs() -> pd.DataFrame:
    """No log lines, in the shape of `Telemetry.logs`: `LOG_COLUMNS`."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in LOG_COLUMNS.items()})


def empty_events() -> pd.DataFrame:
    """No events, in the shape of `Telemetry.events`: `EVENT_COLUMNS`."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in EVENT_COLUMNS.items()})


def samples_within(frame: pd.DataFrame, window: Window) -> pd.DataFrame:
    """The rows of metrics, or of those of edges, whose time lies in [start, end)."""
    inside: pd.DataFrame = frame[(frame.index >= window.start) & (frame.index < window.end)]
    return inside


def rows_within(frame: pd.DataFrame, column: str, window: Window) -> pd.DataFrame:
    """The rows of spans, logs or events whose time in that column lies in [start, end), numbered anew."""
    inside = (frame[column] >= window.start) & (frame[column] < window.end)
    return frame[inside].reset_index(drop=True)


@dataclass(frozen=True)
class Telemetry:
    """The telemetry of a deployment over one window.

    Attributes:
        metrics: float64, index `time` (unix seconds, ascending, unique), columns (component, signal). NaN is a gap.
        edge_metrics: the same, columns (source, target, signal): what the source measured of its calls to the target.
        spans: columns `SPAN_COLUMNS`; `start` in unix seconds, `duration` in seconds, `parent_id` NA at a root,
            `error` NA where the status is unknown.
        logs: columns `LOG_COLUMNS`, ascending in time. Messages are hostile text: escape before showing.
        events: columns `EVENT_COLUMNS`, ascending in time: what the platform itself recorded, and alerts. `component`
            is NA where the event concerns none; `source` is `kubernetes` or `alert`; `severity` is the source's own;
            `object` names what the event is about, such as `Pod/ray-head`. All text is hostile. No method reads them.
        units: signal name -> unit ("s", "1/s", "bytes", "1"); a signal missing here has an unknown unit.

    An absent source is an empty frame, never None.
    """

    metrics: pd.DataFrame = field(default_factory=empty_metrics)
    edge_metrics: pd.DataFrame = field(default_factory=empty_edge_metrics)
    spans: pd.DataFrame = field(default_factory=empty_spans)
    logs: pd.DataFrame = field(default_factory=empty_logs)
    events: pd.DataFrame = field(default_factory=empty_events, kw_only=True)
    units: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, frame, levels in (
            ("metrics", self.metrics, ["component", "signal"]),
            ("edge_metrics", self.edge_metrics, ["source", "target", "signal"]),
        ):
            if list(frame.columns.names) != levels:
                raise ValueError(f"{name} must have the column levels {levels}, has {list(frame.columns.names)}")
            if not frame.index.is_monotonic_increasing or not frame.index.is_unique:
                raise ValueError(f"the times of {name} must be ascending and unique")
            if not frame.columns.is_unique:
                raise ValueError(f"the columns of {name} must be unique")
        for name, frame, columns in (
            ("spans", self.spans, SPAN_COLUMNS),
            ("logs", self.logs, LOG_COLUMNS),
            ("events", self.events, EVENT_COLUMNS),
        ):
            missing = [column for column in columns if column not in frame.columns]
            if missing:
                raise ValueError(f"{name} lacks the columns {missing}")

    def within(self, window: Window) -> Telemetry:
        """The part of all sources whose times lie in [start, end); a span lies where it starts."""
        return dataclasses.replace(
            self,
            metrics=samples_within(self.metrics, window),
            edge_metrics=samples_within(self.edge_metrics, window),
            spans=rows_within(self.spans, "start", window),
            logs=rows_within(self.logs, "time", window),
            events=rows_within(self.events, "time", window),
        )

    def series(self, component: str, signal: str) -> pd.Series:
        """One signal of one component over time. Raises KeyError when it was not recorded."""
        return self.metrics[(component, signal)]

    def signals_of(self, component: str) -> tuple[str, ...]:
        return tuple(self._carried.get(component, ()))

    @cached_property
    def _carried(self) -> Mapping[str, list[str]]:
        """Component -> its signals. Asked of every component of a fleet: one look at the columns is enough."""
        found: dict[str, list[str]] = {}
        for column in self.metrics.columns:
            found.setdefault(str(column[0]), []).append(str(column[1]))
        return found


@dataclass(frozen=True)
class Incident(Displayable):
    """One window of telemetry of one deployment: the only input of a method.

    Attributes:
        id: random, says nothing about the cause.
        deployment: the kind it came from: `local`, `kubernetes`, `rcaeval`.
        onset: when the trouble began; None where it is not known.
        onset_searched: `onset` is the result of a search: None then means that there is none to find.
        onset_claim: what that search found, or why it cannot tell when, in a sentence; empty without a search.
        onset_candidates: the times that the search found, the most probable first; not saved.
        notes: what is known to be missing, a sentence each.
        provenance: of each signal, under which name it was measured or why it was not; empty for older incidents.
    """

    id: str
    deployment: str
    window: Window
    topology: Topology
    telemetry: Telemetry
    onset: Onset | None = None
    notes: tuple[str, ...] = ()
    onset_searched: bool = False
    onset_claim: str = ""
    onset_candidates: tuple[OnsetCandidate, ...] = field(default=(), compare=False)
    provenance: Provenance = field(default_factory=Provenance)

    def within(self, window: Window) -> Incident:
        """The incident of a part of its window, with the same onset and the same id.

        What of `window` reaches beyond the incident's own is left out. Raises ValueError where they do not overlap.
        """
        start, end = max(window.start, self.window.start), min(window.end, self.window.end)
        part = Window(start, end)
        return dataclasses.replace(self, window=part, telemetry=self.telemetry.within(part))

    def at(self, onset: Onset | None) -> Incident:
        """The same incident with another onset; with None, one whose onset has not been searched for."""
        return dataclasses.replace(self, onset=onset, onset_searched=False, onset_claim="", onset_candidates=())

    def searched(self, onset: Onset | None, claim: str = "", candidates: tuple[OnsetCandidate, ...] = ()) -> Incident:
        """The same incident with the onset that a search has found, and what it says; None: it has found none."""
        return dataclasses.replace(
            self, onset=onset, onset_searched=True, onset_claim=claim, onset_candidates=candidates
        )

    @property
    def has_gpus(self) -> bool:
        """Whether a GPU was deployed, or measured."""
        measured = self.telemetry.metrics.columns.get_level_values("signal")
        return bool(self.topology.of_kind(Kind.GPU)) or any(str(signal).startswith("gpu_") for signal in measured)

    @property
    def candidates(self) -> tuple[str, ...]:
        """Components that can be blamed: all of the topology, sorted by id: their order carries no information."""
        return tuple(sorted(self.topology.ids))
