"""Game: how far a player is in a drill. Frozen; every step gives a new one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from cluster.errors import RcaError


class NoTruth(RcaError):
    """The recording holds no truth: a drill over it would have no answer."""


class Stage(StrEnum):
    """BRIEF: nothing runs yet. BASELINE: the service is as usual. INVESTIGATE: the page has come. REVEAL: the guess is
    committed and the methods answer. DEBRIEF: all is told."""

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
    """A drill over the recording of an incident.

    Attributes:
        incident: name or path; shown to nobody before the guess.
        speed: seconds of the recording in one second.
        paged: unix seconds of the recording at which the page came; None before, and where the SLI never broke.
        investigating: seconds of a clock that never goes back at which the investigation began.
        asked: unix seconds of the recording at which the player first ran the methods, before the guess.
        guess, guessed: what was committed, and when, in unix seconds of the recording.
        seconds: from the page to the guess, as the player lived them.
    """

    incident: str
    speed: float = 1.0
    stage: Stage = Stage.BRIEF
    paged: float | None = None
    investigating: float = 0.0
    asked: float | None = None
    guess: Guess | None = None
    guessed: float | None = None
    seconds: float | None = None

    @property
    def sealed(self) -> bool:
        """Whether the player must not be helped: the guess is not committed yet."""
        return self.guess is None

    @property
    def may_guess(self) -> bool:
        return self.stage is Stage.INVESTIGATE

    def begin(self) -> Game:
        return replace(self, stage=Stage.BASELINE)

    def page(self, at: float | None, monotonic: float) -> Game:
        """The page has come; `at` None: the recording ended without one."""
        return replace(self, stage=Stage.INVESTIGATE, paged=at, investigating=monotonic)

    def ask(self, at: float) -> Game:
        """The player runs the methods."""
        return replace(self, asked=at) if self.asked is None and self.sealed else self

    def commit(self, guess: Guess, at: float, monotonic: float) -> Game:
        """The guess is final. Raises ValueError for a second one, or one before the page."""
        if not self.may_guess:
            raise ValueError("a guess is committed once, after the page")
        return replace(
            self, stage=Stage.REVEAL, guess=guess, guessed=at, seconds=max(0.0, monotonic - self.investigating)
        )

    def told(self) -> Game:
        """The debrief is there."""
        return replace(self, stage=Stage.DEBRIEF)
