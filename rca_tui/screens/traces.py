"""t Traces: the slowest or failed traces, and where the time of one went, as a waterfall of its spans."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Static

from cluster.text.plain import plain
from methods.telemetry.trace_book import Order, phases, tree
from rca_tui.draw.evidence_rows import TRACES, Extent, extent, phases_text, span_row, trace_row
from rca_tui.screens.timed import NO_TIMES, TimedPage
from rca_tui.session import Session, Snapshot
from rca_tui.widgets.lines import Lines
from rca_tui.work import messages
from rca_tui.work.evidence import arrange_traces, read_traces
from rca_tui.work.views import TraceQuery, TraceView

ORDERS = tuple(Order)
AGAIN = 5.0
"""Seconds of new telemetry after which the traces of a live deployment are read again."""


class TracesPage(TimedPage):
    KEY = "t"
    MODE = "traces"
    OF_COMPONENT = True
    HELP = (
        "The traces, the slowest first; s goes through the orders: slowest, failed, newest. Each says where most of "
        "its time went, and how many times what that usually takes before the onset. ✖ 3 on the time line: three of "
        "them failed. Below is the selected trace as "
        "a waterfall: who called whom, when, for how long; ▲ and × mark what took three times its usual and more. t on "
        "a component, on another screen, shows the traces that reach it; c goes through the components, / keeps what "
        "contains the words (operation, component, trace id), escape shows all. The cursor is shared with all charts."
    )
    FOLLOWS = (Session.displayed, Session.mark, Session.moment, Session.span, Session.component, Session.traces)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("c", "component", "Component", id="traces.component", tooltip="Show the next component's traces"),
        Binding("s", "order", "Order", id="traces.order", tooltip="Slowest, failed or newest first"),
    ]

    def listing(self) -> ComposeResult:
        yield Static(TRACES, classes="heading", markup=False)
        yield Lines("traces")
        yield Static(classes="heading", id="phases")
        yield Lines("spans")

    def on_mount(self) -> None:
        self._order = 0
        self._view: TraceView | None = None
        self._trace_id: str | None = None
        self._spans: list[tuple[int, int]] = []
        self._extent = Extent(0.0, 1.0)
        self._read_of: object = None
        self._read_end = -AGAIN
        self._asked: object = None
        self.focus_list()

    def focus_list(self) -> None:
        self.query_one("#traces", Lines).focus()

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
        """Read the traces of a recording once for each onset, those of a live deployment every few seconds."""
        onset = self.session.mark.time if self.session.mark else None
        busy = any(worker.group == "traces" and not worker.is_finished for worker in self.app.workers)
        again = snapshot.incident is None and abs(snapshot.end - self._read_end) >= AGAIN
        if busy or (self._read_of == (snapshot.incident is None, onset) and not again):
            return
        self._read_of, self._read_end = (snapshot.incident is None, onset), snapshot.end
        self.work(partial(read_traces, self.session.deployment, snapshot, onset, self.post_message), "traces")

    def on_traces_read(self, message: messages.TracesRead) -> None:
        self.note = message.note or ("" if message.book else "no traces were recorded")
        self.session.traces = message.book
        self.refill()

    def relist(self) -> None:
        book = self.session.traces
        query = TraceQuery(ORDERS[self._order], self.session.component, self.words)
        if book is None or self._asked == (id(book), query):
            return
        self._asked = (id(book), query)
        self.work(partial(arrange_traces, book, query, self.post_message), "arrange traces")

    def on_traces_arranged(self, message: messages.TracesArranged) -> None:
        self._view = message.view
        if (snapshot := self.session.displayed) is not None and self.is_current:
            self._show(snapshot)

    def _show(self, snapshot: Snapshot) -> None:
        view = self._view
        if view is None or self.session.traces is None:
            self.show_what("" if self.note else "Reading the traces …")
            self.show_line(snapshot, "traces", NO_TIMES, NO_TIMES)
            return
        book, traces = view.book, view.traces
        times = book.start[traces]
        self.show_line(snapshot, "traces", times, times[book.failed[traces]])
        self.show_what(
            view.query.component or "all components",
            f"{len(traces)} of {len(book.ids)} traces",
            view.query.order,
            f"with “{view.query.words}”" if view.query.words else "",
            "" if len(traces) else "escape shows all",
        )
        listed = self.query_one("#traces", Lines)
        kept = next((i for i, trace in enumerate(traces) if book.ids[trace] == self._trace_id), 0)
        listed.show(len(traces), self._trace_row, kept)
        self._show_trace(view)

    def _show_trace(self, view: TraceView) -> None:
        trace, spans = self._trace(), self.query_one("#spans", Lines)
        if trace is None:
            self._spans = []
            spans.show(0, self._span_row)
            self.query_one("#phases", Static).update("")
            return
        first = view.book.ids[trace] != self._trace_id
        self._trace_id = view.book.ids[trace]
        self._spans, self._extent = list(tree(view.book, trace)), extent(view.book, trace)
        spans.show(len(self._spans), self._span_row, 0 if first else None)
        text = Text.assemble((f"{plain(self._trace_id, 12)}  ", "dim"))
        text.append_text(phases_text(phases(view.book, trace), self.size.width - 18, self.app.theme_variables))
        self.query_one("#phases", Static).update(text)

    def _trace(self) -> int | None:
        view, cursor = self._view, self.query_one("#traces", Lines).cursor
        return None if view is None or cursor >= len(view.traces) else int(view.traces[cursor])

    def _trace_row(self, row: int, width: int) -> Text:
        view = self._view
        if view is None:
            return Text()
        return trace_row(view.book, int(view.traces[row]), width, self.app.theme_variables)

    def _span_row(self, row: int, width: int) -> Text:
        view = self._view
        if view is None:
            return Text()
        return span_row(view.book, *self._spans[row], self._extent, width, self.app.theme_variables)

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_lines_moved(self, event: Lines.Moved) -> None:
        snapshot, view = self.session.displayed, self._view
        if snapshot is None or view is None:
            return
        trace, time = self._trace(), None
        if event.lines.id == "spans" and self._spans:
            time = float(view.book.spans.start[self._spans[event.lines.cursor][0]])
        elif trace is not None:
            self._show_trace(view)
            time = float(view.book.start[trace])
        if time is not None and np.isfinite(time):
            self.session.moment = min(max(time, snapshot.start), snapshot.end)

    def on_lines_opened(self, event: Lines.Opened) -> None:
        self.query_one("#spans" if event.lines.id == "traces" else "#traces", Lines).focus()

    def action_component(self) -> None:
        self.next_component()

    def action_order(self) -> None:
        self._order = (self._order + 1) % len(ORDERS)
        self._trace_id = None
        self.relist()

    def action_everything(self) -> None:
        self._trace_id = None
        super().action_everything()

    def copied(self) -> str:
        """The spans of the selected trace, with the focus on them; else the traces that are listed."""
        view = self._view
        if view is None:
            return ""
        book = view.book
        if self.focused is self.query_one("#spans", Lines):
            rows = []
            for row, depth in self._spans:
                component, operation = book.operation(row)
                start, seconds = book.spans.start[row], book.spans.duration[row]
                rows.append(f"{start:.6f}\t{seconds:.6f}\t{plain(component)}\t{'  ' * depth}{plain(operation)}")
            return "\n".join(["start [s]\tduration [s]\tcomponent\toperation", *rows])
        rows = [
            f"{book.start[trace]:.3f}\t{book.duration[trace]:.6f}\t{bool(book.failed[trace])}\t{plain(book.ids[trace])}"
            for trace in view.traces
        ]
        return "\n".join(["start [s]\tduration [s]\tfailed\ttrace", *rows])
