"""Lists to choose from, with a search field: recorded incidents, and the contexts of the kubeconfig."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from cluster.errors import RcaError
from cluster.text.plain import plain
from rca_tui.draw.text import fit
from rca_tui.glyphs import BAD
from rca_tui.screens.dialogs import type_into
from rca_tui.session import Choice
from rca_tui.widgets.rows import Layout, Rows
from rca_tui.work import messages
from rca_tui.work.threads import in_thread

if TYPE_CHECKING:
    from faults.scenario import Scenario

MOST = 300
"""Rows that are shown at a time: more are found by searching."""
ANY = ""
"""Key of a drill without a scenario."""
NARROW = 12
"""Cells that the last column has at least; where there is no room for it, it is left out."""


class Picker(ModalScreen[str]):
    """Returns the key of the chosen row, None after escape. Rows are read in a worker thread."""

    TITLE: ClassVar[str] = ""
    EMPTY: ClassVar[str] = ""
    COLUMNS: ClassVar[Layout] = []
    """Headings and widths; the last column takes the room that is left."""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Close", show=False),
        Binding("down", "cursor('cursor_down')", "Down", show=False),
        Binding("up", "cursor('cursor_up')", "Up", show=False),
        Binding("pagedown", "cursor('page_down')", "Page down", show=False),
        Binding("pageup", "cursor('page_up')", "Page up", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._choices: tuple[Choice, ...] | None = None
        self._early = False
        self._searched = ""

    @abstractmethod
    def choices(self) -> tuple[Choice, ...]:
        """The rows. Blocks; raises RcaError."""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog -list"):
            yield Static(Text(self.TITLE), classes="dialog-title")
            yield Input(placeholder="words to search for", id="search", compact=True)
            yield Rows("picked")
            yield Static(Text("Reading …", style="dim"), id="count")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.app.run_worker(self._read, **in_thread("list"))

    def _read(self) -> None:
        try:
            self.post_message(messages.Listed(self.choices(), ""))
        except RcaError as error:
            self.post_message(messages.Listed((), str(error)))

    def on_listed(self, message: messages.Listed) -> None:
        if message.problem:
            colour = self.app.theme_variables["error"]
            self.query_one("#count", Static).update(Text(f"{BAD} {plain(message.problem, 1200)}", style=colour))
            return
        self._choices = message.choices
        self._fill(first=True)
        if self._early:
            self._choose()

    def on_resize(self) -> None:
        self._fill()

    def on_input_changed(self) -> None:
        self._fill(first=True)

    def _fill(self, first: bool = False) -> None:
        """Show what matches, with the cursor where it was or on the `first` row."""
        if self._choices is None:
            return
        self._searched = self.query_one(Input).value
        words = self._searched.casefold().split()
        # Those with the words in the name come first: a number is also a part of many times.
        found = sorted((c for c in self._choices if c.matches(words)), key=lambda c: not c.named(words))
        rows = self.query_one(Rows)
        layout = self._layout(rows.size.width - 1)  # one cell is left for the scrollbar
        shown = [
            (c.key, [Text(fit(cell, width - 1)) for cell, (_, width) in zip(c.cells, layout, strict=False)])
            for c in found[:MOST]
        ]
        rows.fill(layout, shown, found[0].key if first and found else None)
        note = f"{len(found)} of {len(self._choices)}" if self._choices else self.EMPTY
        if len(found) > MOST:
            note += f", the first {MOST} are shown"
        self.query_one("#count", Static).update(Text(f"{note} · enter opens · escape closes", style="dim"))

    def _layout(self, width: int) -> Layout:
        """As many columns as there is room for; the last one takes what is left."""
        layout = list(self.COLUMNS)
        while len(layout) > 1 and sum(cells for _, cells in layout[:-1]) + NARROW > width:
            layout.pop()
        return [*layout[:-1], (layout[-1][0], max(NARROW, width - sum(cells for _, cells in layout[:-1])))]

    # -- keys ---------------------------------------------------------------------------------------------------

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_cursor(self, move: str) -> None:
        getattr(self.query_one(Rows), f"action_{move}")()

    def on_key(self, event: events.Key) -> None:
        type_into(self.query_one(Input), event)
        if event.key == "enter" and self.focused is None:
            self.on_input_submitted()

    def on_input_submitted(self) -> None:
        # Who types faster than the rows are read means the first that matches.
        self._early = self._choices is None and bool(self.query_one(Input).value.strip())
        self._choose()

    def on_data_table_row_selected(self) -> None:
        self._choose()

    def _choose(self) -> None:
        if self.query_one(Input).value != self._searched:  # enter came before what was typed has been searched for
            self._fill(first=True)
        if (key := self.query_one(Rows).key) is not None:
            self.dismiss(key)


class IncidentPicker(Picker):
    """Recorded incidents: those saved here, the newest first, then the shipped ones. Nothing of the truth is read."""

    TITLE = "Open an incident"
    EMPTY = "there are none yet"
    COLUMNS: ClassVar[Layout] = [("incident", 14), ("began, UTC", 17), ("lasts", 11), ("from", 15), ("tags", 0)]

    def choices(self) -> tuple[Choice, ...]:
        from cluster.incident import library

        def order(row: library.Row) -> tuple[bool, float]:
            began = row.summary.window.start if row.summary else 0.0
            return row.listing.shipped, 0.0 if row.listing.shipped else -began

        return tuple(
            Choice(
                row.listing.name,
                (row.listing.name, row.began.removesuffix(" UTC"), row.lasts, row.origin, row.about),
                " ".join(row.summary.components) if row.summary else "",
            )
            for row in sorted(library.rows(), key=order)
        )


class ScenarioPicker(Picker):
    """Scenarios of drills, the easiest first, after a recording that chance draws. The key is empty for that one."""

    TITLE = "Play a drill"
    EMPTY = "there are none"
    COLUMNS: ClassVar[Layout] = [("scenario", 24), ("level", 6), ("replays", 8), ("title", 0)]

    def choices(self) -> tuple[Choice, ...]:
        from faults import scenario_library
        from rca_tui.drill import choice

        recordings = list(choice.recordings())

        def row(name: str, scenario: Scenario) -> Choice:
            replays = sum(choice.fits(one, scenario) for one in recordings)
            cells = (name, str(scenario.difficulty), str(replays or "none"), scenario.title)
            return Choice(name, cells, scenario.story)

        listed = ((one.name, one.scenario) for one in scenario_library.listings() if one.scenario is not None)
        shipped = sum(one.shipped for one in recordings)
        return (
            Choice(ANY, ("any recording", "", str(shipped), "Chance draws a shipped one.")),
            *(row(name, scenario) for name, scenario in listed),
        )


class ContextPicker(Picker):
    """The contexts of the kubeconfig, the current one first."""

    TITLE = "Connect to a cluster"
    EMPTY = "the kubeconfig has no context"
    COLUMNS: ClassVar[Layout] = [("context", 28), ("namespace", 18), ("cluster", 0)]

    def choices(self) -> tuple[Choice, ...]:
        from cluster.kubernetes import kubeconfig

        return tuple(
            Choice(one.name, (f"{one.name}{' (current)' if one.current else ''}", one.namespace, one.cluster))
            for one in kubeconfig.contexts()
        )
