"""7 Drill: brief, baseline, the page, the guess, and the debrief. Its tab is there while a drill is played."""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cluster.text.quantities import percent
from cluster.text.times import clock_time, span
from methods import catalog
from rca_tui.game import Game, Guess, Stage
from rca_tui.screens.guess import GuessDialog
from rca_tui.screens.page import Page
from rca_tui.session import Session
from rca_tui.work import messages
from rca_tui.work.drill import tell_debrief, write_debrief

if TYPE_CHECKING:
    from rca_tui.drill.debrief import Debrief

_BRIEF = (
    "You are on call. This is a recording that plays as if it were live: nothing of what is to come is shown.\n\n"
    "1  While the baseline runs, learn what healthy looks like: 1 Overview, 2 Telemetry, l logs.\n"
    "2  A page comes when the front door gets slow or fails. Investigate on any screen. R on screen 4 runs the "
    "methods on what has arrived.\n"
    "3  Press G here to commit to a guess: which components, or nobody; which fault; how sure.\n"
    "4  Then you are told what it was, what the tool said, and which evidence told.\n"
)
_BASELINE = (
    "The baseline runs, and nothing is known to be wrong. Look at the other screens: the page comes by itself, and "
    "brings you back here.\n"
)
_PAGED = (
    "The front door is slow or fails requests. Find out why: 1 Overview, 2 Telemetry, 4 Diagnose (R runs the methods), "
    "l logs, t traces and e events show what has arrived.\n\n"
    "When you know enough, press G here. The seconds from the page to the guess are counted.\n"
)
_QUIET = (
    "The recording has ended, and the front door stayed well: a weak fault, or none at all.\n\n"
    "Look at what there is, then press G and commit. Nobody is an answer, too.\n"
)


class DrillPage(Page):
    KEY = "7"
    MODE = "drill"
    HELP = (
        "A drill over a recording that plays as if live. B begins; the page comes when the front door's SLI breaks; G "
        "commits a guess, once; then the debrief tells what was injected, how you did beside the tool and its methods, "
        "and which evidence told. w writes the debrief as Markdown and HTML. Nothing before the guess reads the truth."
    )
    FOLLOWS = (Session.displayed, Session.game)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("B,enter", "begin", "Begin", id="drill.begin", key_display="B", tooltip="Let the recording run"),
        Binding("G", "guess", "Guess", id="drill.guess", tooltip="Commit to components, fault and how sure you are"),
        Binding("w", "write", "Write debrief", id="drill.write", tooltip="Write the debrief as Markdown and HTML"),
    ]

    _debrief: Debrief | None = None
    _answered = 0

    def body(self) -> ComposeResult:
        yield Static(id="drill-stage")
        with VerticalScroll(id="drill-page", can_focus=True):
            yield Static(id="drill-text")

    def on_mount(self) -> None:
        self.query_one("#drill-page").focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        game = self.session.game
        if game is None:
            return
        self.query_one("#drill-stage", Static).update(self._stages(game))
        if self._debrief is None:
            self.query_one("#drill-text", Static).update(self._text(game, self._answered))

    def _stages(self, game: Game) -> Text:
        """All stages in one line, the current one marked, and where the recording is."""
        colour, text = self.app.theme_variables, Text(no_wrap=True, overflow="ellipsis")
        for stage in Stage:
            here = stage is game.stage
            text.append(f"{'▶' if here else ' '}{stage.value}  ", f"bold {colour['primary']}" if here else "dim")
        snapshot = self.session.latest
        if snapshot is not None and game.stage in (Stage.BASELINE, Stage.INVESTIGATE):
            text.append(clock_time(self.session.clock()), "dim")
        return text

    def _text(self, game: Game, answered: int) -> RenderableType:
        colour = self.app.theme_variables
        match game.stage:
            case Stage.BRIEF:
                text = Text.assemble(("The brief\n\n", "bold"), _BRIEF)
                return text.append("\nB begins", f"bold {colour['primary']}").append(_speed(game))
            case Stage.BASELINE:
                return Text.assemble(("Baseline\n\n", "bold"), _BASELINE)
            case Stage.INVESTIGATE:
                paged = game.paged is not None
                title = f"PAGE at {clock_time(game.paged)}" if game.paged is not None else "No page came"
                tint = colour["error" if paged else "warning"]
                text = Text.assemble((f"{title}\n\n", f"bold {tint}"), _PAGED if paged else _QUIET)
                return text.append(f"\n{span(time.monotonic() - game.investigating)} since then", "dim")
        said = "" if game.guess is None else _said(game.guess)
        waiting = f"{answered} of {len(catalog.listed())} methods have answered on what you saw …"
        return Text.assemble(("Your guess is committed\n\n", "bold"), said, "\n\n", waiting)

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        game = self.session.game
        match action:
            case "begin":
                return game is not None and game.stage is Stage.BRIEF and self.session.latest is not None
            case "guess":
                return game is not None and game.may_guess
            case "write":
                return self._debrief is not None
        return True

    def action_begin(self) -> None:
        self.app.post_message(messages.DrillBegun())

    def action_guess(self) -> None:
        snapshot = self.session.latest
        if snapshot is not None:
            self.app.push_screen(GuessDialog(tuple(sorted(snapshot.topology.ids))), self._commit)

    def _commit(self, guess: Guess | None) -> None:
        game, deployment = self.session.game, self.session.deployment
        if guess is None or game is None or deployment is None or not game.may_guess:
            return
        self.session.game = game = game.commit(guess, self.session.clock(), time.monotonic())
        self.work(partial(tell_debrief, game, deployment, self.post_message), "debrief")

    def on_debrief_grows(self, message: messages.DebriefGrows) -> None:
        self._answered = message.answered
        self.refill()

    def on_debriefed(self, message: messages.Debriefed) -> None:
        from cluster.display import to_rich
        from rca_tui.drill.debrief import document

        self._debrief = message.debrief
        self.query_one("#drill-text", Static).update(to_rich(document(message.debrief)))
        self.query_one("#drill-page").scroll_home(animate=False)
        if self.session.game is not None:
            self.session.game = self.session.game.told()

    def action_write(self) -> None:
        if (debrief := self._debrief) is not None:
            self.work(lambda: self.notify(write_debrief(debrief), timeout=20, markup=False), "report")

    def copied(self) -> str:
        if self._debrief is None:
            return ""
        from cluster.pages import markdown
        from rca_tui.drill.debrief import document

        return markdown(document(self._debrief))


def _speed(game: Game) -> str:
    return "" if game.speed == 1 else f", at {game.speed:g} times the speed of the recording"


def _said(guess: Guess) -> str:
    who = ", ".join(guess.components) or "nobody"
    return f"{who}; {guess.fault or 'the fault left open'}; {percent(guess.sure)} sure"
