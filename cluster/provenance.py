"""Provenance: of every signal of every component, whether it was measured, under which name, and if not, why.

Silence never looks like zero or like health: a signal without values is one that the exporter does not have, one under
a name that no table knows, one that the store gave in part, or one whose scrape failed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Any


class Origin(StrEnum):
    """How it stands with one signal of one component.

    MEASURED: it has values, up to the end of the window. NOT_EXPORTED: no exporter of the component has it.
    UNKNOWN_NAME: no exporter has it under a name that a table knows, but under names that no table knows.
    NOT_COMPARABLE: the component has another quantity in its place. PARTIAL: the store gave a part of it: a gap.
    STALE: its values end before the window. SCRAPE_FAILED: the scrape fails while the component answers requests.
    """

    MEASURED = "measured"
    NOT_EXPORTED = "not exported"
    UNKNOWN_NAME = "known under no name"
    NOT_COMPARABLE = "not comparable"
    PARTIAL = "partial"
    STALE = "stale"
    SCRAPE_FAILED = "scrape failed"


UNREACHED = "the scrape of its target fails"
"""Reason of a signal that is STALE, where nobody sees the component answer requests."""


@dataclass(frozen=True, slots=True)
class Record:
    """One signal of some components, all in the same state.

    Attributes:
        metrics: names that the query reads; of UNKNOWN_NAME, those that no table knows, nearest first.
        query: PromQL; "" where nothing was asked.
        interval: seconds between two scrapes; None where that is not known.
        reason: why it is not measured, one clause; "" where the state says all.
    """

    signal: str
    origin: Origin
    components: tuple[str, ...]
    metrics: tuple[str, ...] = ()
    query: str = ""
    interval: float | None = None
    reason: str = ""


@dataclass(frozen=True)
class Provenance:
    """The records of one window; empty for telemetry that says nothing about itself."""

    records: tuple[Record, ...] = ()

    @cached_property
    def _of(self) -> Mapping[tuple[str, str], Record]:
        return {(component, record.signal): record for record in self.records for component in record.components}

    def of(self, component: str, signal: str) -> Record | None:
        """None where nothing is known."""
        return self._of.get((component, signal))

    def origin(self, component: str, signal: str) -> Origin | None:
        record = self.of(component, signal)
        return record.origin if record else None

    @cached_property
    def _withheld(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for (component, signal), record in self._of.items():
            if record.origin in (Origin.PARTIAL, Origin.SCRAPE_FAILED):
                found.setdefault(component, set()).add(signal)
        return {component: frozenset(signals) for component, signals in found.items()}

    def withheld(self, component: str) -> frozenset[str]:
        """Signals whose gaps say nothing about the component: partial ones, and those of a scrape that failed."""
        return self._withheld.get(component, frozenset())

    @cached_property
    def unreached(self) -> frozenset[str]:
        """Components whose scrape fails, and that nobody sees serve: down, or only unobserved."""
        return frozenset(
            component
            for record in self.records
            if record.origin is Origin.STALE and record.reason == UNREACHED
            for component in record.components
        )

    def rows(self) -> list[dict[str, Any]]:
        """For JSON: a row for each signal of each component."""
        return [
            {
                "component": component,
                "signal": record.signal,
                "origin": record.origin.value,
                "metrics": list(record.metrics),
                "query": record.query,
                "interval": record.interval,
                "reason": record.reason,
            }
            for record in self.records
            for component in record.components
        ]

    def within(self, signals: Iterable[str]) -> Provenance:
        """The records of these signals alone."""
        wanted = frozenset(signals)
        return Provenance(tuple(record for record in self.records if record.signal in wanted))


@dataclass(frozen=True, slots=True)
class Builder:
    """Collects states and joins those that differ in the component alone."""

    _components: dict[Record, list[str]] = field(default_factory=dict)

    def add(self, component: str, signal: str, origin: Origin, **about: Any) -> None:
        self._components.setdefault(Record(signal, origin, (), **about), []).append(component)

    def build(self) -> Provenance:
        return Provenance(
            tuple(replace(record, components=tuple(members)) for record, members in self._components.items())
        )


def described(record: Record) -> str:
    """The state and what is behind it, on one line: "measured as vllm:num_requests_waiting, every 5 s"."""
    text = record.origin.value
    if record.origin is Origin.UNKNOWN_NAME:
        return f"{text}; the nearest: {', '.join(record.metrics[:3])}"
    if record.metrics and record.origin is not Origin.NOT_EXPORTED:
        text += f" as {' or '.join(record.metrics)}"
    if record.interval:
        text += f", every {record.interval:g} s"
    return text + (f": {record.reason}" if record.reason else "")
