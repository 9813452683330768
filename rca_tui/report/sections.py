"""A report as sections of blocks and charts, the same for Markdown and HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from itertools import groupby

from cluster.display import Block, Cell, Code, Document, Grid, Line, Tone, document
from cluster.text.quantities import number, percent
from cluster.text.times import duration, instant, span
from guidelines.types import Verdict as CheckVerdict
from methods.answer.types import NoRanking, Ranking
from methods.verdict.types import Answer
from rca_tui.report.types import Chart, Report

PLACES = ("first", "second", "third")
"""Ranks of each method that are listed."""
TIED = 3
"""Components of one rank that are named."""


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    blocks: Document
    charts: tuple[Chart, ...] = ()


def sections(report: Report) -> tuple[Section, ...]:
    """All of the report in the order of its reading; sections without content are left out."""
    said = tuple(block for block in document(report.verdict) if block != Line(report.verdict.headline))
    listed = (
        Section("Summary", tuple(_summary(report))),
        Section("Timeline", (_timeline(report),), report.charts[:1]),
        Section("Verdict", said, report.charts[1:]),
        Section("Who dissents", tuple(_dissent(report))),
        Section("Rankings of all methods", tuple(_rankings(report))),
        Section("Checks that failed", tuple(_checks(report))),
        Section("What was missing", tuple(Line(sentence) for sentence in report.missing)),
        Section("The cause", tuple(_cause(report))),
        Section("How to reproduce this", (Code("\n".join(report.commands)), _keys(report), _made())),
    )
    return tuple(section for section in listed if section.blocks)


def title(report: Report) -> str:
    return f"Incident {report.name}"


def _summary(report: Report) -> Iterator[Block]:
    incident, verdict = report.incident, report.verdict
    yield Line(verdict.headline)
    sure = "" if verdict.answer is Answer.UNKNOWN else f"{verdict.strength}, {percent(verdict.probability)}"
    onset = verdict.onset if verdict.onset is not None else incident.onset.time if incident.onset else None
    rows: list[tuple[Cell, ...]] = [
        ("at fault", ", ".join(verdict.named) or str(verdict.answer)),
        ("how sure", sure or None),
        ("kind of trouble", str(verdict.kind)),
        ("began", None if onset is None else instant(onset)),
        ("over at the front door", None if report.recovered is None else instant(report.recovered)),
        ("telemetry", f"{instant(incident.window.start)}, {span(incident.window.seconds)}"),
        ("deployment", f"{incident.deployment}, {len(incident.topology.ids)} components"),
    ]
    yield Grid.of(("", "what is known"), rows)


def _timeline(report: Report) -> Grid:
    onset = report.verdict.onset
    if onset is None and report.incident.onset is not None:
        onset = report.incident.onset.time

    def relative(time: float) -> str | None:
        return None if onset is None else f"{'+' if time >= onset else ''}{duration(round(time - onset))}"

    rows = ((instant(event.time), relative(event.time), event.what) for event in report.timeline)
    return Grid.of(("when", "offset", "what"), rows, right="offset")


def _dissent(report: Report) -> Iterator[Block]:
    if not report.dissent:
        return
    named = report.verdict.named
    if named:
        yield Line(f"Methods whose first component is not {' or '.join(named)}:")
    else:
        yield Line(
            "The verdict names nobody. Methods rank components whether or not one is at fault; these come first:"
        )
    rows = ((" = ".join(d.blamed[:TIED]), len(d.methods), ", ".join(d.methods)) for d in report.dissent)
    yield Grid.of(("first", "methods", ""), rows, whole="first")


def _rankings(report: Report) -> Iterator[Block]:
    ranked = [(r, r.outcome) for r in report.results if isinstance(r.outcome, Ranking)]
    named = set(report.verdict.named)
    if ranked:
        yield Line(
            "Scores are on each method's own scale; = joins components that share a rank. Agrees: with the verdict."
        )
        yield Grid.of(
            ("method", "family", "agrees", *PLACES),
            ((r.method, str(r.family), bool(named & set(o.top)) if named else None, *_places(o)) for r, o in ranked),
            whole="method family first second third",
        )
    refused = [(r.method, r.outcome) for r in report.results if isinstance(r.outcome, NoRanking)]
    if refused:
        yield Line("Without a ranking:")
        rows = ((method, f"{outcome.reason.replace('_', ' ')}: {outcome.detail}") for method, outcome in refused)
        yield Grid.of(("method", "why"), rows, whole="method")


def _places(ranking: Ranking) -> Iterable[str | None]:
    groups = [list(group) for _, group in groupby(ranking.components, key=lambda component: component.rank)]
    cells: list[str | None] = []
    for group in groups[: len(PLACES)]:
        names = " = ".join(c.component for c in group[:TIED])
        more = f" = {len(group) - TIED} more" if len(group) > TIED else ""
        cells.append(f"{names}{more} {number(group[0].score)}")
    return cells + [None] * (len(PLACES) - len(cells))


def _checks(report: Report) -> Iterator[Block]:
    failed = [each for each in report.checks.checked if each.finding.verdict is CheckVerdict.FAIL]
    if not failed:
        yield Line(f"None; {report.checks.score} checks pass, the others cannot be answered.")
        return
    yield Line(f"{report.checks.score} checks pass. What fails here hides faults from every method:")
    rows = ((each.guideline.title, each.finding.saw, ", ".join(each.blind)) for each in failed)
    yield Grid.of(("check", "evidence", "hides"), rows)


def _cause(report: Report) -> Iterator[Block]:
    truth = report.truth
    if truth is None:
        if report.sealed:
            yield Line("This was a drill. Its cause is sealed and not told here; this tells it:")
            yield Code(report.reveal)
        return
    until = "" if truth.reverted_at is None else f" until {instant(truth.reverted_at)}"
    yield Line(f"This was a drill: {truth.cause}, from {instant(truth.injected_at)}{until}.")
    if told := (*truth.parameters.items(), *truth.conditions.items()):
        yield Grid.of(("parameter", "value"), ((name, str(value)) for name, value in told))


def _keys(report: Report) -> Line:
    whose = f" of {report.verdict.named[0]}" if report.verdict.named else ""
    return Line(
        f"The last command opens the app on the verdict. There l shows the logs{whose}, t the traces, ? all keys."
    )


def _made() -> Line:
    return Line(f"Made by rca-tui {version('rca-tui')}. Times are UTC.", Tone.QUIET)
