"""A scenario in a notebook: the brief, what has arrived since the page, hints, one guess, the reveal."""

from __future__ import annotations

import itertools
import time

from cluster import Incident, PlayedDeployment, Window, capture_incident, load_incident
from cluster.errors import RcaError
from cluster.text.plain import plain
from faults.score import Score, score
from methods import with_onset
from rca_tui.room import rounds

NAME = "a drill"
"""Name of what is played: the recording's own may tell what happened."""


class Lesson:
    """A scenario that plays on a recorded drill. Nothing before `guess` reads the truth.

    Args:
        name: of a scenario, or of a recorded drill. A scenario draws a recording that fits it.
    """

    def __init__(self, name: str) -> None:
        (self._round,) = rounds.load([name])
        self._round.begin(0.0)
        self._hints, self._at = 0, time.time()
        self._score: Score | None = None

    @property
    def candidates(self) -> tuple[str, ...]:
        """Components that can be blamed."""
        return self._round.components

    @property
    def brief(self) -> str:
        """What a player is told: the story, and the page."""
        scenario = self._round.scenario
        page = f"PAGE, {scenario.page.severity}: {scenario.page.text}"
        return "\n".join(plain(line) for line in (scenario.title, "", *scenario.story.split("\n"), page))

    def arrived(self, seconds: float = 45.0) -> Incident:
        """The incident as it was so many seconds after the page, with its onset estimated."""
        after = (self._round.paged or 0.0) + seconds
        began = itertools.chain((0.0,), itertools.repeat(after))
        played = PlayedDeployment(load_incident(self._round.incident), NAME, monotonic=lambda: next(began), at=self._at)
        return with_onset(capture_incident(played, Window(played.start, played.clock() + played.step / 2)))

    def hint(self) -> str:
        """The next hint. It costs points."""
        if self._hints == len(self._round.hints):
            return "there are no more hints"
        text, costs = self._round.hints[self._hints]
        self._hints += 1
        return f"{plain(text, 4000)} (costs {costs} points)"

    def guess(self, components: list[str], fault: str = "", sure: float = 0.5, seconds: float = 60.0) -> Score:
        """Commit, once; print what it was.

        Args:
            components: ids; empty for nobody.
            fault: a name of `faults.list_faults`, "none", or empty to leave it open.
            sure: probability, 0 to 1, that the components are right.
            seconds: that you took from the page on.

        Raises:
            RcaError: a second guess, or no guess: a component that is not there, a number out of its range.
        """
        truth = self._round.truth
        if self._score is not None or truth is None:
            raise RcaError("a guess is final, and yours is in: make a new Lesson")
        if unknown := set(components) - set(self.candidates):
            raise RcaError(
                f"there is no component {', '.join(sorted(unknown))}; there are: {', '.join(self.candidates)}"
            )
        hints = [costs for _, costs in self._round.hints[: self._hints]]
        limit = self._round.scenario.limit
        try:
            self._score = score(components, fault, sure, truth, seconds=seconds, limit=limit, hints=hints)
        except ValueError as error:
            raise RcaError(f"that is no guess: {error}") from None
        print(f"It was {plain(truth.cause)}, recorded as {plain(self._round.incident)}.")
        print(" ".join(plain(line) for line in self._round.scenario.debrief.split("\n")))
        return self._score
