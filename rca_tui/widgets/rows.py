"""A table with a row cursor. The left and right keys stay free for the screen."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import DataTable

Layout = list[tuple[str, int]]


class Rows(DataTable[Text], inherit_bindings=False):
    """Rows by key. `fill` keeps the cursor on the same key; `opens`: enter on a row has an action.

    `coloured`: the row under the cursor keeps the colours of its cells.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", id="rows.open"),
        Binding("up,k", "cursor_up", "Up", id="rows.up", show=False),
        Binding("down,j", "cursor_down", "Down", id="rows.down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("pagedown", "page_down", "Page down", show=False),
        Binding("home", "scroll_top", "First", show=False),
        Binding("end", "scroll_bottom", "Last", show=False),
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

    @property
    def key(self) -> str | None:
        """The key of the row under the cursor."""
        if not self.is_valid_coordinate(self.cursor_coordinate):
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._opens if action == "select_cursor" else True

    def fill(self, layout: Layout, rows: list[tuple[str, list[Text]]], select: str | None = None) -> None:
        """Show rows (key, cells) under headings (name, width). Rows with the same keys are updated in place.

        The cursor moves to the row `select`, or keeps its key, without a `RowHighlighted` message.
        """
        with self.prevent(DataTable.RowHighlighted):
            self._fill(layout, rows, select)

    def _fill(self, layout: Layout, rows: list[tuple[str, list[Text]]], select: str | None) -> None:
        wanted = select or self.key
        keys = [key for key, _ in rows]
        if layout == self._layout and keys == [str(key.value) for key in self.rows]:
            for r, (_, cells) in enumerate(rows):
                for c, cell in enumerate(cells):
                    if self.get_cell_at((r, c)) != cell:  # type: ignore[arg-type]
                        self.update_cell_at((r, c), cell)  # type: ignore[arg-type]
        else:
            self._layout = list(layout)
            self.clear(columns=True)
            for name, width in layout:
                self.add_column(Text(name), width=width)
            for key, cells in rows:
                self.add_row(*cells, key=key)
        if wanted in keys and wanted != self.key:
            self.move_cursor(row=keys.index(wanted))
