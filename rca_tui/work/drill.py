"""A drill in worker threads: the fault of a live one, when the page comes, and the debrief.

Before the guess nothing of the injection reaches the session: `hidden` keeps only whether something has to be undone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster.deployment import Plays
from cluster.text.plain import plain
from faults.errors import InjectionFailed, Refused
from faults.states import Phase, State
from rca_tui.drill.waiting import waits
from rca_tui.game import Game, Stage
from rca_tui.session import Injection, Session, Snapshot
from rca_tui.work import messages
from rca_tui.work.alarm import bad_sli
from rca_tui.work.threads import ThisWorker

if TYPE_CHECKING:
    from textual.message import Message

    from cluster.deployment import Deployment
    from faults.drill import Progress
    from faults.scenario import Scenario
    from rca_tui.drill.debrief import Debrief

AFTERMATH = 20.0
"""Seconds after a live drill's fault that are recorded before its truth is told."""
NAMELESS = "the fault of this drill"
STATES = {
    Phase.BASELINE: State.ARMED,
    Phase.STEADY: State.ARMED,
    Phase.INJECTING: State.INJECTING,
    Phase.ACTIVE: State.ACTIVE,
    Phase.REVERTING: State.REVERTING,
    Phase.AFTERMATH: State.RECOVERED,
    Phase.SAVING: State.RECOVERED,
}
"""What each phase of a drill is to what waits for its end."""


def recording(deployment: Deployment | None) -> Plays | None:
    """The deployment, where it is a recording that is played."""
    return deployment if isinstance(deployment, Plays) else None


def hidden(injection: Injection, game: Game | None) -> bool:
    """Whether the player must not see it: all but a fault that a person has to undo."""
    return game is not None and game.live and game.sealed and not injection.stuck


def paged(session: Session, snapshot: Snapshot) -> Game | None:
    """The game once its page has come, None before: the SLI breaks, it is late, or the recording ends without that."""
    game, played = session.game, recording(session.deployment)
    if game is None or game.stage is not Stage.BASELINE:
        return None
    broken, over = bad_sli(snapshot), played is not None and played.ended
    if game.live:
        started = session.secret.started if session.secret is not None else None
        if started is None:
            return None
        over = game.scenario is not None and session.clock() - started >= game.scenario.page.latest
    if not broken and not over:
        return None
    return game.page(snapshot.end if broken or game.live else None, time.monotonic())


class LiveDrill:
    """A scenario that is played on a live deployment. All methods but `guess` and `give_up` block."""

    def __init__(self, scenario: Scenario, clock: Callable[[], float]) -> None:
        self._scenario, self._clock = scenario, clock
        self._guessed, self._given_up = threading.Event(), threading.Event()
        self._injection = Injection(NAMELESS, "", State.PLANNED, open=True)
        self._post: Callable[[Message], object] = lambda message: None

    def run(self, deployment: Deployment, post: Callable[[Message], object]) -> None:
        """Draw the fault, inject it after the baseline, hold it until the guess, undo it, save the incident.

        Posts the states of the injection, and `DrillEnded` at the end, whatever happens.

        Raises FaultError, DeploymentError, IncidentError: the injection is undone, or was never made.
        """
        from cluster.incident import library
        from faults import scenario_drill
        from rca_tui.drill.load import loaded

        self._post = post
        path = library.new_path("drill")
        path.parent.mkdir(parents=True, exist_ok=True)
        saved = ""
        try:
            with loaded(deployment, self._scenario.load):
                report = scenario_drill.run(
                    deployment,
                    self._scenario,
                    armed=True,
                    save=path,
                    aftermath=AFTERMATH,
                    progress=self._tell,
                    cancelled=self._given_up.is_set,
                    over=self._guessed.is_set,
                )
            saved = "" if report.saved is None else report.saved.stem
            stuck = report.state is State.STUCK
            detail, undo = (report.detail, report.command) if stuck else ("", "")
            self._report(state=report.state, open=stuck, recorded_until=None, detail=detail, undo=undo, saved=saved)
        except Refused:
            if not self._given_up.is_set():
                raise
        except InjectionFailed as error:
            undone = error.undone
            stuck = undone.state is State.STUCK
            self._report(state=undone.state, open=stuck, detail=undone.detail, undo=undone.command)
            raise
        finally:
            if self._injection.busy:
                self._report(state=State.RECOVERED, open=False, recorded_until=None)
            post(messages.DrillEnded(saved))

    def _tell(self, progress: Progress) -> None:
        state = STATES[progress.phase]
        changes: dict[str, Any] = {"state": state, "open": state is not State.RECOVERED}
        if state is State.ACTIVE and self._injection.started is None:
            changes["started"] = self._clock()
        if state is State.RECOVERED:
            changes["recorded_until"] = self._clock() + (progress.remaining or 0.0)
        changes["waits"] = waits(progress, self._injection.waits)
        if state is not self._injection.state or changes["waits"] != self._injection.waits:
            self._report(**changes)

    def _report(self, **changes: Any) -> None:
        self._injection = replace(self._injection, **changes)
        self._post(messages.InjectionChanged(self._injection))

    def guess(self) -> None:
        """The guess is committed: undo the fault, record the aftermath, save."""
        self._guessed.set()

    def give_up(self) -> None:
        """Undo the fault now, and save nothing."""
        self._given_up.set()


def tell_debrief(game: Game, deployment: Deployment, post: Callable[[Message], object]) -> None:
    """Open the truth, run the methods, post the debrief as it grows. The score is written before it is posted."""
    from rca_tui.drill import debrief

    played = recording(deployment)
    shown: Debrief | None = None
    try:
        growing = debrief.build(game, deployment, None if played is None else played.start, ThisWorker())
        for shown in debrief.kept(growing):
            post(messages.Debriefed(shown))
    except Exception:
        if shown is None:
            post(messages.DrillEnded(""))
        raise


def write_debrief(shown: Debrief) -> str:
    """Write it, and say where."""
    from rca_tui.report import debrief

    return f"wrote {' and '.join(plain(str(path)) for path in debrief.write(shown))}"
