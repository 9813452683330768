"""A drill in a plain terminal: brief, baseline, page, commands, guess, reveal, debrief."""

from __future__ import annotations

import sys
from collections.abc import Callable
from itertools import chain
from typing import TYPE_CHECKING

import typer

from cluster.incident.truth import NO_FAULT
from cluster.text.plain import plain
from cluster.text.times import span
from rca_tui.commands.errors import Interrupted, say
from rca_tui.commands.interrupts import Interrupts, as_keyboard_interrupt
from rca_tui.commands.output import print_document, print_line
from rca_tui.game import Game, Guess, Stage
from rca_tui.play.lines import Lines, Quit

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from cluster.display import Document
    from faults.scenario import Hint
    from rca_tui.drill.debrief import Debrief
    from rca_tui.play.ground import Ground
    from rca_tui.play.headless import Play
    from rca_tui.session import Snapshot

LOOK = 1.0
"""Seconds between two looks at the telemetry while the page has not come."""
NOTHING_KEPT = "the drill is given up; nothing is scored, and nothing of a fault is left"
HELP = (
    "show         the front door, and the names of what was measured\n"
    "show NAME    the numbers of a component, of calls (gateway>head), of a signal\n"
    "hint         opens the next hint, which costs points\n"
    "guess        components or nobody, the fault, how sure; then all is told\n"
    "help, quit"
)


def play_recording(game: Game) -> None:
    """Play the recording that the game names. Raises RcaError, Interrupted."""
    from rca_tui.play.ground import Recording

    _play(game, Recording(game))


def play_live(game: Game, deployment: Deployment) -> None:
    """Play a scenario on a live deployment, armed, under its load. Raises RcaError, Interrupted."""
    from cluster.incident import library
    from rca_tui.drill.load import loaded
    from rca_tui.play.ground import Live

    if game.scenario is None:
        raise ValueError("a live drill needs a scenario")
    path = library.new_path("drill")
    path.parent.mkdir(parents=True, exist_ok=True)
    with loaded(deployment, game.scenario.load):
        _play(game, Live(deployment, game.scenario, path))


def _play(game: Game, ground: Ground) -> None:
    from rca_tui.play.headless import Play

    play = Play(game, ground)
    with as_keyboard_interrupt():
        lines = Lines()
        terminal = Terminal(play, lines.next, lines.forget)
        try:
            terminal.run()
        except BaseException as error:
            _give_up(play)
            if isinstance(error, (KeyboardInterrupt, Quit)):
                raise Interrupted(terminal.kept or NOTHING_KEPT) from None
            raise


def _give_up(play: Play) -> None:
    with Interrupts():  # undoing is never cut short
        play.give_up()


class Terminal:
    """The player's terminal.

    Args:
        play: not begun.
        read: a line that comes within so many seconds, or None.
        forget: drops what was typed ahead.

    Attributes:
        kept: what an interruption leaves, in a sentence; empty until the score is written.
    """

    def __init__(
        self, play: Play, read: Callable[[float], str | None], forget: Callable[[], object] = lambda: None
    ) -> None:
        self._play, self._read, self._forget = play, read, forget
        self._limit_told = self._end_told = self._wait_told = False
        self.kept = ""

    def run(self) -> None:
        """From the brief to the debrief. Raises Quit, RcaError."""
        self._brief()
        self._ask("Enter begins: ")
        self._play.begin()
        print_line(
            "The baseline runs, and nothing is known to be wrong. Learn what is usual: `show`. "
            "The page comes by itself."
        )
        while self._play.game.guess is None:
            self._command(self._ask(self._prompt, paging=True))
        self._reveal()

    # -- what is told -------------------------------------------------------------------------------------------

    def _brief(self) -> None:
        game = self._play.game
        if (scenario := game.scenario) is None:
            print_line("You are on call. Something may be about to go wrong.")
        else:
            print_line(f"{scenario.title}, level {scenario.difficulty} of 5")
            print_line()
            print_line(" ".join(scenario.story.split()))
        print_line()
        if game.live:
            print_line(
                "This is the running deployment: chance draws a fault, which is held until your guess, and undone."
            )
        else:
            print_line("This is a recording that plays as if it were live: nothing of what is to come is shown.")
        hints = () if scenario is None else scenario.hints
        costs = f" Hints: {len(hints)}, for {', '.join(str(hint.costs) for hint in hints)} points." if hints else ""
        print_line(f"From the page to the guess: {span(game.limit)}.{costs} 100 points at best.")
        typer.echo(HELP)

    def _page(self) -> None:
        game = self._play.game
        typer.echo("\a")
        if game.paged is None:
            self._end_told = True
            print_line("No page came: the recording has ended. Guess what it was; nobody is an answer, too.")
        elif game.scenario is None:
            print_line("PAGE: the front door is slow or fails requests.")
        else:
            page = game.scenario.page
            print_line(f"PAGE, {page.severity}: {page.text}")
            print_line("  " + ", ".join(f"{name}={value}" for name, value in page.labels.items()))
        print_line("Find out why: `show`, `hint`, then `guess`.")

    def _prompt(self) -> str:
        if self._play.game.stage is Stage.BASELINE:
            return "baseline> "
        left = self._play.left
        return f"{span(left)} left> " if left > 0 else "time is up, speed earns nothing> "

    def _ask(self, prompt: str | Callable[[], str], paging: bool = False) -> str:
        """The player's next line; meanwhile the page may come, where `paging`."""
        told = False
        while True:
            if (news := self._news()) is not None:
                if told:
                    print_line()
                news()
                told = False
            if not told:
                typer.echo(prompt() if callable(prompt) else prompt, nl=False)
                told = True
            line = self._read(LOOK)
            if line is not None:
                return line
            if paging and self._play.game.stage is Stage.BASELINE and self._play.look():
                self._page()
                told = False

    def _news(self) -> Callable[[], None] | None:
        """What tells that the drill waits, or the time or the recording is over; None where it has been told."""
        if self._play.game.stage is Stage.BASELINE and self._play.waits and not self._wait_told:
            return self._tell_wait
        if self._play.game.stage is not Stage.INVESTIGATE:
            return None
        if self._play.left <= 0 and not self._limit_told:
            return self._tell_limit
        return self._tell_end if self._play.over and not self._end_told else None

    def _tell_wait(self) -> None:
        self._wait_told = True
        print_line(self._play.waits)

    def _tell_end(self) -> None:
        self._end_told = True
        print_line("The recording has ended: `now` stays as it is, `extreme` is what was since the page.")

    def _tell_limit(self) -> None:
        self._limit_told = True
        game = self._play.game
        undone = " The fault is undone soon." if game.live else ""
        print_line(
            f"TIME IS UP: {span(game.limit)} have passed since the page.{undone} Being quick earns nothing any more, "
            "all else still counts: `guess`."
        )

    # -- commands -----------------------------------------------------------------------------------------------

    def _command(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        match word:
            case "":
                pass
            case "show":
                self._show(rest.strip())
            case "hint" if self._play.game.may_guess:
                self._hint()
            case "guess" if self._play.game.may_guess:
                self._guess()
            case "hint" | "guess":
                print_line("the page has not come yet")
            case "quit":
                raise Quit
            case "help":
                typer.echo(HELP)
            case _:
                print_line(f"there is no command {plain(word, 40)!r}: help lists them")

    def _now(self) -> Snapshot:
        if self._play.look():
            self._page()
        if self._play.snapshot is None:
            raise ValueError("looked, and saw nothing")
        return self._play.snapshot

    def _show(self, name: str) -> None:
        from rca_tui.play import numbers

        snapshot, paged = self._now(), self._play.game.paged
        shown = numbers.about(snapshot, name, paged) if name else numbers.overview(snapshot, paged)
        if shown:
            print_document(shown)
        else:
            print_line(f"nothing called {plain(name, 60)!r} was measured: `show` lists what was")

    def _hint(self) -> None:
        if (hint := self._play.hint()) is None:
            print_line("there are no more hints")
            return
        print_line(f"Hint, {hint.costs} points: {hint.text}")
        self._open(hint)

    def _open(self, hint: Hint) -> None:
        if (opens := hint.opens) is None:
            return
        if opens.signal is not None:
            self._show(opens.signal)
        elif opens.guideline is not None:
            from guidelines import catalog

            guideline = catalog.entry(opens.guideline)
            print_line(f"{guideline.title}: {guideline.what} {guideline.why}")
        elif opens.method is not None:
            print_document(self._step(opens.method, opens.step))

    def _step(self, method: str, number: int) -> Document:
        """A step of a method's explanation, on what has arrived."""
        from cluster.display import Line, document
        from methods.answer.types import Explanation, Ranking

        outcome = self._play.answer(method)
        if not isinstance(outcome, Ranking):
            return document(outcome)
        steps = outcome.explanation.steps
        if number > len(steps):
            return (Line(f"the explanation of {method} has {len(steps)} steps"),)
        return document(Explanation(steps[number - 1 : number]))

    # -- the guess ----------------------------------------------------------------------------------------------

    def _guess(self) -> None:
        """Ask for each part until it is one; an empty answer to the first gives it up."""
        from rca_tui.game import as_told

        known = self._now().topology.ids
        components = self._components(sorted(known))
        if components is None:
            return
        fault, sure = self._fault(), self._sure()
        guess = Guess(components, fault, sure)
        named = ", ".join(components) or "nobody"
        if self._ask(f"{named}; {fault or 'fault left open'}; {as_told(sure)} sure. Commit, yes or no? ") in (
            "y",
            "yes",
        ):
            self._play.commit(guess)
        else:
            print_line("not committed")

    def _components(self, known: list[str]) -> tuple[str, ...] | None:
        print_line(f"components: {', '.join(known)}")
        while True:
            words = (
                self._ask("which are at fault? ids, or nobody; Enter gives the guess up: ").replace(",", " ").split()
            )
            if not words:
                return None
            if words == ["nobody"]:
                return ()
            unknown = [word for word in words if word not in known]
            if not unknown:
                return tuple(dict.fromkeys(words))
            print_line(f"there is no component {plain(unknown[0], 60)!r}")

    def _fault(self) -> str:
        names = self._play.faults
        print_line(f"faults: {', '.join(names)}")
        while True:
            name = self._ask("which fault? a name, none, or Enter to leave it open: ")
            if name in ("", NO_FAULT, *names):
                return name
            print_line(f"there is no fault {plain(name, 60)!r}")

    def _sure(self) -> float:
        while True:
            try:
                sure = float(self._ask("how sure are you of the components, 0 to 100 %? ").removesuffix("%")) / 100
            except ValueError:
                sure = -1.0
            if 0 <= sure <= 1:
                return sure
            print_line("a number from 0 to 100")

    # -- the reveal ---------------------------------------------------------------------------------------------

    def _reveal(self) -> None:
        """Tell the truth at once, then the methods. An interruption never loses the score."""
        from rca_tui.drill import document

        live = self._play.game.live
        say("your guess is committed; what is in is undone first" if live else "your guess is committed")
        with Interrupts("the score is written first" + ", after what is in is undone" * live) as interrupts:
            self._play.settle()
            growing = self._play.debrief()
            first = shown = next(growing)
        self.kept = (
            f"interrupted; your score is kept: {first.score.points:g} of 100 points, without the methods' answers"
        )
        if interrupts.happened():
            raise KeyboardInterrupt
        print_document(document.document(first)[:1])
        try:
            for shown in chain([first], growing):
                if sys.stderr.isatty():
                    waiting = document.methods(shown.waiting)
                    typer.echo(f"\r\x1b[Kwaiting for {waiting} to answer on what you saw ", err=True, nl=False)
        finally:
            if sys.stderr.isatty():
                typer.echo("\r\x1b[K", err=True, nl=False)
        self.kept = f"interrupted; your score is kept: {first.score.points:g} of 100 points"
        print_document(document.document(shown)[1:])
        print_line("`rca-tui scores` has all scores.")
        self._forget()
        self._offer(shown)

    def _offer(self, shown: Debrief) -> None:
        """Write the debrief where the player wants it; the end of the input ends it, too."""
        from rca_tui.work.drill import write_debrief

        while True:
            try:
                answer = self._ask("w writes this as Markdown and HTML, Enter ends: ").lower()
            except Quit:
                return
            if answer == "w":
                print_line(write_debrief(shown))
            if answer in ("w", ""):
                return
            print_line(f"{plain(answer, 40)!r} is neither w nor Enter")
