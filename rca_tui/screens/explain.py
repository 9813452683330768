"""5 Explain: the steps of one method's explanation, each beside its evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from cluster.text.plain import plain
from rca_tui.draw.charts import changed_most
from rca_tui.draw.evidence import as_text
from rca_tui.draw.rankings import CONSENSUS, consensus_sentences
from rca_tui.draw.text import fit
from rca_tui.screens.page import Page
from rca_tui.session import Session
from rca_tui.widgets.explanation import ExplanationView
from rca_tui.widgets.rows import Rows

if TYPE_CHECKING:
    from methods.answer.types import Explanation

STEPS, STEPS_WIDE = 24, 38
"""Width of the list of steps in cells, in a narrow and in a wide terminal."""
WHAT_CONSENSUS_IS = "The consensus is the mean of the rankings (Borda count); it has no steps of its own."


class ExplainPage(Page):
    KEY = "5"
    MODE = "explain"
    HELP = (
        "The steps from the telemetry to the method's ranking, each with its claim, its numbers and its evidence in "
        "the incident. The shaded area is the time that the step refers to, the dashed lines are its levels."
    )
    FOLLOWS = (Session.diagnosis, Session.method)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right", "step(1)", "Step", id="explain.next", key_display="n p"),
        Binding("p,left", "step(-1)", "Previous step", id="explain.previous", show=False),
        Binding("g", "check", "Guideline", id="explain.check", tooltip="The check that this step depends on"),
        Binding("escape", "back", "Back", id="explain.back"),
    ]

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="steps-pane"):
                yield Static(id="explained")
                yield Rows("steps", header=False, opens=False)
            yield ExplanationView("large")

    def on_mount(self) -> None:
        self.query_one(Rows).focus()

    def refill(self) -> None:
        explanation = self._explanation
        self.query_one("#explained", Static).update(Text(plain(self.session.method), style="bold"))
        has_steps = explanation is not None and bool(explanation.steps)
        self.query_one("#steps-pane").display = has_steps
        if explanation is None or not has_steps:
            self.query_one(Rows).fill([("", STEPS)], [])
            self._show_absence()
            return
        width = STEPS_WIDE if self.size.width >= 100 else STEPS
        steps = [(str(i), [Text(fit(f"{i + 1} {step.title}", width))]) for i, step in enumerate(explanation.steps)]
        self.query_one(Rows).fill([("", width)], steps)
        self._show_step()

    @property
    def _explanation(self) -> Explanation | None:
        from methods.answer.types import Ranking

        diagnosis = self.session.diagnosis
        result = diagnosis.results.get(self.session.method) if diagnosis else None
        return result.outcome.explanation if result and isinstance(result.outcome, Ranking) else None

    def _show_absence(self) -> None:
        """Why there are no steps; of the consensus what it is made of, and what changed at the component it blames."""
        diagnosis, snapshot, view = self.session.diagnosis, self.session.displayed, self.query_one(ExplanationView)
        consensus = diagnosis.consensus if diagnosis is not None and self.session.method == CONSENSUS else None
        if diagnosis is None or consensus is None:
            view.show_text(self._absence)
            return
        first = next(iter(consensus.top), "")
        plot = changed_most(self.session, snapshot, first, diagnosis.mark) if snapshot is not None else None
        view.show_text(WHAT_CONSENSUS_IS, *consensus_sentences(consensus, diagnosis.mark), plot=plot)

    @property
    def _absence(self) -> str:
        """Why there are no steps."""
        from methods.answer.types import NoRanking

        diagnosis = self.session.diagnosis
        result = diagnosis.results.get(self.session.method) if diagnosis else None
        if result is None and diagnosis is not None and diagnosis.running and self.session.method:
            return f"{self.session.method} has not answered yet."
        if result is None:
            return "Nothing to explain yet: press 4, then R to run the methods."
        return result.outcome.detail if isinstance(result.outcome, NoRanking) else "This method gave no explanation."

    @property
    def _at(self) -> int | None:
        """Number of the step under the cursor, counted from 0."""
        key, explanation = self.query_one(Rows).key, self._explanation
        at = None if key is None or explanation is None else int(key)
        return at if at is not None and explanation is not None and at < len(explanation.steps) else None

    def _show_step(self) -> None:
        explanation, diagnosis = self._explanation, self.session.diagnosis
        at = self._at
        if explanation is not None and diagnosis is not None and at is not None:
            self.query_one(ExplanationView).show_step(diagnosis, explanation, at)

    def on_data_table_row_highlighted(self) -> None:
        self._show_step()

    def action_step(self, by: int) -> None:
        table = self.query_one(Rows)
        table.move_cursor(row=min(max(0, table.cursor_row + by), max(0, table.row_count - 1)))

    def action_check(self) -> None:
        from rca_tui.draw.step_check import check_of

        explanation, at = self._explanation, self._at
        if explanation is None or at is None:
            return
        if name := check_of(explanation.steps[at]):
            self.session.check = name
            self.show_screen("checks")
        else:
            self.notify("no check covers the evidence of this step")

    def action_back(self) -> None:
        self.show_screen("diagnose")

    def copied(self) -> str:
        explanation = self._explanation
        return as_text(self.session.method, explanation) if explanation else ""
