"""A report as plain data, the shape of `rca-tui report --format json`."""

from __future__ import annotations

from typing import Any

from guidelines.types import Verdict as CheckVerdict
from methods.running import results
from methods.verdict.as_json import verdict_json
from rca_tui.report.types import Report
from rca_tui.vocabulary import SCHEMA, window_json


def as_json(report: Report) -> dict[str, Any]:
    """{"incident", "window", "verdict", "timeline", "recovered", "onset", "results", "dissent", "checks", …}.

    "onset" and "results" are those of `rca-tui diagnose --json`, "verdict" that of `rca-tui triage --json`. Times are
    unix seconds. "truth" is None unless it was revealed; "sealed" says that there is one.
    """
    incident, truth = report.incident, report.truth
    failed = (each for each in report.checks.checked if each.finding.verdict is CheckVerdict.FAIL)
    return {
        "schema": SCHEMA,
        "window": window_json(incident.window),
        "incident": {
            "name": report.name,
            "id": incident.id,
            "deployment": incident.deployment,
            "start": incident.window.start,
            "end": incident.window.end,
            "front_door": incident.topology.front_door,
            "components": [{"component": c.id, "id": c.id, "kind": c.kind.value} for c in incident.topology.components],
        },
        "verdict": verdict_json(report.verdict),
        "timeline": [{"time": event.time, "what": event.what} for event in report.timeline],
        "recovered": report.recovered,
        **results.as_json(incident.onset, report.results),
        "dissent": [{"blamed": list(d.blamed), "methods": list(d.methods)} for d in report.dissent],
        "checks": [
            {"name": e.guideline.name, "title": e.guideline.title, "saw": e.finding.saw, "faults": list(e.blind)}
            for e in failed
        ],
        "missing": list(report.missing),
        "sealed": report.sealed,
        "truth": None if truth is None else truth.as_json(),
        "commands": list(report.commands),
    }
