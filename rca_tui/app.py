"""The Textual app: state, keys and workers. It analyses nothing and waits for nothing itself.

worker thread ── blocking call ──▶ frozen value ── message ──▶ reactive attribute ── follow() ──▶ screen
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import App, SystemCommand
from textual.binding import BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from cluster.deployment import DeploymentKind
from rca_tui import palette
from rca_tui.bindings import EVERYWHERE, KeymapError, keymap_path, read_keymap
from rca_tui.screens.checks import ChecksPage
from rca_tui.screens.diagnose import DiagnosePage
from rca_tui.screens.dialogs import Help, Notice
from rca_tui.screens.explain import ExplainPage
from rca_tui.screens.faults import FaultsPage
from rca_tui.screens.overview import OverviewPage
from rca_tui.screens.page import Page
from rca_tui.screens.telemetry import TelemetryPage
from rca_tui.session import STALE_AFTER, Diagnosis, Injection, Mark, Snapshot
from rca_tui.theme import DARK, LIGHT
from rca_tui.widgets.header import Header
from rca_tui.work import messages
from rca_tui.work.injection import Injector
from rca_tui.work.polling import Poller
from rca_tui.work.threads import in_thread, sentence

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from guidelines.checkup import Report

POLL = 1.0
"""Seconds between looks at a live deployment; one that is scraped less often is looked at less often."""
RETRY = 5
"""Looks to leave out after one that failed: a deployment that is down is not hammered."""
INTO_TROUBLE = 30.0
"""Seconds after the onset at which a replayed incident is first shown."""


class RcaApp(App[None]):
    """The app over one deployment.

    Args:
        connect: gives the deployment, live or replayed. Called in a worker thread, so that the first paint waits for
            nothing; called again while it raises.
        name: what the header shows until the deployment has told its own.
        armed: whether faults may be injected. False removes injection from keys, palette, help and engine alike.
        clock: unix seconds.
    """

    TITLE = "rca_tui"
    CSS_PATH = "app.tcss"
    MODES: ClassVar[dict[str, str | Callable[[], Screen[None]]]] = {
        "overview": OverviewPage,
        "telemetry": TelemetryPage,
        "faults": FaultsPage,
        "diagnose": DiagnosePage,
        "explain": ExplainPage,
        "checks": ChecksPage,
    }
    DEFAULT_MODE = "overview"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (28, "-high"), (44, "-tall")]  # noqa: RUF012
    BINDINGS: ClassVar[list[BindingType]] = EVERYWHERE

    latest: reactive[Snapshot | None] = reactive(None)
    shown: reactive[Snapshot | None] = reactive(None)
    trouble: reactive[str] = reactive("")
    paused: reactive[bool] = reactive(False)
    mark: reactive[Mark | None] = reactive(None)
    moment: reactive[float | None] = reactive(None)
    span: reactive[float] = reactive(240.0)
    subject: reactive[tuple[str, str] | None] = reactive(None)
    diagnosis: reactive[Diagnosis | None] = reactive(None)
    method: reactive[str] = reactive("")
    injection: reactive[Injection | None] = reactive(None)
    report: reactive[Report | None] = reactive(None)
    check: reactive[str] = reactive("")

    def __init__(
        self,
        connect: Callable[[], Deployment],
        name: str = "",
        armed: bool = False,
        clock: Callable[[], float] = time.time,
        stale_after: float = STALE_AFTER,
    ) -> None:
        super().__init__()
        self.clock = clock
        self.armed = armed
        self.stale_after = stale_after
        self.poller = Poller(connect, clock)
        self.injector = Injector(lambda: self.poller.deployment, armed, clock)
        self._name = name
        self._estimated: Mark | None = None
        self.onset_searched = False
        self._skip = 0
        self._leaving = False

    @property
    def deployment_name(self) -> str:
        return self.latest.name if self.latest else self._name or "connecting"

    @property
    def replayed(self) -> bool:
        return self.latest is not None and self.latest.kind is DeploymentKind.REPLAY

    def on_mount(self) -> None:
        for theme in (DARK, LIGHT):
            self.register_theme(theme)
        self.theme = DARK.name
        try:
            self.set_keymap(read_keymap(keymap_path()))
        except KeymapError as error:
            self.notify(str(error), severity="warning", markup=False)
        self.set_interval(POLL, self._tick)
        self._look()

    def _tick(self) -> None:
        for screen in self.screen_stack:
            for header in screen.query(Header):
                header.beat += 1
        if self.replayed:
            return
        if self._skip:
            self._skip -= 1
        elif not any(worker.group == "poll" and not worker.is_finished for worker in self.workers):
            self._look()

    def _look(self) -> None:
        self.run_worker(self._poll, **in_thread("poll"))

    def _poll(self) -> None:
        self.post_message(messages.Polled(self.poller.poll()))

    def on_polled(self, message: messages.Polled) -> None:
        first = self.latest is None
        self.trouble = ""
        self.latest = message.snapshot
        self._skip = max(0, round(message.snapshot.step / POLL) - 1)
        if first and message.snapshot.incident is not None:
            self.estimate_onset()
        elif first and self.armed:
            self.run_worker(self._look_for_left_over, **in_thread("left over"))
        if not self.paused or self.shown is None:
            self.shown = message.snapshot

    def _look_for_left_over(self) -> None:
        if (found := self.injector.left_over()) is not None:
            self.post_message(messages.InjectionChanged(found))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that raised: the app stays up and says what happened in one sentence."""
        if event.state is not WorkerState.ERROR:
            return
        words = sentence(event.worker.error)
        self.log.error(words)
        if event.worker.group != "poll":
            self.post_message(messages.Failed(f"{event.worker.group} failed", words))
            return
        self._skip = RETRY
        if not self.trouble:
            self.push_screen(Notice("The deployment does not answer", words))
        self.trouble = words

    def on_failed(self, message: messages.Failed) -> None:
        self.push_screen(Notice(message.title, message.sentence))

    # -- what the screens ask for -------------------------------------------------------------------------------

    def estimate_onset(self) -> None:
        """Mark the estimated onset of the replayed incident; the first time, estimate it in a worker."""
        from rca_tui.work.diagnosis import estimate

        incident = self.latest.incident if self.latest else None
        if self.onset_searched:
            self.mark = self._estimated
        elif incident is not None:
            self.run_worker(lambda: self.post_message(messages.OnsetFound(estimate(incident))), **in_thread("onset"))

    def on_onset_found(self, message: messages.OnsetFound) -> None:
        if self.replayed:
            self._estimated, self.onset_searched = message.mark, True
        if self.mark is None or not self.mark.by_operator:
            self.mark = message.mark
        if self.replayed and self.moment is None and self.mark and self.latest:
            # A recording ends when all is well again: show it in the middle of the trouble.
            self.moment = min(self.mark.time + INTO_TROUBLE, self.latest.end)

    def survey(self) -> None:
        """Put the checks of `guidelines` to the deployment in a worker: its telemetry of the last two minutes."""
        deployment = self.poller.deployment
        if deployment is None:
            return

        def look() -> None:
            from guidelines import checkup, survey

            self.post_message(messages.Surveyed(checkup.run(survey.of_deployment(deployment, self.clock()))))

        self.run_worker(look, **in_thread("survey"))

    def on_surveyed(self, message: messages.Surveyed) -> None:
        self.report = message.report

    def on_injection_changed(self, message: messages.InjectionChanged) -> None:
        self.injection = message.injection
        if self._leaving and not message.injection.open:
            self.exit()
        elif self._leaving and message.injection.stuck:
            self._leaving = False
            undo = f" Undo it with: {message.injection.undo}" if message.injection.undo else ""
            self.push_screen(Notice("Not undone", f"{message.injection.detail}.{undo} Press q again to leave it so."))

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "abort":
            return self.injection is not None and self.injection.open and not self.injection.reverting
        return True

    async def action_show(self, mode: str) -> None:
        if len(self.screen_stack) == 1:
            await self.switch_mode(mode)

    def action_pause(self) -> None:
        self.paused = not self.paused
        if not self.paused:
            self.shown = self.latest

    def action_copy(self) -> None:
        if isinstance(self.screen, Page) and (text := self.screen.copied()):
            self.copy_to_clipboard(text)
            self.notify(f"copied {len(text.splitlines())} lines")

    def action_help(self) -> None:
        if isinstance(self.screen, Page):
            keys = [(one.key, one.words) for one in palette.usable(self.screen)]
            self.push_screen(Help(self.screen.help_text, [*keys, ("ctrl+p", "Command palette")]))

    def action_abort(self) -> None:
        """Undo the active fault, or try again what is left; the journal's states come as messages."""
        left = self.injection
        if left is not None and (left.inherited or left.stuck):
            self.run_worker(partial(self.injector.recover, left, self.post_message), **in_thread("recovery"))
        else:
            self.injector.abort()

    async def action_quit(self) -> None:
        """Leave. A fault that is open is undone first, and we wait until it is or a person is needed."""
        if self.injection is None or not self.injection.open or self.injection.stuck:
            self.exit()
            return
        if self._leaving:
            return
        self._leaving = True
        self.notify(f"undoing {self.injection.fault} on {self.injection.target} before leaving", markup=False)
        if not self.injection.reverting:
            self.action_abort()

    def action_light(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        return palette.commands(self, screen)

    def open_telemetry(self, component: str, signal: str = "") -> None:
        self.subject = (component, signal)
        self.call_later(self.action_show, "telemetry")

    def open_check(self, name: str) -> None:
        self.check = name
        self.call_later(self.action_show, "checks")


def run_app(connect: Callable[[], Deployment], name: str = "", armed: bool = False) -> None:
    """Show the app until the operator leaves.

    Args:
        connect: gives the deployment: `LocalDeployment.connect`, or a function that loads an incident and returns a
            `ReplayDeployment`. It runs in a worker thread after the first paint; `DeploymentError` and `IncidentError`
            become a notice, and it is asked again.
        name: shown in the header until `connect` has returned.
        armed: allow faults to be injected.
    """
    app = RcaApp(connect, name, armed)
    try:
        app.run()
    finally:
        app.poller.close()
