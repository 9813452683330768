"""6 Checks: which faults this telemetry cannot diagnose, and what to change."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from cluster.text.plain import plain
from rca_tui.draw.text import fit
from rca_tui.glyphs import BAD, GOOD, UNKNOWN
from rca_tui.screens.page import Page
from rca_tui.session import Session
from rca_tui.widgets.rows import Rows
from rca_tui.work import messages
from rca_tui.work.survey import survey

if TYPE_CHECKING:
    from guidelines.checkup import Checked, Report

LIST, LIST_WIDE = 30, 44
"""Width of the list of checks in cells, in a narrow and in a wide terminal."""
_MARKS = {"pass": (GOOD, "success"), "fail": (BAD, "error"), "unknown": (UNKNOWN, "secondary")}


class ChecksPage(Page):
    KEY = "6"
    MODE = "checks"
    HELP = (
        "Checks of this deployment's telemetry: ● pass, ✖ fail, ○ unknown, which does not count as a pass. The page "
        "on the right says what was found, what to set and where, why it matters, and how much accuracy was lost on "
        "recorded drills without it; tab moves the focus there, to scroll. A live deployment is checked once, when "
        "this screen is first opened; R repeats the checks."
    )
    FOLLOWS = (Session.report, Session.check)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n,right", "step(1)", "Check", id="checks.next", key_display="n p"),
        Binding("p,left", "step(-1)", "Previous check", id="checks.previous", show=False),
        Binding("R", "again", "Check again", id="checks.again", tooltip="Run the checks on the deployment again"),
    ]

    _asked = False
    _read = ""

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="checks-pane"):
                yield Static(id="score")
                yield Rows("checks", header=False, opens=False)
            with VerticalScroll(id="check-page", can_focus=True):
                yield Static(id="check-text")

    def on_mount(self) -> None:
        self.query_one(Rows).focus()

    def refill(self) -> None:
        report = self.session.report
        if report is None:
            if (deployment := self.session.deployment) is not None and not self._asked:
                self._asked = True
                self.work(partial(survey, deployment, self.session.clock(), self.post_message), "survey")
            self.query_one("#check-text", Static).update(
                Text(plain(self.session.problem) or "Checking the telemetry …")
            )
            return
        colour, width = self.app.theme_variables, LIST_WIDE if self.size.width >= 100 else LIST
        score = Text(f"{report.score} checks pass", style="bold")
        score.append(f", {sum(c.finding.verdict == 'fail' for c in report.checked)} fail", style="dim")
        self.query_one("#score", Static).update(score)
        rows = []
        for each in report.checked:
            glyph, tint = _MARKS[each.finding.verdict]
            name = fit(f"{each.guideline.number:>2} {each.guideline.title}", width - 2)
            rows.append((each.guideline.name, [Text.assemble((f"{glyph} ", colour[tint]), name)]))
        self.query_one(Rows).fill([("", width)], rows, self.session.check or None)
        self._show(report)

    def on_surveyed(self, message: messages.Surveyed) -> None:
        self.session.report = message.report

    def _show(self, report: Report) -> None:
        from rich.console import Group

        from cluster.display import to_rich
        from guidelines import documents
        from guidelines.types import Verdict

        each = self._at(report)
        if each is None:
            return
        document = documents.page(each.guideline, each.finding)
        blind = documents.blindness(report) if each.finding.verdict is Verdict.FAIL else ()
        self.query_one("#check-text", Static).update(Group(to_rich(document), Text(), to_rich(blind)))
        if self._read != each.guideline.name:  # the same check keeps its scroll position
            self._read = each.guideline.name
            self.query_one("#check-page").scroll_home(animate=False)

    def _at(self, report: Report) -> Checked | None:
        key = self.query_one(Rows).key
        return next((each for each in report.checked if each.guideline.name == key), None)

    def on_data_table_row_highlighted(self) -> None:
        if self.session.report is not None:
            self.session.check = self.query_one(Rows).key or ""
            self._show(self.session.report)

    def action_step(self, by: int) -> None:
        table = self.query_one(Rows)
        table.move_cursor(row=min(max(0, table.cursor_row + by), max(0, table.row_count - 1)))

    def action_again(self) -> None:
        self.session.report = None
        self._asked = False
        self.update_page()

    def copied(self) -> str:
        report = self.session.report
        if report is None:
            return ""
        from cluster.pages import markdown
        from guidelines import documents

        return markdown(documents.whole(report))
