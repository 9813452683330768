"""What all screens have in common: header, footer, copying, and hearing of changes."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.screen import Screen
from textual.widgets import Footer

from rca_tui.widgets.header import Header
from rca_tui.work.threads import in_thread

if TYPE_CHECKING:
    from rca_tui.app import RcaApp


class Page(Screen[None]):
    """A screen with the persistent header and footer. Subclasses give `body`, `MODE`, `HELP` and `follow`."""

    MODE: ClassVar[str] = ""
    HELP: ClassVar[str] = ""
    FOLLOWS: ClassVar[tuple[str, ...]] = ()
    """The app's reactive attributes after whose changes `follow` is called."""

    @property
    def rca(self) -> RcaApp:
        return cast("RcaApp", self.app)

    def compose(self) -> ComposeResult:
        yield Header(self.MODE)
        yield from self.body()
        yield Footer(show_command_palette=False, compact=False)

    def body(self) -> ComposeResult:
        yield from ()

    _ready = False
    _keys: dict[str, bool] | None = None

    def on_mount(self) -> None:
        self._ready = True
        for name in self.FOLLOWS:
            self.watch(self.app, name, self._followed, init=False)
        # Lines hold their colours: a new theme means drawing them anew.
        self.app.theme_changed_signal.subscribe(self, lambda _: self._followed())
        self._followed()

    def on_screen_resume(self) -> None:
        self._followed()

    def on_resize(self) -> None:
        self._followed()

    def _followed(self) -> None:
        # A screen that nobody sees does no work; it catches up when it is shown again.
        if self._ready and self.is_current:
            self.query_one(Header).beat += 1
            self.follow()
            self.offer_keys()

    def offer_keys(self) -> None:
        """Let the footer follow what can be done now. It is drawn anew only when that has changed: it flickers."""
        keys = {key: active.enabled for key, active in self.active_bindings.items()}
        if keys != self._keys:
            self._keys = keys
            self.refresh_bindings()

    @property
    def help_text(self) -> str:
        return self.HELP

    def work(self, function: Callable[[], object], group: str) -> None:
        """Run something that blocks in a thread; a newer one of the same group takes its place."""
        # The app owns the worker: it hears of one that failed, whatever screen is shown then.
        self.app.run_worker(function, **in_thread(group))

    def follow(self) -> None:
        """Show the app's state as it is now."""

    def copied(self) -> str:
        """What `y` copies."""
        return ""
