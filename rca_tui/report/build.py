"""Puts a report together from what was found out about an incident."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

from cluster.incident import library, rcaeval
from cluster.incident.model import Incident
from cluster.incident.summary import read_summary
from cluster.window import OnsetSource
from guidelines import checkup
from guidelines.survey import of_incident
from guidelines.types import Verdict as Answer
from methods import catalog
from methods.answer.consensus import NO_VOTE
from methods.answer.types import Pointer, Ranking, SeriesPointer
from methods.running.runner import Result
from methods.telemetry.sli import NoSli, latency_key
from methods.verdict.types import Verdict
from rca_tui.draw.evidence import plot_at
from rca_tui.draw.plot import Plot
from rca_tui.frames import incident_frames
from rca_tui.report.timeline import recovery, timeline
from rca_tui.report.types import Chart, Context, Dissent, Report

CHARTS = 5
"""Charts of evidence for the verdict."""
AGAINST = 2
"""Charts of evidence against it."""
_QUANTILE = re.compile(r"_p\d\d\b")


def build(
    incident: Incident, name: str, verdict: Verdict, results: Iterable[Result], context: Context | None = None
) -> Report:
    """The report of an incident.

    Args:
        incident: with the onset that the results were made with.
        name: a path, or a name out of the list of incidents. Of a path the report has the last part alone: what is
            shared does not tell where its maker keeps files.
        results: of methods on this incident, in any order; the contrast is left out.
        context: what else is known; of a drill's truth nothing is told without it.
    """
    context, name = context or Context(), Path(name).name or "incident"
    verdict = replace(verdict, actions=tuple(replace(a, command=anonymous(a.command)) for a in verdict.actions))
    order = {entry.name: place for place, entry in enumerate(catalog.listed())}
    ranked = tuple(sorted(map(_anonymous, (r for r in results if r.method in order)), key=lambda r: order[r.method]))
    recovered = recovery(incident)
    checks = checkup.run(of_incident(incident, name))
    return Report(
        name=name,
        incident=incident,
        verdict=verdict,
        timeline=timeline(incident, verdict, recovered, context),
        recovered=recovered,
        charts=tuple(_charts(incident, verdict, recovered)),
        results=ranked,
        dissent=_dissent(verdict, ranked),
        checks=checks,
        missing=tuple(map(anonymous, _missing(incident, verdict, ranked, checks))),
        commands=tuple(_commands(incident, name, ranked, context.alert)),
        sealed=context.sealed,
        truth=context.truth if context.revealed else None,
    )


def context_of(name: str, reveal: bool) -> Context:
    """What a saved incident keeps apart: whether there is a truth and, when it is to be revealed, the truth."""
    if reveal:
        _, truth = library.load_with_truth(name)
        return Context(sealed=truth is not None, revealed=True, truth=truth)
    path = library.find(name)
    return Context(sealed=not rcaeval.is_case(path) and read_summary(path).sealed)


def anonymous(text: str) -> str:
    """The same text with `~`, or the variable of the XDG folders, for the folders of this machine's user.

    A shell finds the same file by it, unless the folder's name needs quotes.
    """
    homes = [(os.environ.get(name, ""), f"${name}") for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")]
    for folder, short in (*homes, (str(Path.home()), "~")):
        if len(folder) > 1:
            text = re.sub(rf"{re.escape(folder.rstrip('/'))}(?![\w.-])", lambda _, short=short: short, text)  # type: ignore[misc]
    return text


def _anonymous(result: Result) -> Result:
    """The same; the reason of a method that failed may name files."""
    outcome = result.outcome
    if isinstance(outcome, Ranking):
        return result
    return replace(result, outcome=replace(outcome, detail=anonymous(outcome.detail)))


def _charts(incident: Incident, verdict: Verdict, recovered: float | None) -> Iterator[Chart]:
    """What users saw, then the evidence that points at something which can be drawn, one quantile of each signal."""
    frames, onset = incident_frames(incident), incident.onset.time if incident.onset else verdict.onset
    drawn: set[str] = set()

    def chart(pointer: Pointer, caption: str) -> Iterator[Chart]:
        plot = plot_at(incident, frames, pointer, onset)
        name = _QUANTILE.sub("", plot.title) if plot is not None else ""
        if plot is not None and name not in drawn:
            drawn.add(name)
            yield Chart(_distinguished(plot), caption)

    try:
        front, signal = latency_key(incident)
    except NoSli:
        pass
    else:
        start = incident.window.end if onset is None else onset
        pointer = SeriesPointer(front, signal, start, recovered or incident.window.end)
        yield from chart(pointer, "What users notice at the front door.")
    for evidence, most in ((verdict.supporting, CHARTS), (verdict.opposing, AGAINST)):
        charts = (c for e in evidence if e.pointer is not None for c in chart(e.pointer, e.sentence))
        yield from islice(charts, most)


def _distinguished(plot: Plot) -> Plot:
    """The same; a shade over all of it would tell nothing apart."""
    first, last = plot.shade or (plot.start, plot.start)
    return replace(plot, shade=None) if first <= plot.start and last >= plot.end else plot


def _dissent(verdict: Verdict, results: Iterable[Result]) -> tuple[Dissent, ...]:
    blaming: dict[tuple[str, ...], list[str]] = {}
    for result in results:
        outcome = result.outcome
        if isinstance(outcome, Ranking) and result.method not in NO_VOTE and not set(outcome.top) & set(verdict.named):
            blaming.setdefault(outcome.top, []).append(result.method)
    ordered = sorted(blaming.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(Dissent(blamed, tuple(methods)) for blamed, methods in ordered)


def _missing(
    incident: Incident, verdict: Verdict, results: tuple[Result, ...], checks: checkup.Report
) -> Iterator[str]:
    telemetry = incident.telemetry
    yield from (note for note in incident.notes if note not in verdict.unknown)  # the verdict tells of those
    for frame, what in (
        (telemetry.metrics, "metrics of components"),
        (telemetry.edge_metrics, "metrics of calls"),
        (telemetry.spans, "spans"),
        (telemetry.logs, "log lines"),
    ):
        if frame.empty:
            yield f"The incident holds no {what}."
    if incident.onset is None:
        yield "No onset was found in what users notice: methods that need one had none."
    missing = [entry.name for entry in catalog.listed() if entry.name not in {result.method for result in results}]
    if missing:
        yield f"These methods were not run or had not answered: {', '.join(missing)}."
    unknown = [each.guideline.title for each in checks.checked if each.finding.verdict is Answer.UNKNOWN]
    if unknown:
        yield f"These checks cannot be answered from a saved incident: {', '.join(unknown)}."


def _commands(incident: Incident, name: str, results: tuple[Result, ...], alert: str | None) -> Iterator[str]:
    quoted = shlex.quote(name)
    # An estimated onset is found again, and a verdict gives one that a person set another weight.
    told = incident.onset is not None and incident.onset.source is not OnsetSource.ESTIMATED
    onset = f" --onset {incident.onset.time!r}" if incident.onset is not None and told else ""
    run = [result.method for result in results]
    some = "" if len(run) == len(catalog.listed()) else "".join(f" --method {method}" for method in run)
    page = f" --alert {shlex.quote(Path(alert).name)}" if alert is not None else ""
    yield f"rca-tui report {quoted}{onset}{page}{some}"
    if page:
        yield f"rca-tui triage {quoted}{page}"
    yield f"rca-tui diagnose {quoted}{onset}{some}"
    ranked = [result.method for result in results if isinstance(result.outcome, Ranking)]
    if ranked:
        yield f"rca-tui explain {quoted}{onset} --method {ranked[0]}"
    yield f"rca-tui check {quoted}"
    yield f"rca-tui replay {quoted}"
