"""Filters of lists: on every screen, in the order of the keys, without work for each key."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.coordinate import Coordinate
from textual.widgets import Input

from rca_tui.app import RcaApp
from rca_tui.screens.overview import OverviewPage
from rca_tui.widgets.rows import ListFilter, Rows

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


def replay() -> RcaApp:
    return app_over(synthetic.Replay(synthetic.incident()))


def keys_of(app: RcaApp, table: str) -> list[str]:
    return [str(key.value) for key in app.screen.query_one(table, Rows).rows]


def typed(app: RcaApp, text: str) -> None:
    """Keys that arrive together; < is Backspace."""
    for character in text:
        key = {"<": "backspace", "/": "slash"}.get(character, character)
        app.post_message(events.Key(key, None if character == "<" else character))


async def test_keys_that_arrive_together_are_handled_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    fills: list[None] = []
    refill = OverviewPage.refill

    def counted(page: OverviewPage) -> None:
        fills.append(None)
        refill(page)

    app = replay()
    async with running(app) as pilot:
        monkeypatch.setattr(OverviewPage, "refill", counted)
        typed(app, "/replx<ica-x<1")
        field = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "replica-1")
        await until(pilot, lambda: keys_of(app, "#components") == ["replica-1"])
        assert len(fills) < 4


@pytest.mark.parametrize("screen", ["l", "t", "e"])
async def test_letters_after_the_slash_are_words_and_no_keys_of_the_screen(screen: str) -> None:
    app = replay()
    async with running(app) as pilot:
        await pilot.press(screen)
        await settle(pilot)
        mode, component = app.current_mode, app.session.component
        typed(app, "/esclt17x</X")
        field = app.screen.query_one("#filter", Input)
        await until(pilot, lambda: field.value == "esclt17/X")
        assert (app.current_mode, app.session.component) == (mode, component)


@pytest.mark.usefixtures("ranked_here")
@pytest.mark.parametrize(
    ("screen", "table", "words", "left"),
    [
        ("2", "#signals", "lat 90", ["latency_p90"]),
        ("3", "#catalogue", "cpu", ["cpu-stress"]),
        ("4", "#methods", "nsig", ["nsigma"]),
        ("6", "#checks", "names", None),
    ],
)
async def test_every_list_has_a_filter(screen: str, table: str, words: str, left: list[str] | None) -> None:
    app = replay()
    async with running(app) as pilot:
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        await pilot.press(screen)
        await until(pilot, lambda: bool(app.screen.query(table)) and len(keys_of(app, table)) > 1)
        await settle(pilot)
        everything = keys_of(app, table)
        app.screen.query_one(table).focus()
        await pilot.pause()
        await pilot.press("slash", *words, "enter")
        await pilot.pause()
        assert 0 < len(keys_of(app, table)) < len(everything)
        assert left is None or keys_of(app, table) == left
        assert app.screen.focused is app.screen.query_one(table)
        await pilot.press("slash", "escape")
        await pilot.pause()
        assert keys_of(app, table) == everything
        assert not app.screen.query(ListFilter)


@pytest.mark.usefixtures("ranked_here")
async def test_a_filtered_step_is_the_one_that_is_explained() -> None:
    app = replay()
    async with running(app) as pilot:
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        app.session.method = "baro"
        await pilot.press("5")
        await pilot.pause()
        await pilot.press("slash", *"deviation", "enter")
        await pilot.pause()
        assert "replica-1 rose to 2.2 s." in visible(pilot)


async def test_nothing_that_matches_is_no_error() -> None:
    app = replay()
    async with running(app) as pilot:
        for screen in ("4", "2", "5"):
            await pilot.press(screen)
            await pilot.pause()
            for table in app.screen.query(Rows).results(Rows):
                app.screen.set_focus(table)
            await pilot.press("slash", *"zzz", "enter", "n", "p", "down", "escape")
            await pilot.pause()
        assert not app._exception


@pytest.mark.usefixtures("ranked_here")
async def test_explain_opens_while_methods_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import threading

    from methods.running import runner

    answered = threading.Event()

    def run(*_: object, **__: object) -> Any:
        answered.wait(60)
        yield from ()

    monkeypatch.setattr(runner, "run", run)
    app = replay()
    async with app.run_test(size=(80, 24)) as pilot:
        try:
            await until(pilot, lambda: app.session.diagnosis is not None and app.session.verdict is not None)
            await pilot.press("4", "5")
            await until(pilot, lambda: app.current_mode == "explain")
            assert app.diagnosing
            assert f"{app.session.method} has not answered yet." in visible(pilot)
        finally:
            answered.set()


async def test_the_same_words_in_another_colour_replace_those_that_were() -> None:
    class Colours(App[None]):
        def compose(self) -> ComposeResult:
            yield Rows("rows", header=False)

    async with Colours().run_test() as pilot:
        table = pilot.app.query_one(Rows)
        for colour in ("#e69f00", "#a85f00"):  # of the dark theme, then of the light one
            table.fill([("", 8)], [("key", [Text("trouble", style=colour)])])
        assert table.get_cell_at(Coordinate(0, 0)).style == "#a85f00"
