"""7 Drill: brief, baseline, the page, the guess, and the debrief. Its tab is there while a drill is played."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from rich.console import RenderableType
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cluster.text.plain import plain
from cluster.text.times import clock_time, span
from faults import possible
from rca_tui.game import Game, Guess, Stage, as_told
from rca_tui.screens.dialogs import Confirm
from rca_tui.screens.guess import GuessDialog
from rca_tui.screens.page import Page
from rca_tui.session import Session, Snapshot
from rca_tui.work import messages
from rca_tui.work.drill import recording, write_debrief

if TYPE_CHECKING:
    from faults.scenario import Hint
    from rca_tui.drill.debrief import Debrief

_PLAYED = "This is a recording that plays as if it were live: nothing of what is to come is shown."
_LIVE = (
    "This is the running deployment: chance draws a fault, which is injected, held until your guess, and undone. "
    "X gives up and undoes it at any time."
)
_BRIEF = (
    "1  While the baseline runs, learn what healthy looks like: 1 Overview, 2 Telemetry, l logs.\n"
    "2  Then the page comes. Investigate on any screen. R on screen 4 runs the methods on what has arrived.\n"
    "3  Press G here to commit to a guess: which components, or nobody; which fault; how sure.\n"
    "4  Then you are told what it was, what the tool said, and which evidence told.\n"
)
_BASELINE = (
    "The baseline runs, and nothing is known to be wrong. Look at the other screens: the page comes by itself, and "
    "brings you back here.\n"
)
_PAGED = (
    "Find out why: 1 Overview, 2 Telemetry, 4 Diagnose (R runs the methods), l logs, t traces and e events show what "
    "has arrived. When you know enough, press G here.\n"
)
_DOOR = "The front door is slow or fails requests."
_QUIET = (
    "The recording has ended, and the front door was never slow and failed no requests. Find the fault, or none at "
    "all, then press G here.\n"
)
_WAITING = "Waiting for telemetry: then B begins."
_UNDOING = "The fault of the drill before is being undone: then B begins."
_ENDED = (
    "The recording has ended, and what went wrong may be over: the charts show what was, and ← and → on 1 go back to "
    "it.\n"
)


class DrillPage(Page):
    KEY = "7"
    MODE = "drill"
    HELP = (
        "A drill. B begins; the page comes when the front door's SLI breaks; H opens a hint, which costs points; G "
        "commits a guess, once; then the debrief tells what was injected, how you did beside the tool and its methods, "
        "and which evidence told. w writes the debrief as Markdown and HTML. Nothing before the guess reads the truth."
    )
    FOLLOWS = (Session.displayed, Session.game, Session.debrief, Session.secret)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("B,enter", "begin", "Begin", id="drill.begin", key_display="B", tooltip="Let the drill begin"),
        Binding("H", "hint", "Hint", id="drill.hint", tooltip="Open the next hint, which costs points"),
        Binding("G", "guess", "Guess", id="drill.guess", tooltip="Commit to components, fault and how sure you are"),
        Binding("w", "write", "Write debrief", id="drill.write", tooltip="Write the debrief as Markdown and HTML"),
    ]

    _shown: Debrief | None = None

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
        debrief, text = self.session.debrief, self.query_one("#drill-text", Static)
        if debrief is None:
            text.update(self._text(game))
        elif debrief is not self._shown:
            from cluster.display import to_rich
            from rca_tui.drill.document import document

            text.update(to_rich(document(debrief)))
            if self._shown is None:
                self.query_one("#drill-page").scroll_home(animate=False)
            self._shown = debrief

    def _stages(self, game: Game) -> Text:
        """All stages in one line, the current one marked; the time of the telemetry, then what is left of the limit."""
        colour, text = self.app.theme_variables, Text(no_wrap=True, overflow="ellipsis")
        for stage in Stage:
            here = stage is game.stage
            text.append(f"{'▶' if here else ' '}{stage.value}  ", f"bold {colour['primary']}" if here else "dim")
        if self.session.latest is not None and game.stage is Stage.BASELINE:
            text.append(clock_time(self.session.clock()), "dim")
        if game.stage is Stage.INVESTIGATE:
            left = game.limit - (time.monotonic() - game.investigating)
            text.append(f"  {span(left)} left" if left > 0 else "  time is up", colour["warning"])
        return text

    def _text(self, game: Game) -> RenderableType:
        match game.stage:
            case Stage.BRIEF:
                return self._brief(game)
            case Stage.BASELINE:
                waits = "" if self.session.secret is None else self.session.secret.waits
                return Text.assemble(("Baseline\n\n", "bold"), _BASELINE, ("\n" + waits if waits else "", "bold"))
            case Stage.INVESTIGATE:
                return self._page(game)
        said = "" if game.guess is None else _said(game.guess)
        return Text.assemble(("Your guess is committed\n\n", "bold"), said, "\n\nOpening the truth …")

    def _brief(self, game: Game) -> Text:
        text, colour = Text(), self.app.theme_variables
        if (scenario := game.scenario) is None:
            text.append("You are on call\n\n", "bold")
        else:
            text.append(f"{plain(scenario.title)}", "bold").append(f"  level {scenario.difficulty} of 5\n\n", "dim")
            text.append(f"{plain(' '.join(scenario.story.split()), 4000)}\n\n")
        text.append(f"{_LIVE if game.live else _PLAYED}\n\n{_BRIEF}")
        if scenario is not None and scenario.hints:
            costs = ", ".join(f"{hint.costs:g}" for hint in scenario.hints)
            text.append(f"5  H here opens a hint after the page: {len(scenario.hints)}, for {costs} of 100 points.\n")
        if not self._may_begin:
            # B does nothing yet: keys pressed on trust would go elsewhere.
            return text.append(f"\n{_UNDOING if self.session.secret is not None else _WAITING}")
        text.append("\nB begins", f"bold {colour['primary']}")
        text.append("" if game.speed == 1 else f", at {game.speed:g} times the speed of the recording")
        return text.append(f". {span(game.limit)} from the page to the guess.")

    @property
    def _may_begin(self) -> bool:
        """Whether a drill can begin."""
        return self.session.latest is not None and self.session.secret is None

    def _page(self, game: Game) -> Text:
        colour, text, scenario = self.app.theme_variables, Text(), game.scenario
        if game.paged is None:
            text.append("No page came\n\n", f"bold {colour['warning']}")
        else:
            text.append(f"PAGE at {clock_time(game.paged)}\n\n", f"bold {colour['error']}")
            text.append(_DOOR if scenario is None else f"{scenario.page.severity.upper()}  ", "bold")
            if scenario is not None:
                labels = ", ".join(f"{name}={value}" for name, value in scenario.page.labels.items())
                text.append(f"{plain(scenario.page.text)}.\n").append(plain(labels), "dim")
            text.append("\n\n")
        text.append(_QUIET if game.paged is None else _PAGED)
        if game.paged is not None and (played := recording(self.session.deployment)) is not None and played.ended:
            text.append(_ENDED)
        for number, opened in enumerate(game.hints, 1):
            text.append(f"\nHint {number}, {opened.costs:g} points: ", "bold").append(f"{plain(opened.text, 4000)}\n")
            text.append(f"{_opened(opened)}\n" if opened.opens else "", "dim")
        if (hint := game.next_hint) is not None:
            text.append(f"\nH opens a hint for {hint.costs:g} points", colour["primary"])
        return text

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        game = self.session.game
        match action:
            case "begin":
                return self._may_begin and game is not None and game.stage is Stage.BRIEF
            case "guess":
                return game is not None and game.may_guess
            case "hint":
                return game is not None and game.next_hint is not None
            case "write":
                return self.session.debrief is not None
        return True

    def action_begin(self) -> None:
        game = self.session.game
        if game is None or not game.live:
            self.app.post_message(messages.DrillBegun())
            return
        what = f"Chance draws a fault and injects it into {plain(self.session.name)}. It is undone after your guess."
        self.app.push_screen(Confirm("A live drill", what, "drill", "Begin"), self._begin)

    def _begin(self, confirmed: bool | None) -> None:
        if confirmed:
            self.app.post_message(messages.DrillBegun())

    def action_hint(self) -> None:
        game, snapshot = self.session.game, self.session.latest
        if game is None or snapshot is None or (hint := game.next_hint) is None:
            return
        if hint.opens is not None:
            self._open(hint, snapshot)
        self.session.game = game.hint(self.session.clock())
        self.call_after_refresh(self.query_one("#drill-page", VerticalScroll).scroll_end, animate=False)

    def _open(self, hint: Hint, snapshot: Snapshot) -> None:
        """Let the screen that the hint names show what it names."""
        if (opens := hint.opens) is None:
            return
        if opens.guideline is not None:
            self.session.check = opens.guideline
        elif opens.method is not None:
            self.session.method = opens.method
        elif opens.signal is not None:
            ids = sorted(snapshot.topology.ids, key=lambda each: each != snapshot.topology.front_door)
            having = (each for each in ids if snapshot.frames.line(each, opens.signal) is not None)
            self.session.subject = (next(having, ids[0]), opens.signal)

    def action_guess(self) -> None:
        snapshot, deployment = self.session.latest, self.session.deployment
        if snapshot is not None and deployment is not None:
            components, faults = tuple(sorted(snapshot.topology.ids)), possible.in_deployment(deployment)
            self.app.push_screen(GuessDialog(components, faults), self._commit)

    def _commit(self, guess: Guess | None) -> None:
        game = self.session.game
        if guess is None or game is None or not game.may_guess:
            return
        self.session.game = game.commit(guess, self.session.clock(), time.monotonic())
        self.app.post_message(messages.DrillGuessed())

    def action_write(self) -> None:
        if (debrief := self.session.debrief) is not None:
            self.work(lambda: self.notify(write_debrief(debrief), timeout=20, markup=False), "report")

    def copied(self) -> str:
        if (debrief := self.session.debrief) is None:
            return ""
        from cluster.pages import markdown
        from rca_tui.drill.document import document

        return markdown(document(debrief))


def _said(guess: Guess) -> str:
    who = plain(", ".join(guess.components)) or "nobody"
    return f"{who}; {guess.fault or 'the fault left open'}; {as_told(guess.sure)} sure"


def _opened(hint: Hint) -> str:
    """Where to look."""
    if (opens := hint.opens) is None:
        return ""
    if opens.guideline is not None:
        return f"6 Checks shows {plain(opens.guideline)}"
    if opens.method is not None:
        return f"5 Explain, step {opens.step}, shows {plain(opens.method)} once R has run the methods"
    return f"2 Telemetry shows {plain(opens.signal or '')}"
