"""The status of an experiment of Chaos Mesh: its conditions and a record for each target.

A condition alone proves nothing: an experiment that selected no pod counts as "all injected" and "all recovered".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.text.plain import plain

INJECTED, NOT_INJECTED = "Injected", "Not Injected"


@dataclass(frozen=True, slots=True)
class Record:
    """One target. `id` is namespace/pod, with /container behind it where a container was chosen.

    `phase` has more values than two while it changes ("Injected/Wait"). `failure`: of the last attempt, if it failed.
    """

    id: str
    phase: str
    failure: str


@dataclass(frozen=True)
class Experiment:
    """Conditions that are True, and the records."""

    conditions: frozenset[str]
    records: tuple[Record, ...]
    stopping: bool

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> Experiment:
        """The status in an object of the API. What is missing or malformed counts as not there yet."""
        status = _map(body.get("status"))
        experiment = _map(status.get("experiment"))
        conditions = frozenset(
            str(one.get("type")) for one in _list(status.get("conditions")) if one.get("status") == "True"
        )
        records = tuple(
            Record(str(one.get("id", "")), str(one.get("phase", "")), _failure(one))
            for one in _list(experiment.get("containerRecords"))
        )
        return cls(conditions, records, experiment.get("desiredPhase") == "Stop")

    def injected(self, namespace: str, pod: str) -> bool:
        """Whether it is completely injected into that pod, and into no other."""
        if not self.records or not {"Selected", "AllInjected"} <= self.conditions:
            return False
        return all(one.phase == INJECTED and _is(one, namespace, pod) for one in self.records)

    @property
    def recovered(self) -> bool:
        """Whether it was reverted in every target and will not be injected again."""
        return self.stopping and "AllRecovered" in self.conditions and self._all(NOT_INJECTED)

    def describe(self) -> str:
        """One clause for a person."""
        if not self.records:
            return "it selected no pod"
        # Until an attempt succeeds the phase is another one: "Not Injected/*".
        there = sum(not one.phase.startswith(NOT_INJECTED) for one in self.records)
        why = next((f": {one.failure}" for one in self.records if one.failure), "")
        return f"it is in {there} of {len(self.records)} targets{why}"

    def _all(self, phase: str) -> bool:
        return all(one.phase == phase for one in self.records)


def _is(record: Record, namespace: str, pod: str) -> bool:
    return record.id.split("/")[:2] == [namespace, pod]


def _failure(record: Mapping[str, Any]) -> str:
    """The message of the last event if it is a failure, made safe for a terminal."""
    events = _list(record.get("events"))
    return plain(events[-1].get("message", ""), 200) if events and events[-1].get("type") == "Failed" else ""


def _map(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
