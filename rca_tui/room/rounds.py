"""What a room plays: a scenario over a recording that fits it, or a recording by its name. `live` has the other."""

from __future__ import annotations

import difflib
import secrets
from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.errors import RcaError
from cluster.incident import library
from cluster.incident.container import IncidentError
from cluster.incident.truth import Truth
from faults import possible, scenario_library
from faults.scenario import Scenario
from rca_tui.drill import choice
from rca_tui.room.pager import page_time

if TYPE_CHECKING:
    from cluster.incident.model import Incident

ANY = Scenario.model_validate(
    {
        "title": "A recorded drill",
        "difficulty": 3,
        "page": {"text": "The front door is slow, fails requests, or is about to"},
        "story": "You are on call. Look at the service while it is healthy; then the pager goes off.",
        "may": [{"fault": "none"}],
        "learn": ["Begin with what users notice, then compare peers, then callers with callees"],
        "debrief": "Compare the guesses with the evidence: `rca-tui replay` opens the whole recording.",
    }
)
"""The brief of a recording that is played by its own name."""


class NotPlayable(RcaError):
    """What was named cannot be played for a room."""


class Round(ABC):
    """One drill of a workshop.

    Attributes:
        name: of the scenario, or of the recording where that was named.
        components: ids that can be blamed.
        faults: names of the faults that can be.
        incident: the recording; of a live drill empty until it is saved.
        truth: None until it may be known.
        problem: why it came to nothing; empty where it did not.
        waits: why the fault of a live drill is late, in a sentence; empty where it is not.
    """

    name: str
    scenario: Scenario
    components: tuple[str, ...]
    faults: tuple[str, ...] = ()
    incident: str = ""
    truth: Truth | None = None
    problem: str = ""
    waits: str = ""

    @cached_property
    def hints(self) -> tuple[tuple[str, int], ...]:
        """(text, points it costs), in order; the text says what to open."""
        return tuple((_hint_text(hint), hint.costs) for hint in self.scenario.hints)

    @property
    @abstractmethod
    def arguments(self) -> tuple[str, ...]:
        """Of a player's app, once it has begun."""

    @property
    @abstractmethod
    def paged(self) -> float | None:
        """Unix seconds of the page; None before it is known."""

    @property
    @abstractmethod
    def ended(self) -> bool:
        """Whether all that it did is undone and `truth` or `problem` is there."""

    @abstractmethod
    def begin(self, now: float) -> None:
        """Play it, from `now` on (unix seconds)."""

    @abstractmethod
    def arrived(self, recording: Incident, at: float) -> float:
        """Unix seconds of the recording until which its telemetry had arrived at `at`, unix seconds of the room."""

    def end(self) -> None:  # noqa: B027
        """Let it end; `ended` says when it has. A recording has nothing to end."""

    def close(self) -> None:  # noqa: B027
        """Give it up, and wait until all that it did is undone."""


class Recorded(Round):
    """A recording that plays as if live.

    Args:
        page_after: seconds from its first sample to the page.
        speed: seconds of the recording in one second.
    """

    ended = True

    def __init__(
        self,
        name: str,
        scenario: Scenario,
        incident: str,
        components: tuple[str, ...],
        truth: Truth,
        page_after: float,
        speed: float,
    ) -> None:
        self.name, self.scenario, self.incident, self.components = name, scenario, incident, components
        self.truth, self._page_after, self._speed, self._began = truth, page_after, speed, 0.0

    @property
    def arguments(self) -> tuple[str, ...]:
        since, speed = f"{self._began:.3f}", f"{self._speed:g}"
        return ("--incident", self.incident, "--since", since, "--speed", speed, "--drill")

    @property
    def paged(self) -> float | None:
        return self._began + self._page_after / self._speed

    def arrived(self, recording: Incident, at: float) -> float:
        return float(recording.telemetry.metrics.index[0]) + (at - self._began) * self._speed

    def begin(self, now: float) -> None:
        self._began = now


def load(names: Sequence[str], known: Mapping[str, Any] | None = None, speed: float = 1.0) -> tuple[Round, ...]:
    """The rounds of a workshop over recordings that play at `speed`. `known` as in `faults.scenario.load`.

    Raises:
        NotPlayable: a recording without a truth.
        NoRecording: a scenario that no recording fits.
        RcaError: a name of neither, a file that cannot be read.
    """
    taken: set[str] = set()
    rounds = []
    scenarios = {listing.name for listing in scenario_library.listings()}
    for name in names:
        if name in scenarios or name.endswith(scenario_library.SUFFIX):
            title, scenario = scenario_library.find(name, None if known is None else dict(known))
            incident = _draw(scenario, taken)
        else:
            _check_name(name, scenarios)
            title, scenario, incident = Path(name).name.removesuffix(".zip"), ANY, name
        taken.add(incident)
        rounds.append(_round(title, scenario, incident, speed))
    return tuple(rounds)


def _check_name(name: str, scenarios: Collection[str]) -> None:
    """Raises NotPlayable, with the nearest scenario, or IncidentError, with the nearest incident, for what is none."""
    try:
        library.find(name)
    except IncidentError:
        incidents = [listing.name for listing in library.listings()]
        close = difflib.get_close_matches(name, [*scenarios, *incidents], n=1)
        if close and close[0] in incidents:
            raise
        advice = f"did you mean {close[0]}?" if close else "`rca-tui scenarios` and `rca-tui incidents` list them"
        raise NotPlayable(f"there is neither a scenario nor an incident {name!r}", advice) from None


def _draw(scenario: Scenario, taken: set[str]) -> str:
    """A recording that fits, by chance; one that this workshop plays already only where no other does."""
    there = list(choice.recordings())
    fitting = [one.name for one in there if choice.fits(one, scenario)]
    if not fitting:
        raise choice.no_recording(scenario, there)
    return secrets.choice([one for one in fitting if one not in taken] or fitting)


def _round(name: str, scenario: Scenario, incident: str, speed: float) -> Recorded:
    telemetry, truth = library.load_with_truth(incident)
    if truth is None:
        raise NotPlayable(f"{incident} has no sealed truth: a guess could not be scored; choose another")
    page_after = _page_after(telemetry, truth, scenario)
    played = Recorded(name, scenario, incident, tuple(telemetry.topology.ids), truth, page_after, speed)
    played.faults = possible.in_incident(telemetry)
    return played


def _page_after(incident: Incident, truth: Truth, scenario: Scenario) -> float:
    metrics = incident.telemetry.metrics
    if metrics.empty:
        raise NotPlayable("the recording has no metrics: it cannot be played, choose another")
    latest = truth.injected_at + scenario.page.latest
    paged = page_time(metrics, incident.topology.front_door, truth.injected_at)
    first, last = float(metrics.index[0]), float(metrics.index[-1])
    return min(latest if paged is None else min(paged, latest), last) - first


def _hint_text(hint: Any) -> str:
    opens = hint.opens
    if opens is None:
        return str(hint.text)
    where = (
        f"page {opens.guideline} on 6 Checks"
        if opens.guideline
        else f"signal {opens.signal} on 2 Telemetry"
        if opens.signal
        else f"{opens.method} on 4 Diagnose (R runs it), step {opens.step}"
    )
    return f"{hint.text} → {where}"
