"""What happened when: the telemetry's window, the onset, the way it spread, alerts, the injection, the recovery."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator

from cluster.alerts import AlertGroup
from cluster.incident.model import Incident
from cluster.incident.truth import NO_FAULT, Truth
from cluster.window import OnsetSource
from faults.errors import JournalError
from faults.journal import Record, journals
from faults.states import State
from methods.telemetry.separation import end_of_trouble
from methods.verdict.types import Verdict
from rca_tui.report.types import Context, Event

SAME = 1.0
"""Seconds by which a journal and a sealed truth of one injection may differ."""
_STEPS = {
    State.INJECTING: "the injection of {fault} into {target} begins",
    State.ACTIVE: "the fault {fault} is active on {target}",
    State.REVERTING: "the fault is being undone",
    State.RECOVERED: "the fault is gone and the service healthy, read back",
    State.STUCK: "the fault is STUCK: a person is needed",
}
_ONSETS = {
    OnsetSource.ESTIMATED: "users notice: latency or errors at the front door get worse (estimated)",
    OnsetSource.OPERATOR: "onset, as it was given to the methods",
    OnsetSource.GIVEN: "onset, from the journal of the injection",
    OnsetSource.NOTICED: "onset, worked out from when it was noticed",
}


def timeline(incident: Incident, verdict: Verdict, recovered: float | None, context: Context) -> tuple[Event, ...]:
    """All that is known of the time, the earliest first."""
    events = [Event(incident.window.start, "the telemetry begins"), *context.events]
    if incident.onset is not None:
        events.append(Event(incident.onset.time, _ONSETS[incident.onset.source]))
    if verdict.onset is not None:
        events.append(Event(verdict.onset, "the trouble begins, by the verdict"))
    events += [Event(h.at, f"the trouble of {h.source} reaches {h.target}") for h in verdict.path if h.at is not None]
    if context.revealed:
        events += _injections(incident, context.truth)
    if recovered is not None:
        events.append(Event(recovered, "the front door is nearer to its baseline than to its worst again"))
    ended = "" if recovered is not None or incident.onset is None else ", the front door not back to its baseline"
    events.append(Event(incident.window.end, f"the telemetry ends{ended}"))
    return tuple(sorted((e for e in events if math.isfinite(e.time)), key=lambda event: event.time))


def recovery(incident: Incident) -> float | None:
    """Unix seconds from which the SLI is nearer to its baseline than to its worst; None where that is not seen."""
    index = incident.telemetry.metrics.index
    if incident.onset is None or not len(index):
        return None
    end = end_of_trouble(incident, incident.onset.time)
    return end if incident.onset.time < end <= float(index[-1]) else None


def alert_events(alerts: AlertGroup) -> tuple[Event, ...]:
    """When each alert fired and ended."""
    fired = [Event(alert.starts, f"the alert {alert.name} fires") for alert in alerts.alerts]
    ended = [Event(a.ends, f"the alert {a.name} is resolved") for a in alerts.alerts if a.ends is not None]
    return (*fired, *ended)


def _injections(incident: Incident, truth: Truth | None) -> Iterator[Event]:
    """The steps of the journals that belong to the incident, else the two times of its truth."""
    told = False
    for record in _records():
        if _belongs(record, incident, truth):
            told = True
            names = {"fault": record.header.fault, "target": record.header.target}
            yield from (Event(s.wall, _STEPS[s.state].format(**names)) for s in record.steps if s.state in _STEPS)
    if truth is not None and truth.fault != NO_FAULT and not told:
        yield Event(truth.injected_at, f"the fault is active: {truth.cause}")
        if truth.reverted_at is not None:
            yield Event(truth.reverted_at, f"the fault {truth.fault} is gone")


def _records() -> Iterator[Record]:
    for journal in journals():
        with contextlib.suppress(JournalError):  # `rca-tui recover` tells of damage
            yield journal.read()


def _belongs(record: Record, incident: Incident, truth: Truth | None) -> bool:
    """Whether it was active on this kind of deployment in the incident's window, and is the one of the truth."""
    start, end = record.injected_at, record.reverted_at
    if start is None or record.header.kind != incident.deployment:
        return False
    if truth is not None:
        return record.header.fault == truth.fault and abs(start - truth.injected_at) <= SAME
    return start < incident.window.end and (end is None or end > incident.window.start)
