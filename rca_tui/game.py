"""Game: how far a player is in a drill. Frozen; every step gives a new one."""

from __future__ import annotations

import getpass
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from cluster.errors import RcaError

if TYPE_CHECKING:
    from faults.scenario import Hint, Scenario

LIMIT = 300.0
"""Seconds from the page to the guess after which a quick guess earns nothing, where no scenario says another time."""


class NoTruth(RcaError):
    """The recording holds no truth: a drill over it would have no answer."""


class Stage(StrEnum):
    """BRIEF: nothing runs yet. BASELINE: the service is as usual. INVESTIGATE: the page has come. REVEAL: the guess is
    committed, the truth is told and the methods answer. DEBRIEF: all is told."""

    BRIEF = "brief"
    BASELINE = "baseline"
    INVESTIGATE = "investigate"
    REVEAL = "reveal"
    DEBRIEF = "debrief"


@dataclass(frozen=True, slots=True)
class Guess:
    """What the player committed to.

    Attributes:
        components: ids; empty for nobody.
        fault: a name of the catalogue, `cluster.incident.truth.NO_FAULT`, or empty for a kind that was left open.
        sure: probability, 0 to 1, that the components are right.
    """

    components: tuple[str, ...]
    fault: str
    sure: float


@dataclass(frozen=True, slots=True)
class Game:
    """A drill: over the recording of an incident, or over a live deployment.

    Attributes:
        incident: name or path of the recording, shown to nobody before the guess; empty for a live deployment, until
            its drill has been recorded.
        speed: seconds of the recording in one second.
        name, scenario: what is played; empty and None for a recording without a scenario.
        player: whose score it is.
        began: unix seconds of the telemetry at which the baseline began; None before.
        paged: unix seconds of the telemetry at which the page came; None before, and where the SLI never broke.
        investigating: seconds of a clock that never goes back at which the investigation began.
        asked: unix seconds of the telemetry at which the player first ran the methods, before the guess.
        hinted: unix seconds of the telemetry at which each hint was opened, in the scenario's order.
        guess, guessed: what was committed, and when, in unix seconds of the telemetry.
        seconds: from the page to the guess, as the player lived them.
    """

    incident: str
    speed: float = 1.0
    name: str = ""
    scenario: Scenario | None = None
    player: str = ""
    stage: Stage = Stage.BRIEF
    began: float | None = None
    paged: float | None = None
    investigating: float = 0.0
    asked: float | None = None
    hinted: tuple[float, ...] = ()
    guess: Guess | None = None
    guessed: float | None = None
    seconds: float | None = None

    @property
    def live(self) -> bool:
        """Whether its fault is injected into a running deployment."""
        return not self.incident

    @property
    def sealed(self) -> bool:
        """Whether the player must not be helped: the guess is not committed yet."""
        return self.guess is None

    @property
    def running(self) -> bool:
        """Whether it has begun, and the debrief is not complete."""
        return self.stage not in (Stage.BRIEF, Stage.DEBRIEF)

    @property
    def may_guess(self) -> bool:
        return self.stage is Stage.INVESTIGATE

    @property
    def limit(self) -> float:
        """Seconds from the page to the guess after which a quick guess earns nothing."""
        return LIMIT if self.scenario is None else self.scenario.limit

    @property
    def hints(self) -> tuple[Hint, ...]:
        """The hints that were opened."""
        return () if self.scenario is None else self.scenario.hints[: len(self.hinted)]

    @property
    def next_hint(self) -> Hint | None:
        """The hint that can be opened now."""
        if not self.may_guess or self.scenario is None or len(self.hinted) >= len(self.scenario.hints):
            return None
        return self.scenario.hints[len(self.hinted)]

    def begin(self, at: float) -> Game:
        """The baseline begins, at this time of the telemetry."""
        return replace(self, stage=Stage.BASELINE, began=at)

    def page(self, at: float | None, monotonic: float) -> Game:
        """The page has come; `at` None: the recording ended without one."""
        return replace(self, stage=Stage.INVESTIGATE, paged=at, investigating=monotonic)

    def ask(self, at: float) -> Game:
        """The player runs the methods."""
        return replace(self, asked=at) if self.asked is None and self.sealed else self

    def hint(self, at: float) -> Game:
        """The player opens the next hint. Raises ValueError where there is none."""
        if self.next_hint is None:
            raise ValueError("there is no hint to open")
        return replace(self, hinted=(*self.hinted, at))

    def commit(self, guess: Guess, at: float, monotonic: float) -> Game:
        """The guess is final. Raises ValueError for a second one, or one before the page."""
        if not self.may_guess:
            raise ValueError("a guess is committed once, after the page")
        return replace(
            self, stage=Stage.REVEAL, guess=guess, guessed=at, seconds=max(0.0, monotonic - self.investigating)
        )

    def again(self) -> Game:
        """As before it began: it was given up, or refused."""
        return Game(self.incident, self.speed, self.name, self.scenario, self.player)

    def recorded(self, incident: str) -> Game:
        """The live drill is over, and saved under this name."""
        return replace(self, incident=incident)

    def told(self) -> Game:
        """The debrief is there."""
        return replace(self, stage=Stage.DEBRIEF)


def usual_player() -> str:
    """The login name, where it can be a player's."""
    from faults.scoreboard import ScoreError, check_player

    try:
        return check_player(getpass.getuser())
    except (OSError, KeyError, ScoreError):
        return "player"


def as_told(sure: float) -> str:
    """A probability in percent, with the digits that the player gave: `90 %`, `99 %`, `99.5 %`."""
    return f"{sure * 100:.6g} %"
