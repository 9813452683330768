"""The ranking panel: choose an incident, a method, an onset and a component; see the ranking and a signal."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

import ipywidgets as widgets

from cluster import Incident, Onset, OnsetSource, list_incidents, load_incident
from cluster.display import Title, document
from methods import NoRanking, Outcome, Ranking, with_onset
from methods.running.pool import Pool, Task
from rca_tui.notebook import pictures
from rca_tui.notebook.panel import Choice, Panel, Report, View

EDGE = 10.0
"""Seconds at both ends of a window where an onset cannot be set."""
DEADLINE = 60.0
"""CPU seconds for one method."""


@lru_cache(maxsize=4)
def load_with_onset(name: str) -> Incident:
    """An incident by name or path, with its onset estimated. Raises IncidentError."""
    return with_onset(load_incident(name))


def shipped() -> tuple[str, ...]:
    """Names of the shipped incidents."""
    return tuple(listing.name for listing in list_incidents() if listing.shipped)


class Ranker:
    """Ranks in one process that is kept for the next call, and killed when the call is cancelled."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._pool = Pool(workers=1)
        self._deadline = deadline
        self._incident: Incident | None = None
        self._key = 0

    def rank(self, incident: Incident, method: str, cancelled: threading.Event, seed: int = 0) -> Outcome | None:
        """The answer of one method; None when cancelled."""
        # The process keeps the last incident under its key, so a changed incident needs a new key.
        if incident is not self._incident:
            self._incident, self._key = incident, self._key + 1
        task = Task(f"{self._key}", lambda: incident, method, seed, self._deadline)
        for answer in self._pool.run([task], cancelled):
            return answer.outcome
        return None


def ranking_panel(
    methods: Sequence[str],
    incident: str = "",
) -> Panel:
    """A panel to choose incident, method, onset and component; shows the ranking and a signal of the component.

    Args:
        methods: catalogue names to choose from; the first runs at once.
        incident: the first choice; the first shipped incident by default.
    """
    ranker = Ranker()
    names = shipped()
    first = load_with_onset(incident or names[0])
    wide = widgets.Layout(width="32em")
    controls = {
        "incident": widgets.Dropdown(options=names, value=incident or names[0], description="incident"),
        "method": widgets.Dropdown(options=tuple(methods), description="method"),
        "component": widgets.Dropdown(options=first.candidates, description="component"),
        "onset": widgets.FloatSlider(
            value=_onset(first),
            min=EDGE,
            max=first.window.seconds - EDGE,
            step=1.0,
            description="onset (s)",
            continuous_update=False,
            readout_format=".0f",
            layout=wide,
        ),
    }

    def follow(_: object) -> None:
        """Fit the other controls to the chosen incident: components, length, onset."""
        chosen = load_with_onset(controls["incident"].value)
        controls["component"].options = chosen.candidates
        controls["onset"].max = chosen.window.seconds - EDGE
        controls["onset"].value = _onset(chosen)

    controls["incident"].observe(follow, "value")

    def work(choice: Choice, cancelled: threading.Event, report: Report) -> View | None:
        report(f"running {choice['method']} on {choice['incident']} …")
        loaded = load_with_onset(choice["incident"])
        onset = Onset(loaded.window.start + choice["onset"], OnsetSource.OPERATOR)
        incident = loaded.at(onset)
        outcome = ranker.rank(incident, choice["method"], cancelled)
        if outcome is None:
            return None
        title = f"{choice['method']} on {choice['incident']}"
        words = (Title(title), *document(outcome))
        if isinstance(outcome, NoRanking):
            return View(words)
        key = _signal_to_show(incident, outcome, choice["component"])
        return View(words, pictures.verdict(incident, outcome.components, key, title) if key else None)

    return Panel(controls, work)


def _onset(incident: Incident) -> float:
    middle = incident.window.seconds / 2
    return round(incident.onset.time - incident.window.start if incident.onset else middle)


def _signal_to_show(incident: Incident, ranking: Ranking, component: str) -> tuple[str, str] | None:
    """The component's highest-scored signal, else its latency or CPU usage, else its first signal."""
    carried = incident.telemetry.signals_of(component)
    for scored in ranking.components:
        if scored.component == component:
            for signal in scored.signals:
                if signal.signal in carried:
                    return component, signal.signal
    usual = next((s for s in ("latency_p90", "cpu_usage") if s in carried), None)
    return (component, usual or carried[0]) if carried else None
