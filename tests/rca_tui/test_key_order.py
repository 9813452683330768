"""Keys that arrive together: each goes to what has the focus after those before it."""

from __future__ import annotations

import pytest
import synthetic
from driving import Engine, app_over, open_faults, running, until
from textual import events
from textual.widgets import Input, Select

from rca_tui import key_order
from rca_tui.app import RcaApp
from rca_tui.game import Guess
from rca_tui.screens.dialogs import Help
from rca_tui.screens.guess import GuessDialog
from rca_tui.screens.openers import OpenFile, WatchUrls
from rca_tui.screens.picker import IncidentPicker

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


@pytest.fixture(params=[key_order.PATIENCE, 0.0], ids=["quick machine", "slow machine"], autouse=True)
def patience(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine all takes longer than anybody's patience."""
    monkeypatch.setattr(key_order, "PATIENCE", request.param)


def burst(app: RcaApp, *keys: str) -> None:
    for key in keys:
        app.post_message(events.Key(key, " " if key == "space" else key if len(key) == 1 else None))


def values(app: RcaApp) -> list[str]:
    return [field.value for field in app.screen.query(Input)]


async def test_a_guess_typed_at_once_is_taken_as_it_was_typed() -> None:
    app = app_over(synthetic.Live())
    guesses: list[Guess | None] = []
    async with running(app) as pilot:
        app.push_screen(GuessDialog(synthetic.SERVING, ("cpu-stress", "cpu-throttle")), guesses.append)
        burst(app, "down", "space", "tab", "enter", "down", "down", "enter", "tab", "8", "0", "enter")
        await until(pilot, lambda: bool(guesses))
    assert guesses == [Guess(("replica-0",), "cpu-stress", 0.8)]


async def test_fields_of_a_form_take_what_is_typed_after_tab() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        app.push_screen(WatchUrls())
        burst(app, "a", "tab", "b", "tab", "c", "shift+tab", "d")
        await until(pilot, lambda: values(app) == ["a", "bd", "c", ""])


async def test_what_is_pasted_comes_after_what_was_typed_before_it() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        app.push_screen(WatchUrls())
        burst(app, *"ab")
        app.post_message(events.Paste("http://h"))
        burst(app, "c", "tab")
        app.post_message(events.Paste("job"))
        await until(pilot, lambda: values(app)[:2] == ["abhttp://hc", "job"])


async def test_what_is_typed_after_the_key_that_opens_a_dialog_is_for_the_dialog() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        burst(app, "ctrl+o", "3", "2")
        await until(pilot, lambda: isinstance(app.screen, IncidentPicker) and values(app) == ["32"])
        burst(app, "escape", "0", "f", "x", "y")
        await until(pilot, lambda: isinstance(app.screen, OpenFile) and values(app) == ["xy"])
        burst(app, "escape", "2", "question_mark", "escape", "1")
        await until(pilot, lambda: app.current_mode == "overview" and not isinstance(app.screen, Help))


async def test_keys_after_the_key_of_a_screen_are_for_that_screen() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        burst(app, "2", "slash", "q", "u", "e")
        await until(pilot, lambda: isinstance(app.focused, Input) and app.focused.value == "que")
        assert app.current_mode == "telemetry"


async def test_a_fault_is_chosen_and_its_form_filled_in_one_go() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app) as pilot:
        await open_faults(pilot)
        select = app.screen.query_one("#form Select", Select)
        following = synthetic.SERVING[synthetic.SERVING.index(str(select.value)) + 1]
        burst(app, "enter", "enter", "down", "enter")
        await until(pilot, lambda: select.value == following)


async def test_a_widget_that_was_removed_holds_up_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        monkeypatch.setattr(app, "_follow", lambda *_: None)  # what the key went to never answers
        await pilot.press("2")
        monkeypatch.undo()
        app._since = 0.0
        burst(app, "1")
        await until(pilot, lambda: app.current_mode == "overview")
