"""The Textual app: screens, keys and workers. It analyses nothing and waits for nothing itself.

worker thread ── blocking call ──▶ frozen value ── message ──▶ session ── follow() ──▶ screen
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from rich.console import RenderableType
from textual.app import SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from cluster.text.plain import plain
from faults.states import State
from rca_tui import first_frame, palette, tether
from rca_tui.bindings import EVERYWHERE, KeymapError, keymap_path, read_keymap
from rca_tui.diagnostician import Diagnostician
from rca_tui.errors import Problem, described
from rca_tui.game import Game, Stage
from rca_tui.opener import DRILL
from rca_tui.screens.dialogs import Help
from rca_tui.screens.notices import Notices
from rca_tui.screens.page import DIAGNOSE, FRONT, OVERVIEW, Later, Page, provenance
from rca_tui.terminal import Terminal
from rca_tui.theme import DARK, LIGHT
from rca_tui.widgets.header import Header, outdated
from rca_tui.work import messages
from rca_tui.work.diagnosis import search_onset
from rca_tui.work.plugins import plugin_problems
from rca_tui.work.report import write_report
from rca_tui.work.threads import in_thread

if TYPE_CHECKING:
    from cluster.deployment import Deployment

POLL = 1.0
"""Seconds between polls of a live deployment; one that is scraped less often is polled less often."""
BACKOFF_POLLS = 5
"""Polls skipped after a failure: a deployment that is down is not hammered."""

PAGES: tuple[type[Page] | Later, ...] = (
    Later("1", OVERVIEW, "rca_tui.screens.overview:OverviewPage"),
    Later("2", "telemetry", "rca_tui.screens.telemetry:TelemetryPage"),
    Later("3", "faults", "rca_tui.screens.faults:FaultsPage"),
    Later("4", DIAGNOSE, "rca_tui.screens.diagnose:DiagnosePage"),
    Later("5", "explain", "rca_tui.screens.explain:ExplainPage"),
    Later("6", "checks", "rca_tui.screens.checks:ChecksPage"),
    Later("7", DRILL, "rca_tui.screens.drill:DrillPage"),
    Later("l", "logs", "rca_tui.screens.logs:LogsPage", OF_COMPONENT=True),
    Later("t", "traces", "rca_tui.screens.traces:TracesPage", OF_COMPONENT=True),
    Later("e", "events", "rca_tui.screens.events:EventsPage"),
)
"""The screens in the order of their tabs."""


class RcaApp(Diagnostician):
    """The app over one deployment at a time; arguments as of `Opener`."""

    TITLE = "rca_tui"
    PAGES = PAGES
    CSS_PATH = "app.tcss"
    HORIZONTAL_BREAKPOINTS = [(0, "-slim"), (70, "-narrow"), (100, "-medium"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (28, "-high"), (44, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(page.KEY, f"show('{page.MODE}')", page.MODE.capitalize(), id=f"show.{page.MODE}", show=False)
            for page in PAGES
        ),
        *EVERYWHERE,
    ]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self._terminal = Terminal()
        self.notices = Notices(self)
        super().__init__(*arguments, **options)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, self._terminal.changes(renderable, self.size))

    def on_resize(self) -> None:
        self._terminal.forget()

    def action_redraw(self) -> None:
        """Write the whole screen again, whatever the terminal shows."""
        self._terminal.forget()
        self.screen.refresh()

    async def on_mount(self) -> None:
        try:
            self.set_keymap(read_keymap(keymap_path()))
        except KeymapError as error:
            self.notify(str(error), severity="warning", markup=False)
        self.app_resume_signal.subscribe(self, lambda _: self._terminal.forget())
        self.set_interval(POLL, self._tick)
        if not self.idle:
            self._start_poll()
        self.run_worker(self._warn_of_plugins, **in_thread("plugins"))

    def _warn_of_plugins(self) -> None:
        self.painted.wait(first_frame.PATIENCE)
        for sentence in plugin_problems():
            self.notify(plain(sentence), severity="warning", markup=False)

    def _tick(self) -> None:
        for screen in self.screen_stack:
            for header in screen.query(Header):
                header.tick += 1
        self.session.outdated = outdated(self.session)
        if self.idle or self.session.replayed:
            return
        if self._polls_to_skip:
            self._polls_to_skip -= 1
        elif not any(worker.group == "poll" and not worker.is_finished for worker in self.workers):
            self._start_poll()

    def _start_poll(self) -> None:
        poller, diagnoser, post = self.poller, self.diagnoser, self.mailbox.post
        # A recording is diagnosed as soon as it has been read.
        soon = self.session.latest is None and self._recorded

        def poll() -> None:
            self.painted.wait(first_frame.PATIENCE)
            if soon:
                diagnoser.prepare()
            post(messages.Polled(poller.poll()))

        self.run_worker(poll, **in_thread("poll"))

    async def on_polled(self, message: messages.Polled) -> None:
        session, snapshot = self.session, message.snapshot
        first = session.latest is None
        session.deployment = self.poller.deployment
        session.problem = ""
        self.notices.answers_again()
        session.latest = snapshot
        self._polls_to_skip = max(0, round(snapshot.step / POLL) - 1)
        if first and snapshot.incident is not None:
            self.run_worker(partial(search_onset, snapshot.incident, self.mailbox.post), **in_thread("onset"))
        elif first and session.armed:
            self.run_worker(self._look_for_left_over, **in_thread("left over"))
        if not session.paused or session.displayed is None:
            session.displayed = snapshot
        if session.game is not None and session.game.stage is not Stage.DEBRIEF:
            await self.page_player(snapshot)
        elif snapshot.incident is None and self.alarm.rings(snapshot) and not self._asked_for(snapshot):
            self.action_diagnose_quickly()
            if first and self.current_mode == OVERVIEW:
                await self.action_show(DIAGNOSE)

    def _look_for_left_over(self) -> None:
        if (left := self.injector.left_over()) is not None:
            self.mailbox.post(messages.InjectionChanged(left))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that raised: the app goes on and says what happened."""
        error = event.worker.error
        if event.state is not WorkerState.ERROR or error is None:
            return
        problem = described(error)
        self.log.error(problem.sentence)
        if event.worker.group != "poll":
            self.post_message(messages.Failed(f"{event.worker.group} failed", problem))
            return
        self._polls_to_skip = BACKOFF_POLLS
        if not self.session.problem:
            self.notices.outage(problem)
        self.session.problem = problem.sentence

    def on_failed(self, message: messages.Failed) -> None:
        self.notices.tell(message.title, message.problem)

    def on_unmount(self) -> None:
        # Methods run in processes of their own: the worker kills them when this is set.
        self.diagnoser.cancel()
        self.injector.finish(save=False)

    def on_injection_changed(self, message: messages.InjectionChanged) -> None:
        injection = message.injection
        self.show_injection(injection)
        if self._quitting and not injection.open and not injection.busy and not self.session.owes_score:
            self.exit()
        elif self._quitting and injection.stuck:
            self._quitting = False
            sentence = f"{injection.detail}. Press q again to quit without undoing it."
            self.notices.tell("Not undone", Problem(sentence, injection.undo))

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        session = self.session
        match action:
            case "show" | "pause" | "copy" | "report" | "save" | "diagnose" if self.idle:
                return False
            case "pause" | "copy" | "report" | "diagnose" if self.current_mode == FRONT:
                return False
            case "report" if session.game is not None and session.game.sealed:
                return False  # it reads the journal of what was injected
            case "abort":
                return session.may_abort
            case "notices":
                return bool(self.notices)
            case "pause":
                return session.latest is not None and not session.replayed
            case "front":
                return self.current_mode != FRONT
            case "back":
                return not self.idle and self.current_mode == FRONT
            case "cancel_diagnosis":
                return session.diagnosis is not None and session.diagnosis.running
        return True

    def action_notices(self) -> None:
        self.notices.again()

    def action_pause(self) -> None:
        session = self.session
        session.paused = not session.paused
        if not session.paused:
            session.displayed = session.latest

    def action_copy(self) -> None:
        page = self.screen
        if not isinstance(page, Page) or not (text := page.copied()):
            return
        if not page.copies_command:
            text = f"{provenance(self.session)}\n{text}"
        self.copy_to_clipboard(text)
        lines = len(text.splitlines())
        self.notify(f"sent {lines} lines to the terminal's clipboard; it gives no sign of whether it took them")

    def action_report(self) -> None:
        session, diagnosis = self.session, self.session.diagnosis
        if diagnosis is None:
            self.notify("there is nothing to report yet: press 4, then R to run the methods", severity="warning")
            return
        name = session.name if session.replayed else None

        def work() -> None:
            self.notify(f"wrote {plain(write_report(diagnosis, name))}", timeout=20, markup=False)

        self.run_worker(work, **in_thread("report"))

    def action_help(self) -> None:
        from rca_tui.screens.front import FrontPage

        if isinstance(self.screen, Page | FrontPage):
            keys = [(hint.key, hint.label) for hint in palette.key_hints(self.screen)]
            self.push_screen(Help(self.screen.help_text, [*keys, ("ctrl+p", "Command palette")]))

    def action_abort(self) -> None:
        """Undo the active fault, or try again to undo what is left; the states of the journal come as messages."""
        injection = self.session.injection
        if self.session.in_live_drill:
            self.give_up()
            return
        if injection is not None and injection.open:
            # At once: what undoes it may not be heard of for a while on a busy machine.
            self.session.injection = replace(injection, state=State.REVERTING, detail="being undone, as asked")
        if injection is not None and (injection.inherited or injection.stuck):
            self.run_worker(partial(self.injector.recover, injection, self.mailbox.post), **in_thread("recovery"))
        else:
            self.injector.abort()

    def action_help_quit(self) -> None:
        """Ctrl-C copies where one types, and quits nothing: say what does."""
        key = next((hint.key for hint in palette.key_hints(self.screen) if hint.action == "quit"), "")
        self.notify(f"{key} quits; where you type, ctrl+q does" if key else "ctrl+q quits", markup=False)

    async def action_quit(self) -> None:
        """Quit; a drill that runs is asked for first."""
        self.leave_drill(self._quit)

    def _quit(self) -> None:
        """Undo an open fault first, and write the score of a guess; the app waits for both, or until it is STUCK."""
        injection = self.session.held
        wanted = not self.session.in_live_drill
        if not wanted:
            self.give_up()
        if injection is None and not self.session.owes_score:
            self.exit()
            return
        if self._quitting:
            return
        self._quitting = True
        if injection is None:
            self.notify("writing your score before quitting")
            return
        doing = "undoing" if injection.open else "saving the incident of"
        where = f" on {injection.target}" if injection.target else ""
        self.notify(f"{doing} {injection.fault}{where} before quitting", markup=False)
        self.injector.finish(save=wanted)
        if injection.open and not injection.reverting:
            self.action_abort()

    def action_theme(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        return palette.commands(screen, self.session)


def run_app(
    connect: Callable[[], Deployment] | None,
    name: str = "",
    armed: bool = False,
    first: str = OVERVIEW,
    game: Game | None = None,
) -> None:
    """Show the app until the operator quits.

    Args:
        connect: returns the deployment: `LocalDeployment.connect`, or a function that loads an incident and returns a
            `ReplayDeployment`. It runs in a worker thread after the first paint. An `RcaError` that it raises is shown
            as a notice, and it is called again. None opens the front page.
        name: shown in the header until `connect` has returned.
        armed: allow faults to be injected.
        first: mode of the screen that opens first.
        game: the drill that is played on it; None without one.
    """
    if sys.__stdin__ is not None and sys.__stdin__.isatty():
        # A terminal that is gone does not always send SIGHUP, and Textual would read its end for ever.
        tether.hold(sys.__stdin__.fileno())
    app = RcaApp(connect, name, armed, first=first, game=game)
    try:
        app.run()
    finally:
        app.poller.close()
