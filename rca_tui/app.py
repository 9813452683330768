"""The Textual app: state, keys and workers. It analyses nothing and waits for nothing itself.

    worker thread ── blocking call ──▶ frozen value ── message ──▶ reactive attribute ── follow() ──▶ screen
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.screen import Screen
from textual.worker import Worker, WorkerState

from rca_tui import messages
from rca_tui.bindings import EVERYWHERE, KeymapError, keymap_path, read_keymap
from rca_tui.injecting import Injector
from rca_tui.polling import Poller
from rca_tui.screens.dialogs import Help, Notice
from rca_tui.screens.diagnose import DiagnosePage
from rca_tui.screens.explain import ExplainPage
from rca_tui.screens.faults import FaultsPage
from rca_tui.screens.overview import OverviewPage
from rca_tui.screens.page import Page
from rca_tui.screens.telemetry import TelemetryPage
from rca_tui.state import STALE_AFTER, Diagnosis, Injection, Mark, Snapshot
from rca_tui.theme import DARK, LIGHT
from rca_tui.widgets.header import Header

if TYPE_CHECKING:
    from cluster.deployment import Deployment

POLL = 1.0
"""Seconds between looks at a live deployment."""
RETRY = 5
"""Looks to leave out after one that failed: a deployment that is down is not hammered."""


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
    }
    DEFAULT_MODE = "overview"
    HORIZONTAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-narrow"), (100, "-medium"), (140, "-wide")]
    VERTICAL_BREAKPOINTS: ClassVar[list[tuple[int, str]] | None] = [(0, "-short"), (28, "-high"), (44, "-tall")]
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
        self.injector = Injector(lambda: self.poller.deployment, armed)
        self._name = name
        self._skip = 0
        self._leaving = False

    @property
    def deployment_name(self) -> str:
        return self.latest.name if self.latest else self._name or "connecting"

    @property
    def replayed(self) -> bool:
        return self.latest is not None and self.latest.kind == "replay"

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
        for header in self.screen.query(Header):
            header.beat += 1
        if self.replayed:
            return
        if self._skip:
            self._skip -= 1
        elif not any(worker.group == "poll" and not worker.is_finished for worker in self.workers):
            self._look()

    def _look(self) -> None:
        self.run_worker(self._poll, thread=True, group="poll", exit_on_error=False)

    def _poll(self) -> None:
        self.post_message(messages.Polled(self.poller.poll()))

    def on_polled(self, message: messages.Polled) -> None:
        first = self.latest is None
        self.trouble = ""
        self.latest = message.snapshot
        if first and message.snapshot.incident is not None:
            self.estimate_onset()
        if not self.paused or self.shown is None:
            self.shown = message.snapshot

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A worker that raised: the app stays up and says what happened in one sentence."""
        if event.state is not WorkerState.ERROR:
            return
        error = event.worker.error
        sentence = str(error) if _expected(error) else f"{type(error).__name__}: {error}"
        self.log.error(sentence)
        if event.worker.group != "poll":
            self.post_message(messages.Failed(f"{event.worker.group} failed", sentence))
            return
        self._skip = RETRY
        if not self.trouble:
            self.push_screen(Notice("The deployment does not answer", sentence))
        self.trouble = sentence

    def on_failed(self, message: messages.Failed) -> None:
        self.push_screen(Notice(message.title, message.sentence))

    # -- what the screens ask for -------------------------------------------------------------------------------

    def estimate_onset(self) -> None:
        """Estimate the onset of the replayed incident in a worker."""
        from rca_tui.diagnosing import estimate

        incident = self.latest.incident if self.latest else None
        if incident is not None:
            self.run_worker(
                lambda: self.post_message(messages.OnsetFound(estimate(incident))),
                thread=True, exclusive=True, group="onset", exit_on_error=False,
            )  # fmt: skip

    def on_onset_found(self, message: messages.OnsetFound) -> None:
        if self.mark is None or not self.mark.by_operator:
            self.mark = message.mark

    def on_injection_changed(self, message: messages.InjectionChanged) -> None:
        self.injection = message.injection
        if self._leaving and not message.injection.open:
            self.exit()

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "abort":
            return self.injection is not None and self.injection.open
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
            self.push_screen(Help(self.screen.HELP, [(key, words) for key, words, _, _ in self._usable()]))

    def action_abort(self) -> None:
        """Undo the active fault in a worker; the journal's states come as messages."""
        self.injector.abort()

    async def action_quit(self) -> None:
        """Leave. A fault that is open is undone first, and we wait until it is or a person is needed."""
        if self.injection is None or not self.injection.open:
            self.exit()
            return
        self._leaving = True
        self.notify(f"undoing {self.injection.fault} on {self.injection.target} before leaving", markup=False)
        self.action_abort()

    def action_light(self) -> None:
        self.theme = LIGHT.name if self.theme == DARK.name else DARK.name

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """The palette: what can be done here and now, then the components."""
        for key, words, about, action in self._usable():
            yield SystemCommand(words, f"{about or words} ({key})", lambda action=action: self.run_action(action, screen))
        yield SystemCommand("Light or dark", "Switch between the two themes", self.action_light)
        for component in self.latest.topology.ids if self.latest else ():
            yield SystemCommand(f"Telemetry of {component}", "Open its signals", lambda c=component: self.open_telemetry(c))

    def open_telemetry(self, component: str, signal: str = "") -> None:
        self.subject = (component, signal)
        self.call_later(self.action_show, "telemetry")

    def _usable(self) -> list[tuple[str, str, str, str]]:
        """Key, words, explanation and action of the bindings that work on this screen now."""
        found: dict[str, tuple[str, str, str, str]] = {}
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            if enabled and binding.description and binding.id and not binding.system:
                key = self.get_key_display(cast("Binding", binding))
                found.setdefault(binding.id, (key, binding.description, tooltip, binding.action))
        return list(found.values())


def _expected(error: BaseException | None) -> bool:
    """Whether the error's own words are a sentence for the operator."""
    from cluster.deployment import DeploymentError
    from cluster.incident.store import IncidentError

    return isinstance(error, DeploymentError | IncidentError)


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
