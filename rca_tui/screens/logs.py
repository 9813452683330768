"""l Logs: templates with their counts before and after the onset, the most changed first, and the lines of each."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from cluster.text.plain import plain
from cluster.window import Window
from methods.telemetry.log_book import LEVELS
from rca_tui.draw.evidence_rows import TEMPLATES, all_row, clock, log_row, template_row
from rca_tui.screens.timed import NO_TIMES, TimedPage
from rca_tui.session import Session, Snapshot
from rca_tui.widgets.lines import Lines
from rca_tui.work import messages
from rca_tui.work.evidence import arrange_logs, read_logs
from rca_tui.work.views import LogQuery, LogView

LEAST = ("", "warning", "error")
"""Severities from which lines are shown, in the order of the key."""
WHOLE = 4000
"""Characters of one part of a line that are shown at most."""
PARTS = 60
"""Parts of a line, such as those of a traceback, that are shown at most."""


class LogsPage(TimedPage):
    KEY = "l"
    MODE = "logs"
    OF_COMPONENT = True
    HELP = (
        "Lines whose variable parts are masked are one template. Those whose rate changed the most at the onset come "
        "first, with their counts before and after it; the lines below are those of the selected template. ✖ 3 on the "
        "time line: three of them are errors or speak of one. l on a component, on another screen, shows its lines "
        "alone; c goes through the components, s through the severities, / keeps what contains the words, escape "
        "shows all. tab goes to the lines: the cursor is shared with all charts. Enter shows a whole line. f follows "
        "the newest lines of a live deployment."
    )
    FOLLOWS = (Session.displayed, Session.mark, Session.moment, Session.span, Session.component, Session.logs)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "component", "Component", id="logs.component", tooltip="Show the next component's lines"),
        Binding("s", "severity", "Severity", id="logs.severity", tooltip="All, warnings and errors, errors"),
        Binding("f", "follow", "Follow", id="logs.follow", tooltip="Keep the newest line in sight"),
    ]

    def listing(self) -> ComposeResult:
        yield Static(TEMPLATES, classes="heading", markup=False)
        yield Lines("templates")
        yield Static(classes="heading", id="lines-heading")
        yield Lines("lines")
        with VerticalScroll(id="whole"):
            yield Static(id="whole-text")

    def on_mount(self) -> None:
        self._least = 0
        self._template: str | None = None
        self._view: LogView | None = None
        self._rows = np.zeros(0, dtype=np.int64)
        self._read_of: Snapshot | None = None
        self._asked: object = None
        self._follow = True
        self.query_one("#whole").display = False
        self.focus_list()

    def focus_list(self) -> None:
        self.query_one("#templates", Lines).focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            self.show_what(self.waiting())
            return
        self._read(snapshot)
        self.relist()
        self._show(snapshot)

    def _read(self, snapshot: Snapshot) -> None:
        """Read the lines of a recording once, those of a live deployment after each poll, one worker at a time."""
        busy = any(worker.group == "logs" and not worker.is_finished for worker in self.app.workers)
        if busy or self._read_of is snapshot:
            return
        self._read_of = snapshot
        work = partial(read_logs, self.session.deployment, snapshot, self.session.logs, self.post_message)
        self.work(work, "logs")

    def on_logs_read(self, message: messages.LogsRead) -> None:
        self.note = message.note
        self.session.logs = message.book

    def relist(self) -> None:
        snapshot, book = self.session.displayed, self.session.logs
        if snapshot is None or book is None:
            return
        mark = self.session.mark
        least = LEVELS.index(LEAST[self._least])
        query = LogQuery(self.session.component, least, self.words, mark.time if mark else None)
        if self._asked == (id(book), query):
            return
        self._asked = (id(book), query)
        window = Window(snapshot.start, max(snapshot.end, snapshot.start + 1))
        self.work(partial(arrange_logs, book, query, window, self.post_message), "arrange logs")

    def on_logs_arranged(self, message: messages.LogsArranged) -> None:
        self._view = message.view
        if (snapshot := self.session.displayed) is not None and self.is_current:
            self._show(snapshot, new=True)

    def _show(self, snapshot: Snapshot, new: bool = False) -> None:
        view = self._view
        if view is None:
            self.show_what("Reading the log lines …")
            self.show_line(snapshot, "lines", NO_TIMES, NO_TIMES)
            return
        names = [view.book.templates[change.template] for change in view.changes]
        at = names.index(self._template) + 1 if self._template in names else 0
        self.query_one("#templates", Lines).show(len(names) + 1, self._template_row, at)
        self._show_lines(snapshot, view, at, new)

    def _show_lines(self, snapshot: Snapshot, view: LogView, at: int, new: bool) -> None:
        rows, lines = view.rows, self.query_one("#lines", Lines)
        if at:
            rows = rows[view.book.template[rows] == view.changes[at - 1].template]
        self._rows = rows
        times = view.book.time[rows]
        self.show_line(snapshot, "lines", times, times[view.book.trouble[rows]])
        least = LEAST[self._least]
        self.show_what(
            view.query.component or "all components",
            f"{len(rows)} of {view.book.lines} lines",
            f"{least}s and worse" if least == "warning" else f"{least}s" if least else "",
            f"with “{view.query.words}”" if view.query.words else "",
            "follows" if self._following else "",
            "" if len(rows) else "escape shows all",
        )
        whose = "" if view.query.component else "component    "
        self.query_one("#lines-heading", Static).update(Text(f"time (UTC)   {whose}line"))
        lines.show(len(rows), self._log_row, self._place(lines.cursor, times, new))
        self._show_whole()

    def _place(self, cursor: int, times: np.ndarray, new: bool) -> int:
        """The row for the cursor: the newest while following, else the first at the shared cursor or after it."""
        moment = self.session.moment
        if self._following or (moment is None and new):
            return max(0, len(times) - 1)
        if moment is None or (cursor < len(times) and times[cursor] == moment):
            return cursor
        return min(int(np.searchsorted(times, moment, side="left")), max(0, len(times) - 1))

    @property
    def _following(self) -> bool:
        return self._follow and not self.session.replayed and self.session.moment is None

    def _template_row(self, row: int, width: int) -> Text:
        view = self._view
        if view is None:
            return Text()
        if row == 0:
            return all_row(len(view.rows), len(view.changes), width)
        return template_row(view.book, view.changes[row - 1], width, self.app.theme_variables)

    def _log_row(self, row: int, width: int) -> Text:
        view = self._view
        if view is None:
            return Text()
        return log_row(view.book, int(self._rows[row]), width, self.app.theme_variables, not view.query.component)

    def _show_whole(self) -> None:
        box, line = self.query_one("#whole"), self._line()
        if box.display and line is not None:
            time, component, message = line
            text = Text.assemble((f"{clock(time)} {plain(component)}\n", "bold"))
            parts = message.replace("\\n", "\n").splitlines()
            text.append("\n".join(plain(part, WHOLE) for part in parts[:PARTS]))
            if len(parts) > PARTS:
                text.append(f"\n… {len(parts) - PARTS} more", style="dim")
            self.query_one("#whole-text", Static).update(text)

    def _line(self) -> tuple[float, str, str] | None:
        """Time, component and message of the line under the cursor."""
        view, cursor = self._view, self.query_one("#lines", Lines).cursor
        if view is None or cursor >= len(self._rows):
            return None
        row, book = int(self._rows[cursor]), view.book
        return float(book.time[row]), book.components[int(book.component[row])], str(book.messages[row])

    # -- keys ---------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return super().check_action(action, parameters) if action != "follow" else not self.session.replayed

    def on_lines_moved(self, event: Lines.Moved) -> None:
        snapshot, view = self.session.displayed, self._view
        if snapshot is None or view is None:
            return
        if event.lines.id == "templates":
            row = event.lines.cursor
            self._template = view.book.templates[view.changes[row - 1].template] if row else None
            self._show_lines(snapshot, view, row, new=False)
        elif (line := self._line()) is not None:
            self.session.moment = min(max(line[0], snapshot.start), snapshot.end)
            self._show_whole()

    def on_lines_opened(self, event: Lines.Opened) -> None:
        if event.lines.id == "templates":
            self.query_one("#lines", Lines).focus()
            return
        box = self.query_one("#whole")
        box.display = not box.display
        self._show_whole()

    def action_component(self) -> None:
        self.next_component()

    def action_severity(self) -> None:
        self._least = (self._least + 1) % len(LEAST)
        self.relist()

    def action_follow(self) -> None:
        self._follow = not self._following
        self.session.moment = None
        self.refill()

    def action_everything(self) -> None:
        self._least, self._template = 0, None
        self.query_one("#whole").display = False
        super().action_everything()
        self.refill()

    def copied(self) -> str:
        """The lines that are listed, else, with the focus on the templates, those with their counts."""
        view = self._view
        if view is None:
            return ""
        book = view.book
        if self.focused is self.query_one("#templates", Lines):
            rows = [f"{c.before}\t{c.after}\t{plain(book.templates[c.template])}" for c in view.changes]
            return "\n".join(["lines before\tlines after\ttemplate", *rows])
        names = [book.components[int(code)] for code in book.component[self._rows]]
        lines = zip(book.time[self._rows], names, book.messages[self._rows], strict=True)
        return "\n".join(
            ["time [s]\tcomponent\tline", *(f"{t:.3f}\t{plain(c)}\t{plain(m, WHOLE)}" for t, c, m in lines)]
        )
