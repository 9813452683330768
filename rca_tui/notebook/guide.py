"""The panel of the guidelines' notebook: take away what a check asks for, and rank again."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import ipywidgets as widgets

from cluster.display import Line, Title, document
from guidelines import catalog, checkup, survey
from guidelines.types import Removal, Verdict
from methods.answer.types import Ranking
from methods.telemetry.onset import with_onset
from rca_tui.notebook import pictures
from rca_tui.notebook.explorer import Ranker, load, shipped
from rca_tui.notebook.panel import Choice, Panel, Tell, View


def ablation_panel(methods: Sequence[str], incident: str = "") -> Panel:
    """Choose incident, removal and method: whom it blames with everything and without, and which checks fail then."""
    ranker = Ranker()
    names = shipped()
    removals: dict[str, Removal] = {
        f"{check.name}: {removal.name}": removal for check in catalog.entries() for removal in check.removals
    }
    controls = {
        "incident": widgets.Dropdown(options=names, value=incident or names[0], description="incident"),
        "removal": widgets.Dropdown(options=tuple(removals), description="without", layout={"width": "32em"}),
        "method": widgets.Dropdown(options=tuple(methods), description="method"),
    }

    def work(choice: Choice, cancelled: threading.Event, tell: Tell) -> View | None:
        tell(f"{choice['method']} looks at {choice['incident']}, with everything and without …")
        whole, removal = load(choice["incident"]), removals[choice["removal"]]
        less = with_onset(removal.apply(whole.at(None)))
        outcomes = []
        for seen in (whole, less):
            outcome = ranker.rank(seen, choice["method"], cancelled)
            if outcome is None:
                return None
            outcomes.append(outcome)
        fails = [
            c.guideline.name
            for c in checkup.run(survey.of_incident(less, choice["incident"])).checked
            if c.finding.verdict is Verdict.FAIL
        ]
        words = (
            Title(f"{choice['method']} on {choice['incident']}, with everything"),
            *document(outcomes[0]),
            Title(f"ranked again {removal.does}"),
            *document(outcomes[1]),
            Line(f"Checks that fail then: {', '.join(fails) or 'none'}."),
        )
        told = zip(("everything", removal.name), outcomes, strict=True)
        rankings = [(name, o.components) for name, o in told if isinstance(o, Ranking)]
        return View(words, pictures.rankings(rankings) if rankings else None)

    return Panel(controls, work)
