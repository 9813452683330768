"""Triage: from an incident to the verdict, for the command line and the agents alike. No terminal here.

    load, or capture ─▶ first_answer() ─▶ refine() ─▶ as_json()

The first answer comes from the tool's own method and the quick ones, in this process: to start others takes longer than
these methods do. The rest of the methods run in processes that can be killed; they add evidence for and against.
"""

from __future__ import annotations

import contextlib
import dataclasses
import statistics
import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cluster.text.plain import plain
from rca_tui.vocabulary import about
from rca_tui.when import moment_of, within

if TYPE_CHECKING:
    from pathlib import Path

    from cluster.alerts import AlertGroup
    from cluster.deployment import Deployment
    from cluster.incident.model import Incident
    from cluster.moment import Moment
    from methods.running.pool import Cancelled
    from methods.running.runner import Result
    from methods.verdict.types import Verdict

FIRST = ("serving", "nsigma", "baro", "mmbaro")
"""Methods that answer first. They take a tenth of a second each, and import no SciPy, which takes longer than that."""
QUICK = 2.5
"""CPU seconds after which none of them is begun but the first: on a busy machine the clock goes on without them."""
DEADLINE = 60.0
"""CPU seconds for each of the other methods."""
_EARLIER = 3
"""Troubles that are left out, one after the other, for they were over before what was asked for."""
_RANDOM = "dummy"


@dataclass(frozen=True, slots=True)
class Triage:
    """What is known so far.

    Attributes:
        incident: with its onset.
        doubts: about the onset and the baseline, a sentence each.
        results: answers of methods so far.
        verdict: on all of these.
        seconds: from the incident to the verdict.
    """

    incident: Incident
    doubts: tuple[str, ...]
    alerts: AlertGroup | None
    results: tuple[Result, ...]
    verdict: Verdict
    seconds: float


def first_answer(
    incident: Incident, moment: Moment | None = None, alerts: AlertGroup | None = None, seed: int = 0
) -> Triage:
    """The verdict of the quick methods, within seconds.

    Args:
        moment: when the trouble is thought to have begun; None to search the whole window for the onset, unless the
            incident has one.
        alerts: what their labels say becomes evidence.
    """
    from methods import catalog
    from methods.answer.types import Family
    from methods.running.runner import Result
    from methods.running.worker import rank
    from methods.verdict.decision import decide

    began, used = time.monotonic(), time.thread_time()
    located, doubts = _located(incident, moment)
    located, doubts = _asked_for(located, doubts, moment)
    results: list[Result] = []
    for entry in map(catalog.entry, FIRST):
        if not results or time.thread_time() - used < QUICK:
            results.append(Result(entry.name, Family(entry.family), *rank(located, entry.name, seed)))
    verdict = _with_context(decide(located, results), located, doubts, alerts)
    return Triage(located, doubts, alerts, tuple(results), verdict, time.monotonic() - began)


def capture(
    deployment: Deployment,
    alerts: AlertGroup | None = None,
    since: str | None = None,
    at: str | None = None,
    stem: str = "triage",
) -> tuple[Path, Triage]:
    """Read a live deployment around the alerts or the time, answer, and save the incident.

    Args:
        since, at: as in `rca_tui.when.moment_of`. Without any of the three, the last minutes.
        stem: of the name under which it is saved; the next free number is added.

    Returns:
        The path in the library, and the first answer.

    Raises:
        WhenError, DeploymentError when there is nothing to read, OSError when it cannot be saved.
    """
    from cluster.capture import capture_around
    from cluster.incident import library, store

    if alerts is not None:
        alerts = _asked(deployment, alerts)
    now = time.time()
    moment = moment_of(alerts, since, at, now, deployment.step)
    captured = capture_around(deployment, moment, now)
    if alerts is not None:
        captured = with_alerts(captured, alerts)
    first = first_answer(captured, moment, alerts)
    path = library.new_path(stem)
    notes = (*first.incident.notes, *first.doubts)
    store.save(dataclasses.replace(first.incident, notes=notes), path)
    return path, first


def with_alerts(incident: Incident, alerts: AlertGroup) -> Incident:
    """The incident with an event at each time in its window at which an alert fired or was resolved."""
    import pandas as pd

    from cluster.incident.model import EVENT_COLUMNS

    rows = []
    for alert in alerts.alerts:
        severity = plain(alert.labels.get("severity") or "warning", 80)
        for at, level, text in ((alert.starts, severity, "fires"), (alert.ends, "normal", "is resolved")):
            if at is not None and at in incident.window:
                rows.append((at, None, "alert", level, "", plain(alert.name, 200), text, 1.0))
    events = pd.DataFrame(rows, columns=list(EVENT_COLUMNS)).astype(EVENT_COLUMNS)
    known = incident.telemetry.events
    joined = pd.concat([known, events], ignore_index=True) if len(known) else events
    telemetry = dataclasses.replace(incident.telemetry, events=joined.sort_values("time", ignore_index=True))
    return dataclasses.replace(incident, telemetry=telemetry)


def _asked(deployment: Deployment, alerts: AlertGroup) -> AlertGroup:
    """The alerts with the times at which their conditions became true, as far as the deployment knows."""
    from cluster.deployment import DeploymentError, HasAlerts

    if isinstance(deployment, HasAlerts):
        # A server that evaluates no rules, or does not say, is no reason not to answer.
        with contextlib.suppress(DeploymentError):
            return alerts.asked(deployment.pending_since)
    return alerts


def answer_saved(incident: Incident, alerts: AlertGroup | None = None, at: str | None = None) -> Triage:
    """The first answer on a saved incident, near the alert or the time where one is given. Raises WhenError."""
    if alerts is None and at is None:
        return first_answer(incident)
    moment = moment_of(alerts, None, at, incident.window.end, 1.0, incident.window.start)
    return first_answer(incident, within(moment, incident.window), alerts)


def refine(
    first: Triage, seed: int = 0, cancelled: Cancelled | None = None, background: bool = False
) -> Generator[Triage]:
    """The rest of the methods, one triage for each answer that comes; only the last one has a new verdict.

    Closing the iterator stops the methods that run; `background` as in `methods.running.runner.run`.
    """
    from methods.running import runner
    from methods.verdict.decision import decide

    began = time.monotonic()
    rest, results = _missing(first), list(first.results)
    running = runner.run(first.incident, rest, seed=seed, deadline=DEADLINE, cancelled=cancelled, background=background)
    for result in running:
        results.append(result)
        if len(results) < len(first.results) + len(rest):
            seconds = first.seconds + time.monotonic() - began
            yield dataclasses.replace(first, results=tuple(results), seconds=seconds)
    verdict = _with_context(decide(first.incident, results), first.incident, first.doubts, first.alerts)
    seconds = first.seconds + time.monotonic() - began
    yield dataclasses.replace(first, results=tuple(results), verdict=verdict, seconds=seconds)


def remaining(triage: Triage) -> int:
    """How many methods have not answered yet."""
    return len(_missing(triage))


def as_json(name: str, triage: Triage) -> dict[str, Any]:
    """{"incident", "window", "onset", "onset_between", "seconds", "verdict", "methods"}: plain data.

    "methods" has the ranking of each method by its name, as `rca-tui diagnose --json`
    prints it.
    """
    from methods.running import results
    from methods.verdict.as_json import verdict_json

    ranked = results.as_json(triage.incident.onset, triage.results)
    return {
        **about(name, triage.incident),
        "seconds": round(triage.seconds, 3),
        "verdict": verdict_json(triage.verdict),
        "methods": {row.pop("method"): row for row in ranked["results"]},
    }


def _missing(triage: Triage) -> list[str]:
    """Names of the methods that have not answered: the tool's own and those that vote, but for the random one."""
    from methods import catalog

    answered = {_RANDOM, *(result.method for result in triage.results)}
    return [entry.name for entry in (*catalog.OWN, *catalog.entries()) if entry.name not in answered]


def _located(incident: Incident, moment: Moment | None) -> tuple[Incident, tuple[str, ...]]:
    if moment is None:
        from methods.telemetry.onset import with_onset

        located = with_onset(incident)
        return located, () if located.onset is not None else (located.onset_claim,)
    from methods.telemetry.reported_onset import with_reported_onset

    return with_reported_onset(incident, moment)


def _asked_for(incident: Incident, doubts: tuple[str, ...], moment: Moment | None) -> tuple[Incident, tuple[str, ...]]:
    """The same without troubles of components that were over before the length of time that was asked for.

    The SLI may have shown nothing of them. Where it is still bad they may be its cause, and stay.
    """
    if moment is None or moment.likely is not None or incident.telemetry.metrics.index.max() < moment.earliest:
        return incident, doubts
    from methods.answer.types import EdgePointer, SeriesPointer
    from methods.telemetry.earlier_trouble import in_trouble, lasted, left_out
    from methods.verdict.decision import decide
    from methods.verdict.phrases import listed
    from methods.verdict.types import Answer
    from methods.verdict.users import none_ended

    for _ in range(_EARLIER):
        if in_trouble(incident, moment.earliest):
            break
        verdict = decide(incident)
        if verdict.onset is None:
            break
        pointers = [each.pointer for each in verdict.supporting]
        ends = [lasted(incident, p, verdict.onset) for p in pointers if isinstance(p, SeriesPointer | EdgePointer)]
        if verdict.answer is Answer.UNKNOWN and (quiet := none_ended(incident)):
            ends = [quiet.end]
        # One signal may never return to what it was, such as memory.
        if not ends or (end := statistics.median_high(ends)) >= moment.earliest:
            break
        whose = listed(verdict.named) or "all components alike"
        incident, sentence = left_out(incident, f"A trouble of {whose}", verdict.onset, end)
        incident, again = _located(incident, moment)
        doubts = (sentence, *again)
    return incident, doubts


def _with_context(verdict: Verdict, incident: Incident, doubts: tuple[str, ...], alerts: AlertGroup | None) -> Verdict:
    """The verdict with what is doubtful about the window, and with what the alerts name."""
    verdict = dataclasses.replace(verdict, unknown=(*doubts, *verdict.unknown))
    if alerts is None:
        return verdict
    pointed, read = alerts.components(incident.topology), alerts.signals()
    where = ", ".join(pointed) or incident.topology.front_door or "the front door"
    if read:
        sentence = f"{', '.join(read)} of {where}: the alert {alerts.title} is computed from that."
        verdict = dataclasses.replace(verdict, next=(*verdict.next, sentence))
    # An alert on the front door says that users suffer, not who makes them.
    pointed = tuple(component for component in pointed if component != incident.topology.front_door)
    if not pointed or not verdict.named:
        return verdict
    from methods.verdict.types import Evidence

    evidence = Evidence(f"The alert {alerts.title} is about {', '.join(pointed)}.")
    if set(pointed) & set(verdict.named):
        return dataclasses.replace(verdict, supporting=(*verdict.supporting, evidence))
    return dataclasses.replace(verdict, opposing=(evidence, *verdict.opposing))
