"""e Events: what happened when, on one time line: onset, restarts, silences, faults, alerts, the platform's events."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.widgets import Static

from cluster.text.plain import plain
from methods.telemetry.happenings import Happening
from rca_tui import axis
from rca_tui.draw.charts import changed_most
from rca_tui.draw.evidence_rows import NAME, event_row
from rca_tui.draw.health import culprit
from rca_tui.known_events import known_events
from rca_tui.screens.timed import TimedPage
from rca_tui.session import Session, Snapshot
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.lines import Lines
from rca_tui.work import messages
from rca_tui.work.evidence import read_platform

AGAIN = 15.0
"""Seconds of new telemetry after which the platform's events are read again."""
AROUND, PLOT = 11, 8
"""Lines above and below the list of events, and those from which there is room for a chart below it."""
HEADING = f"{'time (UTC)':<10} {'onset':>9}   {'what':<9} {'component':<{NAME}} "


class EventsPage(TimedPage):
    KEY = "e"
    MODE = "events"
    HELP = (
        "What happened when: the onset and the way the verdict says the trouble spread, restarts, components whose "
        "telemetry ended or came back, the events that Kubernetes recorded, and a fault that was injected here. What "
        "was injected in a recorded drill is not told: that is what reveal is for. The marks on the time line stand on "
        "the axes of all charts, ◆ where they may be part of the trouble, and ✖ counts those; moving through the "
        "events moves the cursor of all charts, and shows what changed the most at the component of each. / keeps what "
        "contains the words, of a component too."
    )
    FOLLOWS = (
        Session.displayed,
        Session.mark,
        Session.moment,
        Session.span,
        Session.diagnosis,
        Session.injection,
        Session.platform,
    )

    def listing(self) -> ComposeResult:
        yield Static(HEADING, classes="heading", markup=False)
        yield Lines("events")
        yield Chart(id="event-chart")
        yield Static(id="event-text")

    def on_mount(self) -> None:
        self._events: tuple[Happening, ...] = ()
        self._read_end = -AGAIN
        self.focus_list()

    def focus_list(self) -> None:
        self.query_one("#events", Lines).focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            self.show_what(self.waiting())
            return
        self._read(snapshot)
        self.relist()

    def _read(self, snapshot: Snapshot) -> None:
        deployment = self.session.deployment
        if snapshot.incident is not None or deployment is None or abs(snapshot.end - self._read_end) < AGAIN:
            return
        self._read_end = snapshot.end
        self.work(partial(read_platform, deployment, snapshot, self.post_message), "platform")

    def on_platform_read(self, message: messages.PlatformRead) -> None:
        self.note = message.note
        self.session.platform = message.happenings
        self.refill()

    def relist(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            return
        words, everything = self.words.lower(), known_events(self.session, snapshot)
        listed = self.query_one("#events", Lines)
        self._events = tuple(e for e in everything if words in f"{e.what} {e.component} {e.text}".lower())
        times = np.asarray([each.time for each in self._events], dtype=np.float64)
        bad = np.asarray([each.time for each in self._events if each.bad], dtype=np.float64)
        self.show_line(snapshot, "events", times, bad)
        self.show_what(
            f"{len(self._events)} of {len(everything)} events" if words else f"{len(everything)} events",
            f"with “{self.words}”" if words else "",
        )
        listed.show(len(self._events), self._row, self._place(listed.cursor, times))
        self._show_event(snapshot)

    def _show_event(self, snapshot: Snapshot) -> None:
        """The whole text of the event under the cursor, and the signal of its component that changed the most."""
        listed = self.query_one("#events", Lines)
        event = self._events[listed.cursor] if listed.cursor < len(self._events) else None
        self.query_one("#event-text", Static).update(Text(plain(event.text, 1200) if event else ""))
        room = self.size.height - AROUND
        rows = min(len(self._events), room // 2)
        component = (event.component if event else "") or culprit(self.session, snapshot)
        plot = changed_most(self.session, snapshot, component) if room - rows >= PLOT else None
        listed.styles.height = "1fr" if plot is None else max(1, rows)
        chart, shown = self.query_one(Chart), axis.shown(self.session, snapshot)
        chart.display = plot is not None
        chart.plot = plot and replace(plot, start=shown.start, end=shown.end)

    def _place(self, cursor: int, times: np.ndarray) -> int:
        """The row for the cursor: the last event that is not after the shared cursor."""
        moment = self.session.moment
        if moment is None or (cursor < len(times) and times[cursor] == moment):
            return cursor
        return max(0, int(np.searchsorted(times, moment, side="right")) - 1)

    def _row(self, row: int, width: int) -> Text:
        mark = self.session.mark
        return event_row(self._events[row], mark.time if mark else None, width, self.app.theme_variables)

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_lines_moved(self, event: Lines.Moved) -> None:
        if (snapshot := self.session.displayed) is not None and self._events:
            self._show_event(snapshot)
            time = self._events[event.lines.cursor].time
            self.session.moment = min(max(time, snapshot.start), snapshot.end)

    def copied(self) -> str:
        rows = [f"{e.time:.3f}\t{e.what}\t{plain(e.component)}\t{plain(e.text, 2000)}" for e in self._events]
        return "\n".join(["time [s]\twhat\tcomponent\tevent", *rows])
