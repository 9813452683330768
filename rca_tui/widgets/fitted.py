"""Text that is drawn for the room that it has."""

from __future__ import annotations

from collections.abc import Callable

from rich.console import RenderableType
from textual.widgets import Static


class Fitted(Static):
    """Shows what a function draws for a width and a height in cells, anew when they change."""

    def __init__(self, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._draw: Callable[[int, int], RenderableType] | None = None

    def show(self, draw: Callable[[int, int], RenderableType]) -> None:
        self._draw = draw
        self._redraw()

    def on_resize(self) -> None:
        self._redraw()
        self.call_after_refresh(self.refresh, layout=True)  # one asked for in the middle of a layout is not made

    def _redraw(self) -> None:
        if self._draw is not None:
            self.update(self._draw(self.content_size.width, self.content_size.height))
