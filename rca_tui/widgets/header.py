"""The two lines on top of every screen: which deployment, armed or not, how fresh its data is, where we are."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.events import Click
from textual.reactive import reactive
from textual.widgets import Static

from cluster.deployment import Liveness
from cluster.text.plain import plain
from cluster.text.times import date_time, span
from faults.states import State
from rca_tui.draw.text import fit
from rca_tui.theme import BAD, GOOD, UNKNOWN, WARN

if TYPE_CHECKING:
    from rca_tui.app import RcaApp

ROOMY = 100
"""Cells from which all tabs and the fault fit into one line."""
TABS = (("1", "overview"), ("2", "telemetry"), ("3", "faults"), ("4", "diagnose"), ("5", "explain"), ("6", "checks"))


class Tab(Static):
    """The name of a screen; a click goes there."""

    def __init__(self, key: str, mode: str, here: bool) -> None:
        self._whole, self._short = Text.assemble((key, "bold"), " ", mode.capitalize()), Text(key, "bold")
        super().__init__(self._whole, classes="-here" if here else "")
        self.mode = mode
        self._here = here

    def shorten(self, short: bool) -> None:
        """Only the key, unless we are here: to make room for the fault."""
        self.update(self._short if short and not self._here else self._whole)

    async def on_click(self, event: Click) -> None:
        event.stop()
        await self.app.run_action(f"app.show('{self.mode}')")


class Header(Vertical):
    """Persistent header. It reads the app's state; `beat` is turned by the app once a second so that ages grow."""

    beat: reactive[int] = reactive(0, init=False)

    def __init__(self, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self._composed = False

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        with Horizontal(id="tabs"):
            for key, mode in TABS:
                yield Tab(key, mode, mode == self.mode)
            yield Static(id="fault")

    def on_mount(self) -> None:
        self._composed = True
        self.watch_beat()

    def watch_beat(self) -> None:
        if not self._composed:
            return
        # While the screen is being taken down the lines may be gone already.
        for line in self.query("#status").results(Static):
            line.update(self._status())
        fault = self._fault()
        for line in self.query("#fault").results(Static):
            line.update(fault)
        for tab in self.query(Tab):
            tab.shorten(bool(fault) and self.size.width < ROOMY)

    def on_resize(self) -> None:
        self.watch_beat()

    def _status(self) -> Text:
        app = cast("RcaApp", self.app)
        colour = app.theme_variables
        glyph, words, tint = freshness(app)
        armed = (f"{WARN} ARMED", colour["warning"]) if app.armed else (f"{UNKNOWN} READ-ONLY", colour["secondary"])
        right = Text(no_wrap=True)
        if app.paused:
            right.append("‖ PAUSED", style=f"bold {colour['accent']}").append("  ")
        right.append(armed[0], style=f"bold {armed[1]}").append("  ")
        right.append(f"{glyph} {words} ", style=f"bold {colour[tint]}")
        room = self.size.width - right.cell_len - 11
        name = fit(app.deployment_name, max(8, room))
        left = Text.assemble((" rca_tui ", f"bold {colour['primary']}"), (name, "bold"))
        message = app.latest.message if app.latest else app.trouble
        rest = room - len(name) - 3
        if message and rest > 12:
            left.append("  " + fit(message, rest), style="dim")
        left.append(" " * max(1, self.size.width - left.cell_len - right.cell_len))
        return left.append_text(right)

    def _fault(self) -> Text:
        app = cast("RcaApp", self.app)
        active = app.injection
        if active is None or not active.open:
            return Text()
        how = active.label
        if active.state is State.ACTIVE and active.deadline is not None:
            how = span(max(0.0, active.deadline - app.clock()))
        words = " ".join(word for word in (BAD, plain(active.fault), plain(active.target), how) if word)
        return Text(words, style=f"bold {app.theme_variables['error']}", no_wrap=True, overflow="ellipsis")


def freshness(app: RcaApp) -> tuple[str, str, str]:
    """Glyph, words and theme colour for how fresh the data is. A look that hangs makes the age grow by itself."""
    seen = app.latest
    if seen is None:
        return (BAD, "DOWN", "error") if app.trouble else (UNKNOWN, "CONNECTING", "secondary")
    if seen.liveness is Liveness.REPLAY:
        return "▶", f"REPLAY {date_time(seen.start)}", "primary"
    age = None if seen.newest is None else max(0.0, app.clock() - seen.newest)
    how_old = "" if age is None else f" {age:.1f} s" if age < 10 else f" {span(age)}"
    if app.trouble or seen.liveness is Liveness.DOWN:
        return BAD, f"DOWN{how_old}", "error"
    if age is None or age > max(app.stale_after, seen.fresh) or seen.liveness is Liveness.STALE:
        return WARN, f"STALE{how_old}", "warning"
    return GOOD, f"LIVE{how_old}", "success"
