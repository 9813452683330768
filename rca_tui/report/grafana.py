"""What a report says as annotations for Grafana's dashboards."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from cluster.grafana import Annotation
from cluster.text.plain import plain
from cluster.text.quantities import percent
from methods.verdict.types import Answer
from rca_tui.report.types import Report

SOURCE = "rca-tui"
"""The tag of every annotation."""


def annotations_of(report: Report) -> tuple[Annotation, ...]:
    """The onset, the verdict over the time of the trouble and, where it was revealed, the drill. Text is HTML.

    Tags: `rca-tui`, the kind of annotation, `incident:ID`, and the components as they are called.
    """
    return tuple(_annotations(report))


def _annotations(report: Report) -> Iterator[Annotation]:
    incident, verdict, truth = report.incident, report.verdict, report.truth
    tags = (SOURCE, plain(f"incident:{incident.id}"))
    name = plain(report.name)
    if incident.onset is not None:
        text = f"Onset of {name}, {incident.onset.source}: users notice."
        yield Annotation(incident.onset.time, escape(text), (*tags, "onset"))
    start = verdict.onset if verdict.onset is not None else incident.onset.time if incident.onset else None
    if start is not None:
        end = report.recovered if report.recovered is not None and report.recovered > start else incident.window.end
        sure = "" if verdict.answer is Answer.UNKNOWN else f" ({percent(verdict.probability)})"
        text = plain(f"Verdict on {name}{sure}: {verdict.headline}", 1000)
        yield Annotation(start, escape(text), (*tags, "verdict", *map(plain, verdict.named)), end)
    if truth is not None:
        text = f"Drill {name}: {truth.cause}"
        named = map(plain, truth.components)
        yield Annotation(truth.injected_at, escape(plain(text)), (*tags, "drill", *named), truth.reverted_at)
