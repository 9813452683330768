"""What the screens of logs, traces and events have in common: the time line, its keys, and the filter."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Input, Static

from cluster.text.plain import plain
from rca_tui import axis
from rca_tui.axis import Axis
from rca_tui.draw.charts import onset_label
from rca_tui.draw.plot import MARGIN
from rca_tui.draw.timeline import TimeLine
from rca_tui.known_events import known_events
from rca_tui.screens.page import Page
from rca_tui.session import Snapshot
from rca_tui.widgets.filter import Filter
from rca_tui.widgets.timeline import TimeLineView

NO_TIMES: NDArray[np.float64] = np.zeros(0)


class TimedPage(Page):
    """Subclasses define `listing`, the widgets below the time line, and `relist`, called when a filter changes."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            id="time.filter",
            key_display="/",
            tooltip="Show what contains the words",
            priority=True,  # before the next key is looked at, which is for the field
        ),
        Binding("escape", "everything", "All", id="time.everything", tooltip="Remove all filters", show=False),
        Binding("left", "shift(-1)", "Cursor", id="time.left", key_display="←→"),
        Binding("right", "shift(1)", "Cursor right", id="time.right", show=False),
        Binding("left_square_bracket", "zoom(-1)", "Window", id="time.shorter", key_display="[ ]"),
        Binding("right_square_bracket", "zoom(1)", "Longer window", id="time.longer", show=False),
    ]

    note = ""
    """Why something is missing."""

    def body(self) -> ComposeResult:
        yield TimeLineView(classes="timeline")
        yield Static(classes="shown")
        yield from self.listing()
        yield Filter("words", id="filter")

    def listing(self) -> ComposeResult:
        yield from ()

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False

    def relist(self) -> None:
        """Select and order anew what is listed."""

    @property
    def words(self) -> str:
        """What the operator filters by."""
        return self.query_one("#filter", Input).value.strip()

    def show_line(self, snapshot: Snapshot, what: str, times: NDArray[np.float64], bad: NDArray[np.float64]) -> None:
        """The time line with the times of what is listed, and of what of it failed."""
        session = self.session
        self.query_one(TimeLineView).line = TimeLine(
            axis.shown(session, snapshot),
            what,
            times,
            bad,
            [(each.time, each.bad) for each in known_events(session, snapshot)],
            session.mark.time if session.mark else None,
            onset_label(session.mark),
            session.moment,
        )

    def show_what(self, *parts: str) -> None:
        """One line that says what is listed, and what is missing."""
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append(" · ".join(plain(part) for part in parts if part), style="bold")
        if self.note:
            text.append(f"  {plain(self.note)}", style=self.app.theme_variables["warning"])
        self.query_one(".shown", Static).update(text)

    def waiting(self) -> str:
        return plain(self.session.problem) or "Connecting to the deployment …"

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "filter" or not isinstance(self.focused, Input)

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)  # at once: the next key is for the field

    def action_everything(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.display = False
        self.session.component = ""
        self.focus_list()
        self.relist()

    def focus_list(self) -> None:
        """Give the focus back to the list."""

    def on_input_changed(self) -> None:
        self.relist()

    def on_input_submitted(self) -> None:
        if not self.words:
            self.query_one("#filter", Input).display = False
        self.focus_list()

    def action_shift(self, by: int) -> None:
        if (snapshot := self.session.displayed) is not None:
            axis.move(self.session, snapshot, by, self.size.width - MARGIN)

    def action_zoom(self, by: int) -> None:
        if (snapshot := self.session.displayed) is not None:
            axis.zoom(self.session, snapshot, by)

    def next_component(self) -> None:
        """Show the next component's alone; after the last, those of all."""
        names = ["", *(self.session.displayed.topology.ids if self.session.displayed else ())]
        at = names.index(self.session.component) if self.session.component in names else 0
        self.session.component = names[(at + 1) % len(names)]


def within(times: NDArray[np.float64], shown: Axis) -> NDArray[np.bool_]:
    """Which times lie in the window."""
    return np.asarray((times >= shown.start) & (times <= shown.end), dtype=np.bool_)
