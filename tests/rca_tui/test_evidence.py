"""Logs, traces and events on their screens."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np
import pandas as pd
import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from evidence_incident import HOSTILE, ONSET, incident

from cluster.deployment import DeploymentError
from cluster.incident.model import Telemetry
from cluster.window import Window
from methods.telemetry.happenings import Happening, What
from rca_tui.known_events import known_events
from rca_tui.session import Injection
from rca_tui.widgets.lines import Lines

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


def replay(extra: int = 0) -> Any:
    return app_over(synthetic.Replay(incident(extra)))


class Live(synthetic.Live):
    """A live deployment whose telemetry goes on as its `now` does."""

    def __init__(self) -> None:
        super().__init__()
        self.recording = incident()
        self.windows: list[Window] = []
        self.fails = False

    def logs(self, window: Window) -> pd.DataFrame:
        self.windows.append(window)
        if self.fails:
            raise DeploymentError("no Loki was found: set one under loki in kubernetes.toml")
        frame = self.recording.telemetry.logs
        return frame[(frame["time"] >= window.start) & (frame["time"] < min(window.end, self.now))]


async def opened(pilot: Any, key: str) -> None:
    await pilot.press(key)
    for _ in range(3):  # reading, then arranging, then showing
        await settle(pilot)


async def choose(pilot: Any, component: str) -> None:
    """Move Overview's cursor to the component."""
    await pilot.press("home")
    while pilot.app.screen.chosen != component:
        await pilot.press("down")


def cursor(app: Any, name: str) -> int:
    return int(app.screen.query_one(name, Lines).cursor)


def row_of(pilot: Any, words: str) -> str:
    return next(line for line in visible(pilot).splitlines() if words in line)


# -- Logs ---------------------------------------------------------------------------------------------------------


async def test_the_most_changed_templates_come_first_with_their_counts() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "l")
        await pilot.press("escape")
        for _ in range(3):
            await settle(pilot)
        shown = visible(pilot).splitlines()
        first = next(i for i, line in enumerate(shown) if "all lines" in line)
        assert "request <*> failed: deadline <*> exceeded" in shown[first + 1]
        assert shown[first + 1].split()[:4] == ["✖", "0", "20", "new"]
        assert "×1.0" in row_of(pilot, "POST / <*>")


async def test_a_template_selects_its_lines_and_the_cursor_is_shared() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await choose(pilot, "replica-1")
        await opened(pilot, "l")
        await pilot.press("down")
        await settle(pilot)
        assert "20 of " in visible(pilot) and "request 7 failed" in visible(pilot)
        await pilot.press("tab", "home", "down", "down")
        await settle(pilot)
        assert app.session.moment == ONSET + 2
        await pilot.press("left")
        await settle(pilot)
        assert app.session.moment == ONSET and cursor(app, "#lines") == 0


async def test_l_on_a_component_shows_its_lines_and_escape_all() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await choose(pilot, "replica-1")
        await opened(pilot, "l")
        assert app.session.component == "replica-1"
        assert "replica-1 · 261 of 982 lines" in visible(pilot)
        await pilot.press("escape")
        for _ in range(3):
            await settle(pilot)
        assert "all components · 982 of 982 lines" in visible(pilot)
        await pilot.press("c")
        for _ in range(3):
            await settle(pilot)
        assert app.session.component == "gateway" and "gateway · 0 of 982 lines" in visible(pilot)


async def test_lines_are_filtered_by_words_and_severity() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "l")
        await pilot.press("escape", "s")
        for _ in range(3):
            await settle(pilot)
        assert "21 of 982 lines · warnings and worse" in visible(pilot)
        await pilot.press("slash", *"DEADLINE", "enter")
        for _ in range(3):
            await settle(pilot)
        assert "20 of 982 lines" in visible(pilot) and "with “DEADLINE”" in visible(pilot)
        await pilot.press("y")
        assert app.clipboard.splitlines()[1:] == [
            "lines before\tlines after\ttemplate",
            "0\t20\trequest <*> failed: deadline <*> exceeded",
        ]


async def test_a_hostile_line_is_shown_whole_and_does_nothing() -> None:
    app = replay()
    async with running(app, (80, 24)) as pilot:
        await opened(pilot, "l")
        await pilot.press("escape", "slash", *"]8;;", "enter", "tab")
        for _ in range(3):
            await settle(pilot)
        await pilot.press("enter")
        await settle(pilot)
        shown = visible(pilot)
        assert "[red]no[/]" in shown and "end" in shown
        assert not set(shown) & set("\x1b\x07\u202e\u2066\r")
        await pilot.press("y")
        assert not set(app.clipboard) & set("\x1b\x07\u202e\u2066\r")


async def test_a_line_of_a_megabyte_is_cut() -> None:
    app = replay()
    async with running(app, (80, 24)) as pilot:
        await opened(pilot, "l")
        await pilot.press("escape", "slash", *"xxxxx", "enter", "tab", "enter")
        for _ in range(3):
            await settle(pilot)
        assert visible(pilot).count("x") < 5000 and "1 of 982 lines" in visible(pilot)


async def test_a_hundred_thousand_lines_are_drawn_only_where_they_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    from rca_tui.screens import logs as page

    drawn: list[int] = []
    row = page.log_row
    monkeypatch.setattr(page, "log_row", lambda book, at, *rest: drawn.append(at) or row(book, at, *rest))
    app = replay(extra=100_000)
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "l")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query_one("#lines", Lines).count > 100_000)
        await settle(pilot)
        drawn.clear()
        await pilot.press("tab", "end", "pageup", "home")
        await settle(pilot)
        assert 0 < len(drawn) < 1000


async def test_live_lines_are_followed_and_only_the_new_are_read() -> None:
    source = Live()
    source.now = synthetic.START + 200
    app = app_over(source)
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "l")
        app.session.component = ""
        for _ in range(3):
            await settle(pilot)
        before = app.session.logs.lines
        assert "follows" in visible(pilot) and cursor(app, "#lines") == before - 1
        source.now += 20
        app._start_poll()
        for _ in range(4):
            await settle(pilot)
        assert app.session.logs.lines == before + 20 * len(synthetic.SERVING)
        assert cursor(app, "#lines") == app.session.logs.lines - 1
        assert source.windows[-1].start > synthetic.START + 100
        await pilot.press("tab", "up")
        await settle(pilot)
        assert "follows" not in visible(pilot)
        await pilot.press("f")
        await settle(pilot)
        assert "follows" in visible(pilot)


async def test_a_deployment_without_logs_says_so_on_the_screen() -> None:
    source = Live()
    source.fails = True
    async with running(app_over(source), (120, 40)) as pilot:
        await opened(pilot, "l")
        assert "no Loki was found" in visible(pilot)


# -- Traces -------------------------------------------------------------------------------------------------------


async def test_the_slowest_trace_comes_first_with_its_waterfall() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "t")
        app.session.component = "replica-1"
        for _ in range(3):
            await settle(pilot)
        await pilot.press("down")
        await settle(pilot)
        rows = [line for line in visible(pilot).splitlines() if "━" in line]
        names = [next(n for n in ("gateway request", "route_to", "queue", "decode") if n in row) for row in rows]
        assert names == ["gateway request", "route_to", "queue", "decode"]
        assert rows[2].index("engine") > rows[1].index("route_to") > rows[0].index("gateway request")
        assert "×51" in rows[2] and "×1.0" in rows[3]
        assert app.session.moment == app.screen._view.book.start[app.screen._trace()]


async def test_traces_are_ordered_filtered_and_copied() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "t")
        await pilot.press("escape", "s")
        for _ in range(3):
            await settle(pilot)
        assert "61 of 61 traces · failed first" in visible(pilot)
        await pilot.press("down")
        await settle(pilot)
        assert app.screen._view.book.ids[app.screen._trace()] == "t37"
        await pilot.press("tab", "y")
        assert app.clipboard.splitlines()[3].endswith("\t  route_to_replica")
        await pilot.press("slash", *"t12", "enter")
        for _ in range(3):
            await settle(pilot)
        assert "1 of 61 traces" in visible(pilot)


async def test_hostile_spans_do_nothing() -> None:
    app = replay()
    async with running(app, (80, 24)) as pilot:
        await opened(pilot, "t")
        await pilot.press("escape")
        for _ in range(3):
            await settle(pilot)
        assert "[red]no[/]" in visible(pilot)
        await pilot.press("y")
        assert not set(visible(pilot) + app.clipboard) & set("\x1b\x07\u202e\u2066\r")


async def test_without_traces_the_screen_says_so() -> None:
    async with running(app_over(synthetic.Replay(synthetic.incident())), (80, 24)) as pilot:
        await opened(pilot, "t")
        assert "no traces were recorded" in visible(pilot)


# -- Events -------------------------------------------------------------------------------------------------------


async def test_events_are_on_one_time_line_with_the_onset() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "e")
        assert "+9.0 s" in row_of(pilot, "BackOff") and "replica-1" in row_of(pilot, "BackOff")
        assert "onset of the trouble, estimated" in visible(pilot) and "the telemetry ends" in visible(pilot)
        assert not set(visible(pilot)) & set("\x1b\x07\u202e\u2066\r")
        await pilot.press("slash", *"backoff", "enter")
        await settle(pilot)
        assert "1 of 4 events" in visible(pilot)
        await pilot.press("escape", "home", "down")
        await settle(pilot)
        assert app.session.moment == ONSET
        await pilot.press("2")
        await settle(pilot)
        plot = app.screen.query_one("#main").plot
        assert plot.cursor == ONSET and (ONSET + 9, True) in plot.marks


async def test_what_was_injected_in_a_recording_is_not_told_but_ones_own_fault_is() -> None:
    app = replay()
    async with running(app, (120, 40)) as pilot:
        await opened(pilot, "e")
        told = known_events(app.session, app.session.displayed)
        assert not [each for each in told if each.what == "fault"]
        from faults.states import State

        app.session.injection = Injection("freeze", "replica-0", State.RECOVERED, False, ONSET + 1, ONSET + 61)
        await settle(pilot)
        assert "the fault freeze is active" in visible(pilot) and "the fault freeze is undone" in visible(pilot)


@pytest.mark.parametrize("what", What)
def test_every_kind_of_event_has_a_row(what: What) -> None:
    from rca_tui.draw.evidence_rows import event_row

    for width in (4, 60, 200):
        row = event_row(
            Happening(ONSET, what, HOSTILE, HOSTILE, bad=True), ONSET + 1, width, defaultdict(lambda: "red")
        )
        assert not set(row.plain) & set("\x1b\x07\u202e\u2066\r\n")


def test_times_of_all_screens_are_on_the_same_columns() -> None:
    from rca_tui.axis import Axis

    axis = Axis(1000.0, 1100.0)
    assert [axis.column(t, 50) for t in (999.0, 1000.0, 1050.0, 1100.0)] == [None, 0, 25, 49]
    assert Axis(5.0, 5.0).column(5.0, 10) is None
    assert axis.step(50) == 2.0


def test_telemetry_has_events_of_these_columns_only() -> None:
    with pytest.raises(ValueError, match="events lacks the columns"):
        Telemetry(events=pd.DataFrame({"time": np.zeros(1)}))


def test_a_line_that_was_broken_is_drawn_as_one_without_marks() -> None:
    from methods.telemetry.log_book import LogBook
    from rca_tui.draw.evidence_rows import log_row

    one = np.zeros(1, dtype=np.int64)
    said = np.array(["Request failed.\nTraceback\r\nValueError: \x1b[31mno"], dtype=object)
    book = LogBook(one.astype(float), one, one, one, one.astype(bool), said, ("head",), ("",))
    drawn = log_row(book, 0, 80, defaultdict(str), named=False).plain
    assert "Request failed. Traceback ValueError: �[31mno" in drawn


def test_a_line_that_does_not_fit_ends_in_a_sign() -> None:
    from methods.telemetry.log_book import LogBook
    from rca_tui.draw.evidence_rows import log_row

    one = np.zeros(1, dtype=np.int64)
    said = np.array(["POST /v1/completions 200 from replica-0 after 336.7 ms"], dtype=object)
    book = LogBook(one.astype(float), one, one, one, one.astype(bool), said, ("gateway",), ("",))
    drawn = log_row(book, 0, 60, defaultdict(str), named=True)
    assert drawn.plain.endswith("…")
    assert drawn.cell_len == 60


def test_one_template_is_no_plural() -> None:
    from rca_tui.draw.evidence_rows import all_row

    assert all_row(1, 1, 80).plain.endswith("of 1 template")
    assert all_row(9, 2, 80).plain.endswith("of 2 templates")
