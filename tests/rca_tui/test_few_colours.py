"""A terminal with 16 colours, which shows the nearest of its own: states and the row under the cursor stay visible."""

from __future__ import annotations

from typing import Any

import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from rich.color import Color, ColorSystem
from rich.text import Text
from textual import constants
from textual.app import App

from rca_tui.glyphs import BAD, GOOD, UNKNOWN, WARN
from rca_tui.theme import themes
from rca_tui.widgets.lines import Lines

STATES = ("primary", "secondary", "success", "warning", "error", "foreground")
LINES = ("chart-line", "chart-peer", "chart-axis", "chart-onset", "chart-cursor", "border")


def shown(colour: str | None) -> int:
    """The number of the colour that such a terminal shows."""
    assert colour is not None
    number = Color.parse(colour).downgrade(ColorSystem.STANDARD).number
    assert number is not None
    return number


@pytest.mark.parametrize("theme", themes("standard"), ids=lambda theme: theme.name)
def test_no_text_has_the_colour_of_its_background_and_the_cursor_is_seen(theme) -> None:
    background = shown(theme.background)
    values = theme.variables
    for colour in [*(getattr(theme, name) for name in STATES), *(values[name] for name in LINES)]:
        assert shown(colour) != background
    # Yellow and cyan on white cannot be read, nor can dark blue and red on black.
    unreadable = {15: {3, 6, 7, 10, 11, 14}, 0: {1, 4}}[background]
    assert not unreadable & {shown(getattr(theme, name)) for name in STATES}
    for cursor in ("block-cursor", "block-cursor-blurred"):
        row, text = shown(values[f"{cursor}-background"]), shown(values[f"{cursor}-foreground"])
        # The console of Linux shows eight backgrounds.
        assert row % 8 not in {background % 8, text % 8}
    assert shown(theme.error) not in {shown(theme.warning), shown(theme.success)}


def test_more_colours_have_the_themes_as_they_are() -> None:
    assert themes("truecolor") == themes("256") == themes(None)
    assert [t.name for t in themes("standard")] == [t.name for t in themes("256")]


@pytest.mark.usefixtures("steady", "no_estimate")
@pytest.mark.parametrize("key", ["l", "t"])
async def test_a_line_under_the_cursor_has_no_colour_of_its_own(key: str, monkeypatch) -> None:
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "standard")
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app) as pilot:
        await pilot.press(key)
        await settle(pilot)
        shown_lines = list(app.screen.query(Lines))
        assert shown_lines
        for lines in shown_lines:
            lines.show(1, lambda row, width: Text("━━ a call", style="bright_cyan"))
            for focused, look in ((False, (0, 6)), (True, (15, 4))):
                app.screen.set_focus(lines if focused else None)
                await settle(pilot)
                strip = lines.render_line(0)
                seen = [s for s in strip if s.text.strip()]
                assert {(shown(s.style.color.name), shown(s.style.bgcolor.name)) for s in seen if s.style} == {look}


@pytest.mark.usefixtures("steady", "no_estimate")
@pytest.mark.parametrize("light", [False, True])
async def test_the_state_of_the_row_under_the_cursor_is_its_glyph(light: bool, monkeypatch) -> None:
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "standard")
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app) as pilot:
        if light:
            app.action_theme()
            await settle(pilot)
        rows = app.screen.query_one("#components")
        for _ in range(4):
            y = rows.region.y + 1 + rows.cursor_row
            looks = [
                (s.text, shown(s.style.color.name), shown(s.style.bgcolor.name))
                for s in app.screen._compositor.render_strips()[y]
                if s.style and s.style.color and s.style.bgcolor and s.text.strip()
            ]
            assert looks[0][0].strip()[0] in (GOOD, WARN, BAD, UNKNOWN), visible(pilot)
            assert {look[1:] for look in looks} <= {(15, 4), (7, 4)}  # white and, dim, grey on blue
            await pilot.press("down")
            await pilot.pause()


def unseen(app: App[Any]) -> set[str]:
    """What is on the screen in the colour of its background."""
    return {
        segment.text.strip()
        for strip in app.screen._compositor.render_strips()
        for segment in strip
        if segment.text.strip() and segment.style and segment.style.color and segment.style.bgcolor
        if shown(segment.style.color.name) == shown(segment.style.bgcolor.name)
    }


@pytest.mark.usefixtures("steady", "no_estimate", "ranked_here")
@pytest.mark.parametrize("light", [False, True])
async def test_nothing_has_the_colour_of_its_background_wherever_the_cursor_is(light: bool, monkeypatch) -> None:
    monkeypatch.setattr(constants, "COLOR_SYSTEM", "standard")
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (120, 40)) as pilot:
        if light:
            app.action_theme()
        await until(pilot, lambda: app.session.verdict is not None and not app.diagnosing)
        for screen in "1234560lte":
            await pilot.press(screen)
            await settle(pilot)
            for _ in range(4):
                assert not unseen(app), screen
                await pilot.press("tab", "down")
                await pilot.pause()
            if screen == "0":
                await pilot.press("escape")
