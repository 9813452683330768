"""The line of keys at the bottom: what fits, what is always there, and that it can be clicked."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest
import synthetic
from driving import NOW, Engine, app_over, running, settle, until, visible
from rich.cells import cell_len
from rich.text import Text

from faults.states import State
from rca_tui.app import RcaApp
from rca_tui.draw.rankings import consensus_row
from rca_tui.palette import key_hints
from rca_tui.session import Injection
from rca_tui.widgets.header import Tab
from rca_tui.widgets.keys import Keys, _that_fit

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


def line(pilot) -> str:
    return str(pilot.app.screen.query_one(Keys).render())


def said(app: RcaApp) -> str:
    return " ".join(notification.message for notification in app._notifications)


def test_what_does_not_fit_is_left_out_from_the_right_and_what_is_always_shown_is_kept() -> None:
    labels = [Text("x" * 10) for _ in range(5)]
    assert _that_fit(labels, [False, False, False, True, False], 34) == [0, 1, 3]
    assert _that_fit(labels, [False, False, False, True, False], 5) == [3]


async def test_a_narrow_screen_says_that_there_are_more_keys_and_how_to_see_them() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (36, 24)) as pilot:
        await pilot.press("2")
        await pilot.pause()
        assert "…" in line(pilot)
        assert line(pilot).split()[-2:] == ["?", "q"]
        assert len(line(pilot)) <= 36


KEYS = {
    "1": "⏎ Open / Filter l Logs ←→ Moment ? Help q Quit",
    "2": "[ ] Window ←→ Cursor o Set onset p Peers ? Help q Quit",
    "3": "⏎ Open d Dry run ? Help q Quit",
    "4": "R Run l Logs n p Method ? Help q Quit",
    "5": "n p Step g Guideline esc Back ? Help q Quit",
    "6": "n p Check R Check again ? Help q Quit",
    "l": "/ Filter ←→ Cursor [ ] Window c Component s Severity ? q",
    "t": "/ Filter ←→ Cursor [ ] Window c Component s Order ? Help q",
    "e": "/ Filter ←→ Cursor [ ] Window ? Help q Quit",
}


@pytest.mark.parametrize("key", KEYS)
async def test_at_60_columns_each_key_of_a_screen_can_be_read(key: str) -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (60, 20)) as pilot:
        await pilot.press(key)
        await settle(pilot)
        assert " ".join(line(pilot).split()) == KEYS[key]
        assert cell_len(line(pilot)) <= 60


async def test_the_key_that_undoes_a_fault_is_shown_at_any_width() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app, (60, 20)) as pilot:
        app.session.injection = Injection("cpu-stress", "replica-1", State.ACTIVE, open=True)
        await until(pilot, lambda: "X Abort fault" in line(pilot))
        assert {"?", "q"} <= set(line(pilot).split())


async def test_before_there_is_telemetry_no_key_is_shown_that_needs_it_but_running_methods_says_why_not() -> None:
    reading = threading.Event()

    def connect() -> synthetic.Replay:
        reading.wait()
        return synthetic.Replay(synthetic.incident())

    app = RcaApp(connect, clock=lambda: NOW, first="diagnose")
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "? Help" in line(pilot))
        assert not {"Run", "Pause"} & set(line(pilot).split())
        assert "R runs" not in visible(pilot)
        assert not {"Run", "Pause"} & {hint.label for hint in key_hints(app.screen)}
        await pilot.press("R")
        await until(pilot, lambda: "there is no telemetry yet" in said(app))
        reading.set()
        await until(pilot, lambda: "R Run" in line(pilot))
        assert "Pause" not in line(pilot)


async def test_the_key_of_the_drill_says_that_none_is_played_and_how_to_play_one() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("7")
        await until(pilot, lambda: "no drill is played: 0, then d, plays one" in said(app))
        assert app.current_mode == "overview"
        assert "7" not in {hint.key for hint in key_hints(app.screen)}


@pytest.mark.parametrize("key", ["1", "4"])
async def test_where_a_component_is_chosen_the_way_to_its_logs_is_shown(key: str) -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (60, 24)) as pilot:
        await pilot.press(key)
        await pilot.pause()
        assert "l Logs" in line(pilot)


async def test_the_tab_of_the_screen_is_told_without_colour(monkeypatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    app = app_over(synthetic.Live())
    async with running(app, (60, 24)) as pilot:
        reversed_tabs = [tab.mode for tab in app.screen.query(Tab) if tab.styles.text_style.reverse]
        assert reversed_tabs == ["overview"]
        assert pilot.app.no_color


async def test_ctrl_c_says_which_key_quits() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "q quits; where you type, ctrl+q does" in said(app))
        await pilot.press("question_mark")
        await until(pilot, lambda: len(app.screen_stack) > 1)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: "quits" in said(app))


async def test_a_click_on_a_key_presses_it() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (120, 40)) as pilot:
        await pilot.click(Keys, offset=(line(pilot).index("Pause"), 0))
        await pilot.pause()
        assert app.session.paused


def test_the_row_of_the_consensus_keeps_its_words_apart_where_it_is_narrow() -> None:
    consensus = SimpleNamespace(top=("head",), agree=range(11), voters=range(22))
    colour = {"primary": "red"}
    assert consensus_row(consensus, colour, 30).plain.split() == ["Σ", "consensus", "head", "11/22"]
    assert consensus_row(consensus, colour, 22).plain.split() == ["Σ", "head", "11/22"]
