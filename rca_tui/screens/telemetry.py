"""2 Telemetry: any signal of any component, with the baseline, the onset and the fault window marked."""

from __future__ import annotations

import math
from functools import partial
from statistics import median
from typing import ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from cluster.text.plain import plain
from cluster.text.quantities import quantity
from cluster.text.times import clock_time
from methods.telemetry.health_types import BETWEEN, State
from rca_tui import axis
from rca_tui.draw.charts import chart_of
from rca_tui.draw.health import SIGNS, culprit, health_of
from rca_tui.draw.origin import origin_of
from rca_tui.draw.text import fit, fit_name
from rca_tui.frames import Line
from rca_tui.screens.page import Page
from rca_tui.session import Mark, Session, Snapshot
from rca_tui.widgets.chart import Chart
from rca_tui.widgets.rows import Rows
from rca_tui.work.diagnosis import search_onset

NAMES = 30
"""Cells of the lists of components and signals."""


class TelemetryPage(Page):
    KEY = "2"
    MODE = "telemetry"
    HELP = (
        "Tab switches between components and signals. Left and right move the cursor, o sets the onset at the cursor, "
        "O restores the estimate. The shaded area is the fault window; the faint lines are the component's peers. "
        "A break in a line, and in the axis below it, is a gap: nothing was measured."
    )
    FOLLOWS = (
        Session.displayed,
        Session.mark,
        Session.moment,
        Session.subject,
        Session.span,
        Session.diagnosis,
    )
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left_square_bracket", "zoom(-1)", "Window", id="telemetry.shorter", key_display="[ ]"),
        Binding("right_square_bracket", "zoom(1)", "Longer window", id="telemetry.longer", show=False),
        Binding("left", "move(-1)", "Cursor", id="telemetry.left", key_display="←→"),
        Binding("right", "move(1)", "Cursor right", id="telemetry.right", show=False),
        Binding("o", "set_onset", "Set onset", id="telemetry.onset", tooltip="Set the onset at the cursor"),
        Binding("O", "estimated_onset", "Estimate", id="telemetry.estimate", tooltip="Restore the estimated onset"),
        Binding("p", "peers", "Peers", id="telemetry.peers", tooltip="Show or hide the peers"),
        Binding("escape", "newest", "Cursor off", id="telemetry.newest", show=False),
    ]

    def body(self) -> ComposeResult:
        with Horizontal():
            with Vertical(id="names"):
                yield Rows("parts", header=False, opens=False, coloured=True)
                yield Rows("signals", header=False, opens=False)
            with Vertical(id="plots"):
                yield Static(id="began")
                yield Static(id="reading")
                yield Static(id="origin")
                yield Chart(id="main")
                yield Chart(id="sli")

    def on_mount(self) -> None:
        self._peers = True
        self.query_one("#signals", Rows).focus()

    # -- what is shown ------------------------------------------------------------------------------------------

    def refill(self) -> None:
        snapshot = self.session.displayed
        if snapshot is None:
            self.query_one("#main", Chart).empty = plain(self.session.problem) or "Connecting to the deployment …"
            return
        mark = self.session.mark
        began = self.query_one("#began", Static)
        began.display = mark is not None and bool(mark.claim)
        began.update(Text(plain(mark.claim, 1000) if mark else ""))
        component, signal = self._subject(snapshot)
        moment = self._moment(snapshot)
        colour, states = self.app.theme_variables, {h.component: h.state for h in health_of(snapshot, moment)}
        parts = []
        for part in self._components(snapshot):
            glyph, tint = SIGNS[states.get(part, State.UNKNOWN)]
            parts.append((part, [Text.assemble((f"{glyph} ", colour[tint]), fit_name(part, NAMES - 2))]))
        self.query_one("#parts", Rows).fill([("", NAMES)], parts, component)
        self.query_one("#parts", Rows).styles.height = min(len(parts), max(3, self.size.height // 3)) + 1
        named = []
        for name in snapshot.frames.signals(component):
            line = snapshot.frames.line(component, name)
            value = quantity(line.at(moment) if line else None, snapshot.frames.units.get(name))
            named.append((name, [Text(fit(name, NAMES - 12)), Text(f"{value} ".rjust(12), style="dim")]))
        self.query_one("#signals", Rows).fill([("", NAMES - 12), ("", 12)], named, signal)
        self._show_charts(snapshot, component, signal)

    def _show_charts(self, snapshot: Snapshot, component: str, signal: str) -> None:
        window = self._window(snapshot)
        chart = self.query_one("#main", Chart)
        chart.empty = f"no telemetry of {plain(component)}"
        chart.plot = chart_of(self.session, snapshot, component, signal, window, self._peers)
        door = snapshot.topology.front_door
        below = self.query_one("#sli", Chart)
        below.plot = chart_of(self.session, snapshot, door, "latency_p90", window) if door else None
        below.display = below.plot is not None and (component, signal) != (door, "latency_p90")
        line = snapshot.frames.line(component, signal)
        reading = self._reading(snapshot, line, signal, window) if line else Text("no signal")
        self.query_one("#reading", Static).update(reading)
        origin = origin_of(snapshot.provenance, component, signal)
        self.query_one("#origin", Static).update(origin)
        self.query_one("#origin", Static).display = bool(origin)

    def _reading(self, snapshot: Snapshot, line: Line, signal: str, window: tuple[float, float]) -> Text:
        unit, mark = snapshot.frames.units.get(signal), self.session.mark
        text = Text()
        at = self._moment(snapshot)
        word = "at " + clock_time(at) if self.session.moment is not None else "last"
        text.append(f"{word} ", style="dim").append(quantity(line.at(at), unit), style="bold")
        if mark:
            before, after = _middle(line.within(-math.inf, mark.time)), _middle(line.within(mark.time, math.inf))
            text.append("  median ", style="dim").append(quantity(before, unit))
            text.append(" → ", style="dim").append(quantity(after, unit))
        else:
            text.append("  median ", style="dim").append(quantity(_middle(line.within(*window)), unit))
        return text

    def _components(self, snapshot: Snapshot) -> list[str]:
        known = list(snapshot.topology.ids)
        return known + [c for c in snapshot.frames.components() if c not in known]

    def _subject(self, snapshot: Snapshot) -> tuple[str, str]:
        """Component and signal to show: the chosen ones, else the culprit and what of it changed the most."""
        component, signal = self.session.subject or (culprit(self.session, snapshot), "")
        if component not in self._components(snapshot):
            component = next(iter(self._components(snapshot)), "")
        signals = snapshot.frames.signals(component)
        if signal not in signals:
            health = next((h for h in health_of(snapshot, self._moment(snapshot)) if h.component == component), None)
            changed = [c.signal for c in health.changes if c.sort not in BETWEEN] if health else []
            signal = next((s for s in (*changed, "latency_p90", *signals) if s in signals), "")
        return component, signal

    def _moment(self, snapshot: Snapshot) -> float:
        return axis.cursor(self.session, snapshot)

    def _window(self, snapshot: Snapshot) -> tuple[float, float]:
        shown = axis.shown(self.session, snapshot)
        return shown.start, shown.end

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_data_table_row_highlighted(self, event: Rows.RowHighlighted) -> None:
        snapshot, key = self.session.displayed, event.row_key.value
        if snapshot is None or key is None or not event.data_table.has_focus:
            return
        component, signal = self._subject(snapshot)
        self.session.subject = (key, signal) if event.data_table.id == "parts" else (component, key)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "estimated_onset":
            return self.session.mark is not None and self.session.mark.by_operator
        return True

    def action_zoom(self, by: int) -> None:
        if (snapshot := self.session.displayed) is not None:
            axis.zoom(self.session, snapshot, by)

    def action_move(self, by: int) -> None:
        if (snapshot := self.session.displayed) is not None:
            axis.move(self.session, snapshot, by, self.query_one("#main", Chart).size.width - 10)

    def action_set_onset(self) -> None:
        if self.session.moment is None:
            self.notify("move the cursor with ← and → first")
            return
        self.session.mark = Mark(self.session.moment, by_operator=True)

    def action_estimated_onset(self) -> None:
        session = self.session
        session.mark = session.estimated if session.onset_searched else None
        incident = session.latest.incident if session.latest else None
        if incident is not None and not session.onset_searched:
            self.work(partial(search_onset, incident, self.app.post_message), "onset")

    def action_peers(self) -> None:
        self._peers = not self._peers
        self.refill()

    def action_newest(self) -> None:
        self.session.moment = None

    @property
    def chosen(self) -> str:
        return self._subject(self.session.displayed)[0] if self.session.displayed else ""

    def copied(self) -> str:
        snapshot = self.session.displayed
        if snapshot is None:
            return ""
        component, signal = self._subject(snapshot)
        line = snapshot.frames.line(component, signal)
        part = line.within(*self._window(snapshot)) if line else Line((), ())
        head = f"time [s]\t{plain(component)} {plain(signal)} [{plain(snapshot.frames.units.get(signal, '?'))}]"
        pairs = zip(part.times, part.values, strict=True)
        return "\n".join([head, *(f"{t:.3f}\t{'' if math.isnan(v) else f'{v:.6g}'}" for t, v in pairs)])


def _middle(line: Line) -> float | None:
    values = [v for v in line.values if math.isfinite(v)]
    return median(values) if values else None
