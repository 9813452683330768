"""The removal panel: remove the telemetry that a check asks for, and rank again."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import ipywidgets as widgets

from cluster.display import Line, Title, document
from guidelines import Removal, Verdict, list_checks, run_checks, survey_incident
from methods import Ranking, with_onset
from rca_tui.notebook import pictures
from rca_tui.notebook.explorer import Ranker, load_with_onset, shipped
from rca_tui.notebook.panel import Choice, Panel, Report, View


def removal_panel(methods: Sequence[str], incident: str = "") -> Panel:
    """A panel to choose incident, removal and method; shows both rankings, and the checks that then fail.

    Args:
        methods: catalogue names to choose from; the first runs at once.
        incident: the first choice; the first shipped incident by default.
    """
    ranker = Ranker()
    names = shipped()
    removals: dict[str, Removal] = {
        f"{check.name}: {removal.name}": removal for check in list_checks() for removal in check.removals
    }
    controls = {
        "incident": widgets.Dropdown(options=names, value=incident or names[0], description="incident"),
        "removal": widgets.Dropdown(options=tuple(removals), description="without", layout={"width": "32em"}),
        "method": widgets.Dropdown(options=tuple(methods), description="method"),
    }

    def work(choice: Choice, cancelled: threading.Event, report: Report) -> View | None:
        report(f"running {choice['method']} on {choice['incident']}, with all telemetry and without …")
        loaded, removal = load_with_onset(choice["incident"]), removals[choice["removal"]]
        reduced = with_onset(removal.apply(loaded.at(None)))
        outcomes = []
        for incident in (loaded, reduced):
            outcome = ranker.rank(incident, choice["method"], cancelled)
            if outcome is None:
                return None
            outcomes.append(outcome)
        fails = [
            c.guideline.name
            for c in run_checks(survey_incident(reduced, choice["incident"])).checked
            if c.finding.verdict is Verdict.FAIL
        ]
        words = (
            Title(f"{choice['method']} on {choice['incident']}, with all telemetry"),
            *document(outcomes[0]),
            Title(f"ranked again {removal.does}"),
            *document(outcomes[1]),
            Line(f"Checks that then fail: {', '.join(fails) or 'none'}."),
        )
        labelled = zip(("all telemetry", removal.name), outcomes, strict=True)
        rankings = [(name, o.components) for name, o in labelled if isinstance(o, Ranking)]
        return View(words, pictures.rankings(rankings) if rankings else None)

    return Panel(controls, work)
