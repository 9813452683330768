"""The part of the app that opens things: one deployment or incident at a time, and another at any time."""

from __future__ import annotations

import asyncio
import time
from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from cluster.text.plain import plain
from rca_tui.first_frame import FirstFrame
from rca_tui.screens.page import DIAGNOSE, FRONT, OVERVIEW, Later, Page
from rca_tui.session import STALE_AFTER, Session
from rca_tui.work import messages, opening
from rca_tui.work.alarm import Alarm
from rca_tui.work.diagnosis import Diagnoser
from rca_tui.work.injection import Injector
from rca_tui.work.mailbox import Mailbox
from rca_tui.work.polling import Poller
from rca_tui.work.recording import save_live
from rca_tui.work.threads import in_thread

if TYPE_CHECKING:
    from cluster.deployment import Deployment
    from rca_tui.game import Game
    from rca_tui.screens.front import FrontPage

DRILL = "drill"
"""Mode of the screen that is there only while a drill is played."""


class Opener(FirstFrame):
    """What is open: its session, its workers and its screens, replaced as a whole when something else is opened.

    Args:
        connect: returns the deployment, live or replayed. Called in a worker thread, so that the first paint does not
            wait; called again after it raised. None opens the front page, where the operator chooses.
        name: shown in the header until the deployment has told its own.
        armed: whether faults may be injected. False removes injection from keys, palette, help and engine alike.
        clock: unix seconds.
        stale_after: seconds without a new sample after which data no longer counts as live.
        first: mode of the screen that opens first.
        game: the drill that is played on it; None without one.
    """

    PAGES: ClassVar[tuple[type[Page] | Later, ...]] = ()
    """The screens of what is open, in the order of their tabs."""

    def __init__(
        self,
        connect: Callable[[], Deployment] | None,
        name: str = "",
        armed: bool = False,
        clock: Callable[[], float] = time.time,
        stale_after: float = STALE_AFTER,
        first: str = OVERVIEW,
        game: Game | None = None,
    ) -> None:
        super().__init__()
        self._first = first if connect else FRONT
        self._armed, self._clock, self._stale_after = armed, clock, stale_after
        self._quitting = False
        self._wanted: opening.Source | None = None
        self.add_mode(FRONT, self._front)
        self._set_up(connect, name, armed, first, game)

    async def on_mount(self) -> None:
        # Not as `DEFAULT_MODE`: Textual keeps the screen that it starts with to its end, with all that was open.
        # Not by `switch_mode`: it shows, fills and styles a new screen twice.
        mounted = self._init_mode(self._first)
        self._current_mode = self._first
        await mounted

    def _set_up(
        self, connect: Callable[[], Deployment] | None, name: str, armed: bool, first: str, game: Game | None
    ) -> None:
        """Session, workers and screens of what is open; `first` is the screen that is shown."""
        self.idle = connect is None
        tabs = [(page.KEY, page.MODE) for page in self.PAGES if game is not None or page.MODE != DRILL]
        self.poller = Poller(connect or opening.local().connect, self._clock)
        self.session = Session(name, armed, self.poller.now, self._stale_after, tabs)
        self.session.game = game
        self.mailbox = Mailbox(self.post_message)
        self.injector = Injector(lambda: self.poller.deployment, armed, self._clock)
        self.diagnoser = Diagnoser(self.session, self.mailbox.post)
        self.alarm = Alarm()
        self._polls_to_skip = 0
        self._last_page = first
        self._recorded = first == DIAGNOSE  # what is live opens elsewhere
        for page in self.PAGES:
            self.add_mode(page.MODE, partial(self._page, page))

    def _front(self) -> FrontPage:
        from rca_tui.screens.front import FrontPage

        return FrontPage(lambda: self.session, lambda: self.idle, self._armed)

    def _page(self, page: type[Page] | Later) -> Page:
        return page(self.session, self.injector)

    @abstractmethod
    def _start_poll(self) -> None:
        """Read what is open, in a worker thread."""

    def on_open_asked(self, message: messages.OpenAsked) -> None:
        """Connect to it; what is open stays open until then, and where that fails."""
        injection, source = self.session.held, message.source
        if self.session.in_live_drill:
            self.notify("a live drill runs: commit a guess, or give it up with X", severity="warning")
            return
        if injection is not None:
            first = "X undoes it first" if injection.open else "its incident is saved in a minute"
            self.notify(f"{injection.fault} is {injection.label}: {first}", severity="warning", markup=False)
            return
        self.leave_drill(partial(self._connect, source))

    def leave_drill(self, then: Callable[[], object]) -> None:
        """Go on with `then`; while a drill runs only once the player has said so."""
        if (game := self.session.game) is None or not game.running:
            then()
            return
        from rca_tui.screens.leave import LeaveDialog

        def answered(leaves: bool | None) -> None:
            if leaves:
                then()

        self.push_screen(LeaveDialog(game), answered)

    def _connect(self, source: opening.Source) -> None:
        """Connect to what replaces what is open."""
        if self.session.owes_score:
            self.notify("your score is being written: open it again in a moment", severity="warning")
            return
        self._wanted = source
        self.notify(f"opening {plain(source.name)} …", timeout=2, markup=False)

        def connect() -> None:
            self.post_message(messages.Opened(source, source.connect()))

        self.run_worker(connect, **in_thread("opening"))

    async def on_opened(self, message: messages.Opened) -> None:
        if message.source is not self._wanted:
            self.run_worker(message.deployment.close, **in_thread("closing"))
            return
        self.mailbox.close()
        await asyncio.sleep(0)
        # After what is in the queue about the deployment before.
        self.call_later(self._replace, message.source, message.deployment)

    async def _replace(self, source: opening.Source, deployment: Deployment) -> None:
        """Show another deployment or incident: everything that belongs to the one before is replaced."""
        self.diagnoser.cancel()
        self.workers.cancel_node(self)
        self.run_worker(self.poller.close, **in_thread("closing"))
        await self.switch_mode(FRONT)
        for page in self.PAGES:
            self.remove_mode(page.MODE)
        first = DRILL if source.game else OVERVIEW if source.live else DIAGNOSE
        self._set_up(source.connect, source.name, self._armed and source.live, first, source.game)
        self.poller.deployment = deployment
        await self.switch_mode(first)
        self._start_poll()

    async def action_show(self, mode: str) -> None:
        if len(self.screen_stack) > 1:
            return
        if mode == DRILL and self.session.game is None:
            self.notify("no drill is played: 0, then d, plays one")
            return
        of_component = any(page.OF_COMPONENT for page in self.PAGES if mode == page.MODE)
        if of_component and isinstance(self.screen, Page) and (chosen := self.screen.chosen):
            self.session.component = chosen
        if mode != FRONT:
            self._last_page = mode
        await self.switch_mode(mode)

    def action_pick(self) -> None:
        from rca_tui.screens.picker import IncidentPicker

        def chosen(name: str | None) -> None:
            if name is not None:
                self.post_message(messages.OpenAsked(opening.incident(name)))

        self.push_screen(IncidentPicker(), chosen)

    async def action_front(self) -> None:
        await self.action_show(FRONT)

    async def action_back(self) -> None:
        """Return from the front page to what is open."""
        await self.action_show(self._last_page)

    def action_save(self) -> None:
        """Save the last minutes of a live deployment; a replayed incident is saved already."""
        deployment = self.session.deployment
        if self.session.replayed:
            self.notify(f"this is a recording, saved as {plain(self.session.name)}", markup=False)
        elif deployment is None:
            self.notify(self._no_telemetry, severity="warning", markup=False)
        else:
            now = self.session.clock()
            save = lambda: self.post_message(messages.Saved(save_live(deployment, now), sealed=False))  # noqa: E731
            self.notify("saving the last minutes …", timeout=3)
            self.run_worker(save, **in_thread("saving"))

    def on_saved(self, message: messages.Saved) -> None:
        what = ", its cause sealed" if message.sealed else ""
        sentence = f"saved as {message.path.stem}{what}; ctrl+o opens it. File: {plain(message.path)}"
        self.notify(sentence, timeout=20, markup=False)

    @property
    def _no_telemetry(self) -> str:
        problem = self.session.problem
        return "there is no telemetry yet" + (f": {plain(problem, 1000)}" if problem else "")
