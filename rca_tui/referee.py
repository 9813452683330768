"""The app's part in a drill: begin it, page the player, hide the fault until the guess, then tell."""

from __future__ import annotations

from functools import partial

from rca_tui.opener import DRILL, Opener
from rca_tui.session import Injection, Snapshot
from rca_tui.work import messages
from rca_tui.work.drill import LiveDrill, hidden, paged, recording, tell_debrief
from rca_tui.work.threads import in_thread


class Referee(Opener):
    """Arguments as of `Opener`."""

    live_drill: LiveDrill | None = None
    _saved = ""

    async def page_player(self, snapshot: Snapshot) -> None:
        """Show the page where it has come, instead of a diagnosis that nobody asked for."""
        if (game := paged(self.session, snapshot)) is not None:
            self.session.game = game
            await self.action_show(DRILL)
            self.bell()

    def on_drill_begun(self) -> None:
        game, deployment = self.session.game, self.session.deployment
        if game is None or deployment is None:
            return
        self.session.game = game.begin(self.session.clock())
        if (played := recording(deployment)) is not None:
            played.begin()
        elif game.scenario is not None:
            self.live_drill = LiveDrill(game.scenario, self.session.clock)
            self.run_worker(partial(self.live_drill.run, deployment, self.mailbox.post), **in_thread("injection"))

    def on_drill_guessed(self) -> None:
        session = self.session
        if self.live_drill is not None:
            self.live_drill.guess()
        session.injection, session.secret = session.secret or session.injection, None
        self._tell()

    def on_drill_ended(self, message: messages.DrillEnded) -> None:
        """A live drill is over. Without an incident there is nothing to tell: a notice of its worker says why."""
        self.live_drill = None
        if (game := self.session.game) is None or not game.running:
            return
        if message.saved:
            self._saved = message.saved
            self._tell()
        else:
            self.session.game = game.again()
            self.notify("the drill ended without an incident: nothing is told", severity="warning")
            if self._quitting and self.session.held is None:
                self.exit()

    def _tell(self) -> None:
        """Tell the truth once there is both a guess and a recording."""
        game, deployment = self.session.game, self.session.deployment
        if game is None or deployment is None or game.sealed:
            return
        game = self.session.game = game.recorded(game.incident or self._saved)
        if game.incident:
            tell = partial(tell_debrief, game, deployment, self.mailbox.post)
            self.run_worker(tell, **in_thread("debrief"))

    def on_debriefed(self, message: messages.Debriefed) -> None:
        session = self.session
        session.debrief = message.debrief
        if message.debrief.verdict is not None and session.game is not None:
            session.game = session.game.told()
        if self._quitting and session.held is None:
            self.exit()

    def give_up(self) -> None:
        """End a live drill without a guess: its fault is undone, nothing is told."""
        if (game := self.session.game) is not None and self.live_drill is not None:
            self.live_drill.give_up()
            self.session.game = game.again()
            self.notify("the drill is given up: its fault, if there was one, is undone")

    def show_injection(self, injection: Injection) -> None:
        """Show it, or keep of it only what it takes to undo it and to page in time."""
        session = self.session
        if hidden(injection, session.game):
            session.secret = injection if injection.busy else None
        else:
            session.secret, session.injection = None, injection

    def on_unmount(self) -> None:
        if self.live_drill is not None:
            self.live_drill.give_up()
