"""The panels of the notebooks: an incident, a method, an onset, a component, and what comes of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import lru_cache

import ipywidgets as widgets

from cluster.display import Title, document
from cluster.incident import library
from cluster.incident.model import Incident
from cluster.window import Onset, OnsetSource
from methods.answer.types import NoRanking, Outcome, Ranking
from methods.running.pool import Pool, Task
from methods.telemetry.onset import with_onset
from rca_tui.notebook import pictures
from rca_tui.notebook.panel import Choice, Panel, Tell, View

EDGE = 10.0
"""Seconds at both ends of a window where an onset cannot be set."""
DEADLINE = 60.0


@lru_cache(maxsize=4)
def load(name: str) -> Incident:
    """An incident by name or path, with the onset estimated."""
    return with_onset(library.load(name))


def shipped() -> tuple[str, ...]:
    """Names of the incidents that come with the package."""
    return tuple(listing.name for listing in library.listings() if listing.shipped)


class Ranker:
    """One process that ranks and stays, so that the next answer comes at once; it is killed when told to stop."""

    def __init__(self, deadline: float = DEADLINE) -> None:
        self._pool = Pool(workers=1)
        self._deadline = deadline
        self._incident: Incident | None = None
        self._sent = 0

    def rank(self, incident: Incident, method: str, cancelled: threading.Event, seed: int = 0) -> Outcome | None:
        """None when it was cancelled."""
        # The process keeps the incident of the last key: what was changed in any way has another one.
        if incident is not self._incident:
            self._incident, self._sent = incident, self._sent + 1
        task = Task(f"{self._sent}", lambda: incident, method, seed, self._deadline)
        for answer in self._pool.run([task], cancelled):
            return answer.outcome
        return None


def ranking_panel(
    methods: Sequence[str],
    incident: str = "",
) -> Panel:
    """Choose incident, method, onset and component: the ranking, and a signal of the component.

    Args:
        methods: to choose from; the first is run first.
        incident: to begin with, by default the first that is shipped.
    """
    ranker = Ranker()
    names = shipped()
    begin = incident or names[0]
    first = load(begin)
    wide = widgets.Layout(width="32em")
    controls = {
        "incident": widgets.Dropdown(options=names, value=begin, description="incident"),
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
        """Another incident has other components, another length and another onset."""
        chosen = load(controls["incident"].value)
        controls["component"].options = chosen.candidates
        controls["onset"].max = chosen.window.seconds - EDGE
        controls["onset"].value = _onset(chosen)

    controls["incident"].observe(follow, "value")

    def work(choice: Choice, cancelled: threading.Event, tell: Tell) -> View | None:
        tell(f"{choice['method']} looks at {choice['incident']} …")
        whole = load(choice["incident"])
        at = Onset(whole.window.start + choice["onset"], OnsetSource.OPERATOR)
        placed = whole.at(at)
        outcome = ranker.rank(placed, choice["method"], cancelled)
        if outcome is None:
            return None
        title = f"{choice['method']} on {choice['incident']}"
        words = (Title(title), *document(outcome))
        if isinstance(outcome, NoRanking):
            return View(words)
        key = _telling(placed, outcome, choice["component"])
        return View(words, pictures.verdict(placed, outcome.components, key, title) if key else None)

    return Panel(controls, work)


def _onset(incident: Incident) -> float:
    middle = incident.window.seconds / 2
    return round(incident.onset.time - incident.window.start if incident.onset else middle)


def _telling(incident: Incident, ranking: Ranking, component: str) -> tuple[str, str] | None:
    """The signal of the component that the method scored highest, else its latency, else any."""
    carried = incident.telemetry.signals_of(component)
    for scored in ranking.components:
        if scored.component == component:
            for signal in scored.signals:
                if signal.signal in carried:
                    return component, signal.signal
    usual = next((s for s in ("latency_p90", "cpu_usage") if s in carried), None)
    return (component, usual or carried[0]) if carried else None
