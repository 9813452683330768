"""One step of a method's explanation: its claim, a plot of its evidence, its numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.widgets import Static

from cluster.text.plain import plain
from rca_tui.draw.evidence import logs_of, numbers_of, plot_of
from rca_tui.draw.plot import Plot
from rca_tui.glyphs import WARN
from rca_tui.session import Diagnosis
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from methods.answer.types import Explanation, Step

PLOT = 9
"""Lines that a plot below sentences needs."""


class ExplanationView(Vertical):
    """One step of an explanation. A terminal of fewer than `roomy` lines shows the chart without the numbers."""

    def __init__(self, id: str, roomy: int = 0) -> None:
        super().__init__(id=id)
        self._roomy = roomy
        self._current: Step | None = None
        self._again: Callable[[], None] = lambda: None

    def on_resize(self) -> None:
        self._again()

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="said"):
            yield Static(classes="claim")
        yield Chart(classes="evidence")
        with VerticalScroll(classes="numbers"):
            yield Fitted(classes="figures")

    def show_text(self, *sentences: str, plot: Plot | None = None) -> None:
        """Sentences in place of an explanation, with a plot below them where there is room for one."""
        self._again = partial(self.show_text, *sentences, plot=plot)
        text = Text("\n".join(plain(sentence, 1000) for sentence in sentences))
        self.query_one(".claim", Static).update(text)
        chart = self.query_one(Chart)
        lines = len(text.wrap(self.app.console, max(1, self.size.width)))
        shown = plot is not None and self.size.height - lines >= PLOT  # the sentences come first
        chart.display, chart.plot = shown, plot
        self.query_one(".said").set_class(not shown, "-alone")
        self.query_one(".numbers").display = False

    def show_step(self, diagnosis: Diagnosis, explanation: Explanation, index: int) -> None:
        self._again = partial(self.show_step, diagnosis, explanation, index)
        step = explanation.steps[index]
        colour = self.app.theme_variables
        text = Text()
        text.append(f"{index + 1}/{len(explanation.steps)} ", style=f"bold {colour['primary']}")
        text.append(plain(step.title), style="bold").append("\n").append(plain(step.claim, 1200))
        if index == len(explanation.steps) - 1:
            for caveat in explanation.caveats:
                text.append(f"\n{WARN} {plain(caveat, 1200)}", style=colour["warning"])
        self.query_one(".claim", Static).update(text)
        self.query_one(".said").remove_class("-alone")
        plot, logs = plot_of(diagnosis, step), logs_of(diagnosis, step)
        chart = self.query_one(Chart)
        chart.display = plot is not None
        chart.plot = plot
        has_figures = numbers_of(step, self.size.width) is not None
        box = self.query_one(".numbers")
        room = plot is None or self.app.size.height >= self._roomy
        box.display = logs is not None or (has_figures and room)
        box.set_class(plot is None, "-alone")
        self.query_one(".figures", Fitted).show(lambda width, _: logs or numbers_of(step, width) or Text())
        if self._current is not step:  # the same step keeps its scroll position
            self._current = step
            for scrolled in (box, self.query_one(".said")):
                scrolled.scroll_home(animate=False)
