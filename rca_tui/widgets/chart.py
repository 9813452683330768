"""A chart widget: a `Plot` in the colours of the theme."""

from __future__ import annotations

from collections.abc import Mapping

from rich.style import Style
from rich.text import Text
from textual.app import RenderResult
from textual.events import Click
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from rca_tui.draw.plot import MARGIN, Palette, Plot, draw


class Chart(Widget):
    """Shows `plot`; without one, the sentence in `empty`."""

    DEFAULT_CSS = "Chart { height: 1fr; width: 1fr; min-height: 6; }"

    class Picked(Message):
        """A moment was clicked, in unix seconds."""

        def __init__(self, time: float) -> None:
            super().__init__()
            self.time = time

    plot: reactive[Plot | None] = reactive(None)
    empty: reactive[str] = reactive("")

    def render(self) -> RenderResult:
        if self.plot is None:
            return Text(self.empty, style="dim")
        palette = palette_of(self.app.theme_variables)
        return draw(self.plot, self.content_size.width, self.content_size.height, palette)

    def on_click(self, event: Click) -> None:
        columns, plot = self.content_size.width - MARGIN, self.plot
        offset = event.get_content_offset(self)
        if plot is not None and offset is not None and MARGIN <= offset.x < MARGIN + columns:
            share = (offset.x - MARGIN + 0.5) / columns
            self.post_message(self.Picked(plot.start + share * (plot.end - plot.start)))


def palette_of(colour: Mapping[str, str]) -> Palette:
    """The styles of charts out of a theme's variables."""
    return Palette(
        line=Style.parse(colour["chart-line"]),
        peer=Style.parse(colour["chart-peer"]),
        axis=Style.parse(colour["chart-axis"]),
        onset=Style.parse(f"bold {colour['chart-onset']}"),
        cursor=Style.parse(colour["chart-cursor"]),
        level=Style.parse(colour["chart-level"]),
        shade=Style.parse(f"on {colour['chart-shade']}"),
    )
