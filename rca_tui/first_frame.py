"""The app up to its first frame: nothing is parsed, styled or collected twice, and what is heavy waits for it."""

from __future__ import annotations

import gc
import threading
from typing import Any

from rich.console import RenderableType
from textual.screen import Screen

from rca_tui.key_order import KeyOrder
from rca_tui.theme import begin_dark

PATIENCE = 5.0
"""Seconds at most that threads wait for the first frame: what they import, such as pandas, would hold it up."""


class FirstFrame(KeyOrder):
    """An app that knows whether it has painted: `painted` is set after its first frame."""

    def __init__(self) -> None:
        self.painted = threading.Event()
        if not gc.isenabled():  # `rca_tui.commands.screen`
            gc.freeze()  # what is imported, and nothing of what is open: that has to be let go
        super().__init__()
        self._colours = begin_dark(self)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        super()._display(screen, renderable)
        if not self.painted.is_set():
            self.painted.set()
            gc.enable()

    def refresh_css(self, animate: bool = True) -> None:
        if self.painted.is_set() or self._colours != self.get_css_variables():
            super().refresh_css(animate)
        else:  # the theme at the start: the style sheet was parsed with its colours, and all but the app has its styles
            self.stylesheet.apply(self, animate=animate)

    def fit_classes(self, screen: Screen[Any]) -> None:
        """Give a screen the classes of its size before it has widgets: given later, all of them are styled again."""
        for cells, breakpoints in zip(self.size, (self.HORIZONTAL_BREAKPOINTS, self.VERTICAL_BREAKPOINTS), strict=True):
            here = max((point for point in breakpoints or () if cells >= point[0]), default=None)
            screen.update_classes({point[1]: point == here for point in breakpoints or ()}, update=False)
