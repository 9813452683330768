"""What all screens have in common: header, footer, copying, and following the session."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.geometry import Size
from textual.screen import Screen

from cluster.text.plain import plain
from cluster.text.times import clock_time, instant
from rca_tui.first_frame import FirstFrame
from rca_tui.session import Observed, Session
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.header import Header
from rca_tui.widgets.keys import Keys
from rca_tui.work.injection import Injector
from rca_tui.work.threads import in_thread

OVERVIEW, DIAGNOSE, FRONT = "overview", "diagnose", "front"
"""Modes of the screens that open first: of what is live, of a recording, and of the page to choose one."""
HEADER = (Session.latest, Session.problem, Session.paused, Session.injection)
"""What the header shows."""
LOGS = Binding("l", "app.show('logs')", "Logs", id="show.logs", tooltip="Logs of the chosen component")
"""Where a component is chosen the footer shows the key to its logs: they are what one reads next."""


class Page(Screen[None]):
    """A screen with the persistent header and footer. Subclasses define `KEY`, `MODE`, `HELP`, `body` and `refill`.

    Args:
        session: state of the app.
        injector: for faults.
    """

    KEY: ClassVar[str] = ""
    MODE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    OF_COMPONENT: ClassVar[bool] = False
    """Opened from another screen, it shows the component that is chosen there."""
    FOLLOWS: ClassVar[tuple[Observed[Any], ...]] = ()
    """Attributes of the session: `refill` is called after a change of one of these."""

    def __init__(self, session: Session, injector: Injector) -> None:
        super().__init__()
        self.session = session
        self.injector = injector
        self._ready = self._filling = False
        self._filled = Size(0, 0)
        self._keys: dict[str, tuple[bool, str, bool]] | None = None

    def compose(self) -> ComposeResult:
        if isinstance(self.app, FirstFrame):
            self.app.fit_classes(self)
        yield Header(self.session, self.MODE)
        yield from self.body()
        yield Keys(self.advertises)

    def body(self) -> ComposeResult:
        """The widgets between header and footer."""
        yield from ()

    def on_mount(self) -> None:
        self._ready = True
        self.session.follow((*self.FOLLOWS, *HEADER), self.update_page)
        if Session.diagnosis not in self.FOLLOWS:
            self.session.follow((Session.diagnosis,), self._update_header)
        # Lines hold their colours: a new theme means rendering them again.
        self.app.theme_changed_signal.subscribe(self, lambda _: self.update_page())

    def on_unmount(self) -> None:
        self._ready = False
        self.app.theme_changed_signal.unsubscribe(self)  # else it keeps the screen, and all that was open with it

    def on_screen_resume(self) -> None:
        self.update_page()

    def on_resize(self) -> None:
        if self.size != self._filled:
            self.update_page()

    def update_page(self) -> None:
        """Bring header, body and footer up to date. A hidden screen does nothing; it catches up when it is shown."""
        if self._shows and not self._filling:
            self._filled = self.size
            self._filling = True  # what `refill` chooses, such as the first method, it shows itself
            try:
                self.query_one(Header).tick += 1
                self.refill()
            finally:
                self._filling = False
            self.update_keys()

    def _update_header(self) -> None:
        if self._shows:
            self.query_one(Header).tick += 1

    @property
    def _shows(self) -> bool:
        # Of a screen that is taken away, or whose app ends, the widgets go first: until it goes itself it is still the
        # current one.
        return self._ready and self.app.is_running and self.is_current and bool(self.query(Header))

    def update_keys(self) -> None:
        """Let the footer show the keys that work now. It flickers when it is redrawn: only after a change."""
        keys = {
            key: (active.enabled, active.binding.action, self.advertises(active.binding.action))
            for key, active in self.active_bindings.items()
        }
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    def advertises(self, action: str) -> bool:
        """Whether footer, help and palette show the key of an action: not one that only says why it does nothing."""
        if action == "app.diagnose":
            return self.session.displayed is not None
        return action != "show('drill')" or self.session.game is not None

    @property
    def help_text(self) -> str:
        return self.HELP

    def show_screen(self, mode: str) -> None:
        """Switch to another screen."""
        self.app.call_later(self.app.run_action, f"app.show('{mode}')")

    def work(self, function: Callable[[], object], group: str) -> None:
        """Run something that blocks in a thread; a newer worker of the same group replaces the older one."""
        # The app owns the worker: it hears of one that failed, whatever screen is shown then.
        self.app.run_worker(function, **in_thread(group))

    def on_chart_picked(self, message: Chart.Picked) -> None:
        if Session.moment in self.FOLLOWS:
            self.session.moment = round(message.time)

    def refill(self) -> None:
        """Show the session as it is now."""

    @property
    def chosen(self) -> str:
        """The component that the cursor is on, "" where it is on none."""
        return ""

    def copied(self) -> str:
        """What `y` copies."""
        return ""

    @property
    def copies_command(self) -> bool:
        """Whether `copied` is a command, which has to stand alone."""
        return False


def provenance(session: Session) -> str:
    """One line: the incident or deployment, its window, and the onset."""
    parts = [plain(session.name)]
    if (snapshot := session.displayed) is not None:
        parts.append(f"{instant(snapshot.start)} to {instant(snapshot.end)}")
    if session.mark is not None:
        parts.append(f"{session.mark.label} {clock_time(session.mark.time)}")
    return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Later:
    """A page that is imported when it is first shown: the first paint does not wait for it, nor for what it reads with.

    `place` is its module and class; the rest is as in the class.
    """

    KEY: str
    MODE: str
    place: str
    OF_COMPONENT: bool = False

    def __call__(self, session: Session, injector: Injector) -> Page:
        return self.load()(session, injector)

    def load(self) -> type[Page]:
        module, _, name = self.place.partition(":")
        found: type[Page] = getattr(import_module(module), name)
        return found
