"""One drill, step by step: when the page comes, the hints, the guess, the debrief."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from cluster.capture import capture
from cluster.window import Window
from faults import possible
from methods.running import runner
from methods.telemetry.onset import with_onset
from rca_tui.drill import debrief as debriefs
from rca_tui.game import Game, Guess, Stage
from rca_tui.work.alarm import bad_sli
from rca_tui.work.polling import Poller

if TYPE_CHECKING:
    from faults.scenario import Hint
    from methods.answer.types import Outcome
    from rca_tui.drill.debrief import Debrief
    from rca_tui.play.ground import Ground
    from rca_tui.session import Snapshot


class Play:
    """A drill that is played. One call at a time.

    Args:
        game: over the recording, or the live deployment, of `ground`.
        ground: what it is played on.
        monotonic: seconds, of a clock that never goes back.
    """

    def __init__(self, game: Game, ground: Ground, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.game, self._ground, self._monotonic = game, ground, monotonic
        self._poller = Poller(lambda: ground.deployment, time.time)
        self.snapshot: Snapshot | None = None

    def begin(self) -> None:
        """Let the baseline run."""
        self._ground.begin()
        self.game = self.game.begin(self._ground.start)

    def look(self) -> bool:
        """Read the telemetry, and return whether the page has just come: the SLI is bad, it is late, or all is played.

        Raises DeploymentError, and Spoiled where a live drill has ended without an incident.
        """
        self.snapshot = self._poller.poll()
        since = self._ground.fault_since()
        if self.game.stage is not Stage.BASELINE:
            return False
        latest = math.inf if self.game.scenario is None else self.game.scenario.page.latest
        now = self._poller.now()
        comes = since is not None and (bad_sli(self.snapshot) or now - since >= latest)
        if not comes and not self._ground.ended:
            return False
        self.game = self.game.page(now if comes else None, self._monotonic())
        return True

    @property
    def left(self) -> float:
        """Seconds until a quick guess earns nothing; negative after that."""
        return self.game.limit - (self._monotonic() - self.game.investigating)

    @property
    def over(self) -> bool:
        """Whether no more telemetry comes."""
        return self._ground.ended

    @property
    def waits(self) -> str:
        """Why the fault of a live drill is late, in a sentence; empty where it is not."""
        return self._ground.waits

    def hint(self) -> Hint | None:
        """Open the next hint, which costs points; None where there is none."""
        hint = self.game.next_hint
        if hint is not None:
            self.game = self.game.hint(self._poller.now())
        return hint

    def answer(self, method: str) -> Outcome:
        """Run one method on what has arrived. Blocks for its deadline at most."""
        now = self._poller.now()
        deployment = self._ground.deployment
        incident = with_onset(capture(deployment, Window(self._ground.start, now + deployment.step / 2)))
        (result,) = runner.run(incident, [method], deadline=debriefs.DEADLINE)
        return result.outcome

    @property
    def faults(self) -> tuple[str, ...]:
        """Names of the faults that can be guessed."""
        return possible.in_deployment(self._ground.deployment)

    def commit(self, guess: Guess) -> None:
        """The guess is final. Raises ValueError for a second one, or one before the page."""
        self.game = self.game.commit(guess, self._poller.now(), self._monotonic())

    def settle(self) -> None:
        """Undo what is in, and learn which incident holds the truth. Blocks. Raises Spoiled."""
        self.game = replace(self.game, incident=self._ground.settle())

    def debrief(self) -> Iterator[Debrief]:
        """After `settle`: the debrief at once, then again after each method; the last one is complete. Blocks.

        The score is on disk before the first one comes.
        """
        yield from debriefs.kept(debriefs.build(self.game, self._ground.deployment, self._ground.start))
        self.game = self.game.told()

    def give_up(self) -> None:
        """End it without a guess; what is in is undone. Blocks."""
        self._ground.give_up()
