"""The time line of a screen, in the colours of the theme."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.reactive import reactive
from textual.widget import Widget

from rca_tui.draw.timeline import TimeLine, draw
from rca_tui.widgets.chart import palette_of


class TimeLineView(Widget):
    """Shows `line`."""

    DEFAULT_CSS = "TimeLineView { height: 3; width: 1fr; }"

    line: reactive[TimeLine | None] = reactive(None)

    def render(self) -> RenderResult:
        if self.line is None:
            return Text()
        colour = self.app.theme_variables
        return draw(self.line, self.content_size.width, palette_of(colour), Style.parse(f"bold {colour['error']}"))
