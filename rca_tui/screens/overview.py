"""1 Overview: the topology with its SLIs, the worst component first."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Grid
from textual.widgets import Input, Static

from cluster.text.plain import NOTHING, plain
from cluster.text.quantities import number, percent, quantity
from cluster.text.times import clock_time, span
from rca_tui.draw.braille import drawable, sparkline
from rca_tui.draw.charts import chart_of
from rca_tui.draw.sli_rows import ERRORS_WARN, UNEVEN, Row, matching, rows
from rca_tui.draw.text import fit
from rca_tui.screens.page import Page
from rca_tui.session import Session, Snapshot
from rca_tui.theme import BAD, GOOD, UNKNOWN, WARN
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.rows import Rows

TINTS = {GOOD: "success", WARN: "warning", BAD: "error", UNKNOWN: "secondary"}
SHOWN = ("latency_p90", "ttft_p90", "queue_length", "error_ratio", "request_rate", "cpu_usage", "memory_working_set")
"""Signals of the four charts, in order of preference."""


class OverviewPage(Page):
    KEY = "1"
    MODE = "overview"
    HELP = (
        "The front door is the first row; the components that it calls follow, the worst first: down, then failing, "
        "then slow compared with its peers (× peers: its latency divided by their median). Enter opens a component's "
        "telemetry."
    )
    FOLLOWS = (Session.displayed, Session.mark, Session.moment)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            id="overview.filter",
            key_display="/",
            tooltip="Show what matches",
        ),
        Binding("escape", "unfilter", "All", id="overview.unfilter", show=False),
        Binding("left", "earlier", "Moment", id="overview.earlier", key_display="←→"),
        Binding("right", "later", "Later", id="overview.later", show=False),
    ]

    def body(self) -> ComposeResult:
        yield Static(id="slis")
        yield Rows("components")
        yield Input(placeholder="component or kind", id="filter", compact=True)
        with Grid(id="charts"):
            for i in range(4):
                yield Chart(id=f"chart-{i}")

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one(Rows).focus()
        self._rows: tuple[Row, ...] = ()

    def refill(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            waiting = self.session.problem or "Connecting to the deployment …"
            self.query_one("#slis", Static).update(Text(plain(waiting)))
            return
        everything = rows(snapshot, self._moment)
        self._rows = matching(everything, self.query_one("#filter", Input).value)
        self._show_slis(snapshot, next((r for r in everything if r.component == snapshot.topology.front_door), None))
        self._show_table()
        self._show_charts()

    @property
    def _moment(self) -> float:
        snapshot = self.session.displayed
        end = snapshot.end if snapshot else 0.0
        return end if self.session.moment is None else min(self.session.moment, end)

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show_slis(self, snapshot: Snapshot, door: Row | None) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        if door is None:
            text.append("no front door is known, so there is no SLI", style="dim")
        else:
            text.append("SLI ", style="bold").append(f"{plain(door.component)}  ", style="dim")
            for name, value in (("latency p90", quantity(door.latency, "s")), ("errors", percent(door.errors))):
                text.append(f"{name} ").append(value, style="bold").append("   ")
            text.append(f"load {quantity(door.requests, '1/s')}", style="dim")
        if self.session.moment is not None:
            text.append(f"   at {clock_time(self._moment)}", style=f"bold {self.app.theme_variables['accent']}")
            if self.session.mark:
                after = self._moment - self.session.mark.time
                text.append(f" (onset {'+' if after >= 0 else '−'} {span(abs(after))})", style="dim")
        self.query_one("#slis", Static).update(text)

    def _show_table(self) -> None:
        table, wide = self.query_one(Rows), self.size.width
        layout = [(n.rjust(w) if n not in ("Component", "") else n, w) for n, w in _columns(wide)]
        table.fill(layout, [(row.component, self._cells(row, wide)) for row in self._rows])
        table.styles.height = min(len(self._rows) + 1, max(4, self.size.height - 12))

    def _cells(self, row: Row, wide: int) -> list[Text]:
        colour = self.app.theme_variables
        tint = colour[TINTS[row.glyph]]
        name = Text.assemble((f"{row.glyph} ", tint), (row.branch, "dim"), fit(row.component, 16 - len(row.branch)))
        uneven = NOTHING if row.uneven is None else f"{row.uneven:.1f}×"
        values = {
            "p90": quantity(row.latency, "s"),
            "errors": percent(row.errors),
            "req/s": number(row.requests),
            "TTFT": quantity(row.ttft, "s"),
            "TPOT": quantity(row.tpot, "s"),
            "queue": number(row.queue),
            "× peers": uneven,
            "CPU": NOTHING if row.cpu is None else f"{row.cpu:.2f}",
            "memory": quantity(row.memory, "bytes"),
        }
        loud = {
            "errors": row.errors is not None and row.errors >= ERRORS_WARN,
            "× peers": row.uneven is not None and row.uneven >= UNEVEN,
        }
        cells = [name]
        for heading, width in _columns(wide)[1:-1]:
            value = values[heading]
            style = f"bold {tint}" if loud.get(heading) else ("dim" if value == NOTHING else "")
            cells.append(Text(value.rjust(width), style=style))
        # One scale for all rows: they are compared with each other.
        top = max((v for r in self._rows for v in r.trail if drawable(v)), default=1.0)
        trail = sparkline(row.trail, _columns(wide)[-1][1] - 2, top)
        return [*cells, Text(f"  {trail}", style=colour["chart-line"])]

    def _show_charts(self) -> None:
        snapshot, component = self.session.displayed, self.query_one(Rows).key
        charts = list(self.query(Chart))
        if snapshot is None or component is None:
            return
        has = snapshot.frames.signals(component)
        signals = [s for s in SHOWN if s in has] + [s for s in has if s not in SHOWN]
        for chart, signal in zip(charts, [*signals[:4], "", "", "", ""], strict=False):
            chart.plot = chart_of(self.session, snapshot, component, signal) if signal else None
        if not signals:
            charts[0].empty = f"no telemetry of {plain(component)}"

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_data_table_row_highlighted(self) -> None:
        self._show_charts()

    def on_data_table_row_selected(self) -> None:
        if component := self.query_one(Rows).key:
            self.session.subject = (component, "")
            self.show_screen("telemetry")

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    def action_unfilter(self) -> None:
        field = self.query_one("#filter", Input)
        field.value = ""
        field.display = False
        self.query_one(Rows).focus()

    def on_input_changed(self) -> None:
        self.refill()

    def on_input_submitted(self) -> None:
        self.query_one(Rows).focus()

    def action_earlier(self) -> None:
        if (snapshot := self.session.displayed) is not None:
            self.session.moment = max(snapshot.start, self._moment - 5)

    def action_later(self) -> None:
        snapshot = self.session.displayed
        later = self._moment + 5
        self.session.moment = None if snapshot is None or later >= snapshot.end else later

    def copied(self) -> str:
        lines = ["component\tlatency p90 [s]\terror ratio\trequests [1/s]\tTTFT p90 [s]\tqueue\tx peers"]
        for r in self._rows:
            cells = (r.latency, r.errors, r.requests, r.ttft, r.queue, r.uneven)
            lines.append("\t".join([plain(r.component), *("" if c is None else f"{c:.4g}" for c in cells)]))
        return "\n".join(lines)


def _columns(wide: int) -> list[tuple[str, int]]:
    """Headings and widths; the last column, the latency sparkline, takes the remaining width."""
    columns = [("Component", 19), ("p90", 8), ("errors", 8), ("req/s", 7), ("TTFT", 8), ("queue", 7), ("× peers", 8)]
    if wide >= 110:
        columns += [("TPOT", 9), ("CPU", 7), ("memory", 10)]
    left = wide - sum(width for _, width in columns) - 2
    return [*columns, ("", max(4, min(left, 62)))]
