"""A table with a row cursor, and the field that filters it. The left and right keys stay free for the screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widget import Widget
from textual.widgets import DataTable
from textual.widgets.data_table import RowKey

from rca_tui.theme import FEW_COLOURS
from rca_tui.widgets.filter import Filter

Layout = list[tuple[str, int]]


class Rows(DataTable[Text], inherit_bindings=False):
    """Rows by key. `fill` keeps the cursor on the same key; `opens`: enter on a row has an action.

    `coloured`: the row under the cursor keeps the colours of its cells, where the terminal has enough of them.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", id="rows.open"),
        Binding("up,k", "cursor_up", "Up", id="rows.up", show=False),
        Binding("down,j", "cursor_down", "Down", id="rows.down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
        # Before the next key is looked at, which is for the field.
        Binding(
            "slash",
            "filter",
            "Filter",
            id="rows.filter",
            key_display="/",
            tooltip="Show what matches",
            show=False,
            priority=True,
        ),
    ]

    def __init__(self, id: str, header: bool = True, opens: bool = True, coloured: bool = False) -> None:
        super().__init__(
            id=id,
            cursor_type="row",
            cell_padding=0,
            show_header=header,
            cursor_foreground_priority="renderable" if coloured else "css",
        )
        self._opens = opens
        self._layout: Layout = []
        self._rows: list[tuple[str, list[Text]]] = []
        self._words = ""

    def on_mount(self) -> None:
        if self.app.console.color_system in FEW_COLOURS:
            self.cursor_foreground_priority = "css"

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_coordinate(self.cursor_coordinate):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "filter":
            return not hasattr(self.screen, "action_filter")  # a screen may filter by itself
        return self._opens if action == "select_cursor" else True

    def fill(self, layout: Layout, rows: list[tuple[str, list[Text]]], select: str | None = None) -> None:
        """Show rows (key, cells) under headings (name, width). Rows with the same keys are updated in place.

        The cursor moves to the row `select`, or keeps its key, without a `RowHighlighted` message. While the list is
        filtered, the rows that match are shown.
        """
        self._rows = rows
        with self.prevent(DataTable.RowHighlighted):
            self._fill(layout, self._matching(), select)

    def narrow(self, words: str) -> None:
        """Show the rows whose key or cells have all the words; a key that the cursor comes to is highlighted."""
        self._words = words
        self._fill(self._layout, self._matching(), None)

    def _matching(self) -> list[tuple[str, list[Text]]]:
        words = self._words.casefold().split()
        if not words:
            return self._rows
        said = ((row, " ".join((row[0], *(cell.plain for cell in row[1]))).casefold()) for row in self._rows)
        return [row for row, text in said if all(word in text for word in words)]

    async def action_filter(self) -> None:
        """Open the field, or go back to it. It has the focus before the next key is looked at."""
        field = next((each for each in self.screen.query(ListFilter) if each.rows is self), None)
        if field is None and isinstance(self.parent, Widget):
            field = ListFilter(self)
            await self.parent.mount(field)
        self.screen.set_focus(field)

    def _fill(self, layout: Layout, rows: list[tuple[str, list[Text]]], select: str | None) -> None:
        wanted = select or self.key
        keys = [key for key, _ in rows]
        if layout == self._layout and keys == [str(key.value) for key in self.rows]:
            changed = [
                ((r, c), cell)
                for r, (_, cells) in enumerate(rows)
                for c, cell in enumerate(cells)
                if not _alike(self.get_cell_at((r, c)), cell)  # type: ignore[arg-type]
            ]
            for place, cell in changed:
                self.update_cell_at(place, cell)  # type: ignore[arg-type]
            if changed:
                self._clear_caches()  # else it keeps up to 10,000 cells that were drawn before, and never uses them
        else:
            self._layout = list(layout)
            self.clear(columns=True)
            for name, width in layout:
                self.add_column(Text(name), width=width)
            for key, cells in rows:
                self.add_row(*cells, key=key)
        if wanted in keys and wanted != self.key:
            self.move_cursor(row=keys.index(wanted))


def _alike(one: Text, other: Text) -> bool:
    """Whether two cells look the same. Texts that differ in their base style alone are equal."""
    return one == other and one.style == other.style


class ListFilter(Filter):
    """At the bottom, keeps the rows of a list that have all the words: enter goes to the list, escape shows all."""

    DEFAULT_CSS = "ListFilter { dock: bottom; height: 1; }"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", "All", show=False)]

    def __init__(self, rows: Rows) -> None:
        super().__init__("words, enter, esc")
        self.rows = rows

    def on_input_changed(self, event: Filter.Changed) -> None:
        event.stop()
        self.rows.narrow(event.value)

    async def on_input_submitted(self, event: Filter.Submitted) -> None:
        event.stop()
        if not event.value.strip():
            await self.action_close()
            return
        self.screen.set_focus(self.rows)
        if (key := self.rows.key) is not None:
            self.rows.post_message(Rows.RowHighlighted(self.rows, self.rows.cursor_row, RowKey(key)))

    async def action_close(self) -> None:
        self.rows.narrow("")
        self.screen.set_focus(self.rows)
        await self.remove()
