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
from methods.telemetry.health_types import BETWEEN, Sort, State
from methods.telemetry.health_wording import sentence, shortest
from rca_tui.draw.braille import drawable, sparkline
from rca_tui.draw.charts import telling_plots
from rca_tui.draw.health import SIGNS, banner, health_of, moment_of
from rca_tui.draw.sli_rows import Row, matching, rows
from rca_tui.draw.text import fit, fit_name
from rca_tui.screens.page import LOGS, OVERVIEW, Page
from rca_tui.session import Session, Snapshot
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.filter import Filter
from rca_tui.widgets.rows import Rows

READABLE = 14
"""Width of the column with what changed, at least: the banner says it of the worst component at any width."""
COLUMN_OF = {
    "latency_p50": "p90",
    "latency_p90": "p90",
    "error_ratio": "errors",
    "error_rate": "errors",
    "timeout_rate": "errors",
    "request_rate": "req/s",
    "ttft_p50": "TTFT",
    "ttft_p90": "TTFT",
    "tpot_p50": "TPOT",
    "tpot_p90": "TPOT",
    "queue_length": "queue",
    "running_requests": "queue",
    "queue_time_p90": "queue",
    "connections": "queue",
    "cpu_usage": "CPU",
    "cpu_throttled": "CPU",
    "memory_working_set": "memory",
    "memory_used": "memory",
}
"""Where the table shows a signal: the value of one that changed is loud."""


class OverviewPage(Page):
    KEY = "1"
    MODE = OVERVIEW
    HELP = (
        "What is in trouble stands first, with what changed: ✖ trouble, ◇ its telemetry is gone, ▲ changed, ● as "
        "before, ○ not known. Each component is compared with its own past (the earlier part of what was seen), less "
        "what its callees explain; × peers is its latency divided by their median. The charts show what changed "
        "first. Enter opens a component's telemetry."
    )
    FOLLOWS = (Session.displayed, Session.mark, Session.moment, Session.outdated)
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "slash",
            "filter",
            "Filter",
            id="overview.filter",
            key_display="/",
            tooltip="Show what matches",
            priority=True,  # before the next key is looked at, which is for the field
        ),
        Binding("escape", "unfilter", "All", id="overview.unfilter", show=False),
        LOGS,
        Binding("left", "earlier", "Moment", id="overview.earlier", key_display="←→"),
        Binding("right", "later", "Later", id="overview.later", show=False),
    ]

    def body(self) -> ComposeResult:
        yield Static(id="culprit")
        yield Static(id="slis")
        yield Rows("components", coloured=True)
        yield Filter("component or kind", id="filter")
        with Grid(id="charts"):
            for i in range(4):
                yield Chart(id=f"chart-{i}")

    def on_mount(self) -> None:
        self.query_one("#filter", Input).display = False
        self.query_one(Rows).focus()
        self._rows: tuple[Row, ...] = ()
        self._followed: str | None = None

    def refill(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            waiting = self.session.problem or "Connecting to the deployment …"
            self.query_one("#slis", Static).update(Text(plain(waiting)))
            return
        everything = rows(snapshot, self._moment)
        self._rows = matching(everything, self.query_one("#filter", Input).value)
        self._show_culprit(snapshot)
        self._show_slis(snapshot, next((r for r in everything if r.component == snapshot.topology.front_door), None))
        self._show_table()
        self._show_charts()

    @property
    def _moment(self) -> float:
        return moment_of(self.session, self.session.displayed) if self.session.displayed else 0.0

    # -- what is shown ------------------------------------------------------------------------------------------

    def _show_culprit(self, snapshot: Snapshot) -> None:
        roomy = 6 if self.size.height >= 44 else 5 if self.size.height >= 28 else 3
        health, colour = health_of(snapshot, self._moment), self.app.theme_variables
        text = banner(health, self._moment, colour, max(10, self.size.width - 2), roomy, self.session.outdated)
        self.query_one("#culprit", Static).update(text)

    def _show_slis(self, snapshot: Snapshot, door: Row | None) -> None:
        text = Text(no_wrap=True, overflow="ellipsis")
        if door is None:
            text.append("no front door is known, so there is no SLI", style="dim")
        else:
            text.append("SLI ", style="bold").append(f"{plain(door.component)}  ", style="dim")
            changed = {COLUMN_OF.get(c.signal): c for c in reversed(door.health.changes) if not c.caller}
            shown = (("latency p90", "p90", quantity(door.latency, "s")), ("errors", "errors", percent(door.errors)))
            for name, heading, value in (*shown, ("load", "req/s", quantity(door.requests, "1/s"))):
                style = f"bold {self.app.theme_variables['warning']}" if heading in changed else "bold"
                text.append(f"{name} ").append(value, style=style)
                if name == "load" and heading in changed and changed[heading].sort is Sort.LOAD:
                    text.append(f" (was {quantity(changed[heading].usual, '1/s')})", style="dim")
                text.append("   ")
        if self.session.moment is not None:
            text.append(f"at {clock_time(self._moment)}", style=f"bold {self.app.theme_variables['accent']}")
            if self.session.mark:
                after = self._moment - self.session.mark.time
                onset = f" (onset {'+' if after >= 0 else '−'} {span(abs(after))})"
                text.append(onset if len(text) + len(onset) <= self.size.width - 2 else "", style="dim")
        self.query_one("#slis", Static).update(text)

    def _show_table(self) -> None:
        table, wide = self.query_one(Rows), self.size.width
        columns = _columns(wide)
        layout = [(n if n in ("Component", "  changed", "") else n.rjust(w), w) for n, w in columns]
        # The cursor stays on the worst until it is moved.
        worst = self._rows[0].component if self._rows else None
        select = worst if table.key in (None, self._followed) else None
        self._followed = worst if select else None
        table.fill(layout, [(row.component, self._cells(row, columns)) for row in self._rows], select)
        table.styles.height = min(len(self._rows) + 1, max(4, self.size.height - 14))

    def _cells(self, row: Row, columns: list[tuple[str, int]]) -> list[Text]:
        colour = self.app.theme_variables
        glyph, state = SIGNS[row.health.state]
        tint = colour[state]
        bold = "bold " if row.health.state in (State.TROUBLE, State.SILENT) else ""
        room = columns[0][1] - 3 - len(row.branch)
        name = Text.assemble(
            (f"{glyph} ", bold + tint),
            (row.branch, "dim"),
            (fit_name(row.component, room), bold and "bold"),
        )
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
        loud = {COLUMN_OF.get(c.signal) for c in row.health.changes if c.sort not in BETWEEN and not c.caller}
        cells = [name]
        for heading, width in columns[1:]:
            if heading == "  changed":
                said = "" if row.health.state is State.NORMAL else shortest(row.health, self._moment, width - 3)
                cells.append(Text("  " + fit(said, width - 3), bold + tint))
            elif heading == "":
                # One scale for all rows: they are compared with each other.
                top = max((v for r in self._rows for v in r.trail if drawable(v)), default=1.0)
                cells.append(Text(sparkline(row.trail, width - 1, top), colour["chart-line"]))
            else:
                style = f"bold {tint}" if heading in loud else ("dim" if values[heading] == NOTHING else "")
                cells.append(Text(values[heading].rjust(width), style))
        return cells

    def _show_charts(self) -> None:
        snapshot, component = self.session.displayed, self.query_one(Rows).key
        charts = list(self.query(Chart))
        if snapshot is None or component is None:
            return
        health = next((r.health for r in self._rows if r.component == component), None)
        plots = telling_plots(self.session, snapshot, component, health.changes if health else (), len(charts))
        for chart, plot in zip(charts, [*plots, *[None] * len(charts)], strict=False):
            chart.plot = plot
        if not plots:
            charts[0].empty = f"no telemetry of {plain(component)}"

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_data_table_row_highlighted(self) -> None:
        self._show_charts()

    def on_data_table_row_selected(self) -> None:
        if component := self.query_one(Rows).key:
            self.session.subject = (component, "")
            self.show_screen("telemetry")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "filter" or not isinstance(self.focused, Input)

    def action_filter(self) -> None:
        field = self.query_one("#filter", Input)
        field.display = True
        self.set_focus(field)  # at once: the next key is for the field

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

    @property
    def chosen(self) -> str:
        return self.query_one(Rows).key or ""

    def copied(self) -> str:
        lines = [
            "component\tstate\tchanged\tlatency p90 [s]\terror ratio\trequests [1/s]\tTTFT p90 [s]\tqueue\tx peers"
        ]
        for r in self._rows:
            cells = (r.latency, r.errors, r.requests, r.ttft, r.queue, r.uneven)
            said = plain(sentence(r.health, self._moment))
            lines.append(
                "\t".join([plain(r.component), r.health.state, said, *("" if c is None else f"{c:.4g}" for c in cells)])
            )
        return "\n".join(lines)


def _columns(wide: int) -> list[tuple[str, int]]:
    """Headings and widths; what changed takes the width that is left, if it is enough to read.

    Beside it is a sparkline of latency where it fits. A slim terminal shows what changed before the load.
    """
    columns = [("Component", 19), ("p90", 8), ("errors", 8), ("req/s", 7), ("queue", 7)]
    slim = [("Component", 16), ("p90", 7), ("errors", 7), ("queue", 6)]
    if _left(wide, columns) < READABLE <= _left(wide, slim):
        columns = slim
    if wide >= 110:
        columns += [("TTFT", 8), ("× peers", 8), ("CPU", 7)]
    if wide >= 140:
        columns += [("TPOT", 9), ("memory", 10)]
    spark = [("", 24)] if wide >= 150 else []
    left = _left(wide, columns + spark)
    return [*columns, *spark, *([("  changed", left)] if left >= READABLE else [])]


def _left(wide: int, columns: list[tuple[str, int]]) -> int:
    return wide - sum(width for _, width in columns) - 2
