"""What must be observable before a fault can be diagnosed: checks over a live deployment or a saved incident.

    Deployment | Incident ── survey_deployment, survey_incident ──▶ Survey ── run_checks ──▶ Report

The names below are the public ones, for scripts and notebooks. They are imported when first used.

- The catalogue: `list_checks`. Each check is one module in `guidelines/checks`: its page (what, why, what to change),
  its question to the survey, what is blind when it fails, and, where recorded drills allow it, how to remove the
  telemetry that it asks for, so that the cost can be measured.
- Running: `survey_incident` or `survey_deployment`, then `run_checks`; `check_page` is a check's page as a document,
  `measured_prices` the table of what each check is worth.
- To write a check: a `Guideline` with a function from `Survey` to a `Finding`: `passes`, `fails` or `unknown`. How to
  add one: `guidelines.catalog`.

    >>> from cluster import load_incident
    >>> from guidelines import run_checks, survey_incident
    >>> report = run_checks(survey_incident(load_incident("drill-05"), "drill-05"))
    >>> report.checked[0].finding.verdict
    <Verdict.PASS: 'pass'>
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from guidelines.catalog import entries as list_checks
    from guidelines.checkup import Report
    from guidelines.checkup import run as run_checks
    from guidelines.documents import page as check_page
    from guidelines.prices import measured as measured_prices
    from guidelines.survey import Survey
    from guidelines.survey import of_deployment as survey_deployment
    from guidelines.survey import of_incident as survey_incident
    from guidelines.types import Change, Finding, Guideline, Origin, Removal, Verdict, fails, passes, unknown

__all__ = [
    "Change",
    "Finding",
    "Guideline",
    "Origin",
    "Removal",
    "Report",
    "Survey",
    "Verdict",
    "check_page",
    "fails",
    "list_checks",
    "measured_prices",
    "passes",
    "run_checks",
    "survey_deployment",
    "survey_incident",
    "unknown",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Change": "guidelines.types:Change",
            "Finding": "guidelines.types:Finding",
            "Guideline": "guidelines.types:Guideline",
            "Origin": "guidelines.types:Origin",
            "Removal": "guidelines.types:Removal",
            "Report": "guidelines.checkup:Report",
            "Survey": "guidelines.survey:Survey",
            "Verdict": "guidelines.types:Verdict",
            "check_page": "guidelines.documents:page",
            "fails": "guidelines.types:fails",
            "list_checks": "guidelines.catalog:entries",
            "measured_prices": "guidelines.prices:measured",
            "passes": "guidelines.types:passes",
            "run_checks": "guidelines.checkup:run",
            "survey_deployment": "guidelines.survey:of_deployment",
            "survey_incident": "guidelines.survey:of_incident",
            "unknown": "guidelines.types:unknown",
        },
    )
