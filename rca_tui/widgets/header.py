"""The lines on top of every screen: the deployment, whether it is armed, the age of its data; the tabs; the verdict.

What the deployment says of itself has a line of its own where it does not fit.
"""

from __future__ import annotations

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
from rca_tui.glyphs import BAD, GOOD, UNKNOWN, WARN
from rca_tui.session import Session

OLD = 60.0
"""Seconds after the window that was judged from which the verdict on a live deployment has an age."""


class Tab(Static):
    """The key and name of a screen; a click opens it."""

    def __init__(self, key: str, mode: str, current: bool) -> None:
        self._whole = Text.assemble((key, "bold"), " ", mode.capitalize())
        self._short = self._whole if current else Text(key, "bold")
        super().__init__(self._whole, classes="-here" if current else "")
        self.mode = mode

    @property
    def cells(self) -> int:
        """Width with the whole name."""
        return self._whole.cell_len + 2

    @property
    def saved(self) -> int:
        """Cells that showing only the key saves; none for the current screen, which keeps its name."""
        return self._whole.cell_len - self._short.cell_len

    def shorten(self, short: bool) -> None:
        """Show only the key."""
        self.update(self._short if short else self._whole)

    async def on_click(self, event: Click) -> None:
        event.stop()
        await self.app.run_action(f"app.show('{self.mode}')")


class Answer(Static):
    """The verdict in one line; a click opens its card."""

    async def on_click(self, event: Click) -> None:
        event.stop()
        await self.app.run_action("app.show('diagnose')")


class Header(Vertical):
    """Persistent header. `tick` is incremented each second to refresh age labels."""

    tick: reactive[int] = reactive(0, init=False)

    def __init__(self, session: Session, mode: str) -> None:
        super().__init__()
        self.mode = mode
        self._session = session
        self._composed = False

    def compose(self) -> ComposeResult:
        yield Static(id="status")
        yield Static(id="message")
        with Horizontal(id="tabs"):
            for key, mode in self._session.tabs:
                yield Tab(key, mode, mode == self.mode)
            yield Static(id="fault")
        yield Answer(id="answer")

    def on_mount(self) -> None:
        self._composed = True
        self.watch_tick()

    def watch_tick(self) -> None:
        if not self._composed:
            return
        # While the screen is being removed the lines may be gone already.
        message = self._session.latest.message if self._session.latest else self._session.problem
        status, whole = self._status(message)
        for line in self.query("#status").results(Static):
            line.update(status)
        for line in self.query("#message").results(Static):
            line.display = not whole
            line.update(Text(plain(message, 600)))
        fault = self._fault()
        for line in self.query("#fault").results(Static):
            line.update(fault)
        answer = self._answer()
        for line in self.query(Answer):
            line.display = answer is not None
            line.update(answer or "")
        tabs = list(self.query(Tab))
        excess = sum(tab.cells for tab in tabs) + (fault.cell_len + 2 if fault else 0) - self.size.width
        for tab in reversed(tabs):  # the screens of the first tabs come first in every use
            tab.shorten(excess > 0 and tab.saved > 0)
            excess -= tab.saved

    def on_resize(self) -> None:
        self.watch_tick()

    def _status(self, message: str) -> tuple[Text, bool]:
        """The first line, and whether the message is in it as a whole; where it does not fit it is not in it."""
        session, colour = self._session, self.app.theme_variables
        glyph, label, tint = freshness(session)
        armed = (f"{WARN} ARMED", colour["warning"]) if session.armed else (f"{UNKNOWN} READ-ONLY", colour["secondary"])
        right = Text(no_wrap=True)
        if session.paused:
            right.append("‖ PAUSED", style=f"bold {colour['accent']}").append("  ")
        right.append(armed[0], style=f"bold {armed[1]}").append("  ")
        right.append(f"{glyph} {label} ", style=f"bold {colour[tint]}")
        room = self.size.width - right.cell_len - 11
        name = fit(session.name, max(8, room))
        left = Text.assemble((" rca_tui ", f"bold {colour['primary']}"), (name, "bold"))
        whole = len(plain(message)) <= room - len(name) - 3
        if message and whole:
            left.append("  " + plain(message), style="dim")
        left.append(" " * max(1, self.size.width - left.cell_len - right.cell_len))
        return left.append_text(right), whole or not message

    def _answer(self) -> Text | None:
        """The verdict in one line, with its age where it is no longer new; without one, the worst component.

        None in a drill before the guess, where nobody has asked; where nothing is in trouble either; and where the
        screen says it itself: Overview the component, Diagnose the verdict, but for its age.
        """
        diagnosis, verdict = self._session.diagnosis, self._session.verdict
        if diagnosis is None or verdict is None:
            return None if self.mode == "overview" or self._session.unhelped else self._trouble()
        from rca_tui.draw.verdict import one_line, sign

        colour = self.app.theme_variables
        glyph, tint = sign(verdict)
        age = 0.0 if self._session.replayed else self._session.clock() - diagnosis.incident.window.end
        if self.mode == "diagnose" and age < OLD:
            return None
        old = f"  {span(age)} ago" if age >= OLD else ""
        who, what = one_line(verdict, self.size.width - 4 - len(old))
        text = Text.assemble((f" {glyph} {who}", f"bold {colour[tint]}"), what, no_wrap=True, overflow="ellipsis")
        return text.append(old, style="dim")

    def _trouble(self) -> Text | None:
        if self._session.displayed is None:
            return None
        from rca_tui.draw.health import in_trouble

        worst = in_trouble(self._session, self.size.width - 2)
        if worst is None:
            return None
        return Text(f" {worst[0]}", style=f"bold {self.app.theme_variables[worst[1]]}", no_wrap=True)

    def _fault(self) -> Text:
        injection = self._session.injection
        if injection is None or not injection.open:
            return Text()
        state = injection.label
        if injection.state is State.ACTIVE and injection.deadline is not None:
            state = span(max(0.0, injection.deadline - self._session.clock()))
        label = " ".join(part for part in (BAD, plain(injection.fault), plain(injection.target), state) if part)
        return Text(label, style=f"bold {self.app.theme_variables['error']}", no_wrap=True, overflow="ellipsis")


def outdated(session: Session) -> bool:
    """Whether what is shown may no longer be so: no new sample has come for too long, or nothing answers."""
    return freshness(session)[0] in (WARN, BAD)


def freshness(session: Session) -> tuple[str, str, str]:
    """Glyph, label and theme colour for the age of the data, which grows by the clock also while a poll hangs."""
    snapshot = session.latest
    if snapshot is None:
        return (BAD, "DOWN", "error") if session.problem else (UNKNOWN, "CONNECTING", "secondary")
    if snapshot.liveness is Liveness.REPLAY:
        return "▶", f"REPLAY {date_time(snapshot.start)}", "primary"
    age = None if snapshot.newest is None else max(0.0, session.clock() - snapshot.newest)
    age_label = "" if age is None else f" {age:.1f} s" if age < 10 else f" {span(age)}"
    if session.problem or snapshot.liveness is Liveness.DOWN:
        return BAD, f"DOWN{age_label}", "error"
    if age is None or age > max(session.stale_after, snapshot.fresh) or snapshot.liveness is Liveness.STALE:
        return WARN, f"STALE{age_label}", "warning"
    return GOOD, f"LIVE{age_label}", "success"
