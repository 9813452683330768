"""A list of any length with a row cursor: a row is drawn when it is shown, and never before."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.binding import Binding, BindingType
from textual.events import Click
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from rca_tui.theme import FEW_COLOURS

Draw = Callable[[int, int], Text]
"""Row and width in cells to the line that shows it."""


class Lines(ScrollView, can_focus=True, inherit_bindings=False):
    """Shows `count` rows, each by a call. The left and right keys stay free for the screen."""

    DEFAULT_CSS = "Lines { scrollbar-size-vertical: 1; overflow-x: hidden; overflow-y: auto; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", id="lines.up", show=False),
        Binding("down,j", "move(1)", "Down", id="lines.down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(0)", "First", show=False),
        Binding("end", "edge(1)", "Last", show=False),
        Binding("enter", "open", "Open", id="lines.open", show=False),
    ]

    class Moved(Message):
        """The operator has moved the cursor."""

        def __init__(self, lines: Lines) -> None:
            self.lines = lines
            super().__init__()

        @property
        def control(self) -> Lines:
            return self.lines

    class Opened(Moved):
        """Enter was pressed on a row."""

    def __init__(self, id: str) -> None:
        super().__init__(id=id)
        self.count, self.cursor = 0, 0
        self._draw: Draw = lambda row, width: Text()

    def show(self, count: int, draw: Draw, cursor: int | None = None) -> None:
        """Show so many rows; the cursor stays where it is unless a row is given."""
        taller, self.count, self._draw = count != self.count, count, draw
        self.virtual_size = Size(0, count)
        self.cursor = self._bounded(self.cursor if cursor is None else cursor)
        self._reveal()
        self.call_after_refresh(self._reveal)  # before the first layout, and after a change of its height
        self.refresh(layout=taller and self.styles.is_auto_height)

    def select(self, row: int) -> None:
        """Move the cursor, without a message."""
        row, before = self._bounded(row), self.cursor
        if row != before:
            self.cursor = row
            self._redraw(before)
            self._redraw(row)
            self._reveal()

    def render_line(self, y: int) -> Strip:
        width, row = self.scrollable_content_region.width, y + int(self.scroll_offset.y)
        if not 0 <= row < self.count:
            return Strip.blank(width, self.rich_style)
        text, style = self._draw(row, width), self.rich_style
        if row == self.cursor:
            style += self._cursor_style()
            if self.app.console.color_system in FEW_COLOURS:  # its own colours may be the background's
                text, style = Text(text.plain), style + self._cursor_style("foreground")
        segments = Segment.apply_style(text.render(self.app.console), style)
        return Strip(segments).adjust_cell_length(width, style)

    def _cursor_style(self, part: str = "background") -> Style:
        name = f"block-cursor-{'' if self.has_focus else 'blurred-'}{part}"
        return Style.parse(("on " if part == "background" else "") + self.app.theme_variables[name])

    def on_focus(self) -> None:
        self._redraw(self.cursor)

    def on_blur(self) -> None:
        self._redraw(self.cursor)

    def on_resize(self) -> None:
        self._reveal()

    def on_click(self, event: Click) -> None:
        self._go(event.y + int(self.scroll_offset.y))

    def action_move(self, by: int) -> None:
        self._go(self.cursor + by)

    def action_page(self, by: int) -> None:
        self._go(self.cursor + by * max(1, self.size.height - 1))

    def action_edge(self, last: int) -> None:
        self._go(self.count - 1 if last else 0)

    def action_open(self) -> None:
        if self.count:
            self.post_message(self.Opened(self))

    def _go(self, row: int) -> None:
        before = self.cursor
        self.select(row)
        if self.count and self.cursor != before:
            self.post_message(self.Moved(self))

    def _bounded(self, row: int) -> int:
        return min(max(0, row), max(0, self.count - 1))

    def _redraw(self, row: int) -> None:
        self.refresh_line(row)

    def _reveal(self) -> None:
        """Scroll only as far as the cursor needs."""
        height, top = self.size.height, int(self.scroll_offset.y)
        if height <= 0:
            return
        wanted = min(top, self.cursor) if self.cursor < top else max(top, self.cursor - height + 1)
        if wanted != top:
            self.scroll_to(y=wanted, animate=False, immediate=True)
