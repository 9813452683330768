"""No list or text takes more room, or less, than what it shows."""

from __future__ import annotations

from typing import Any

import evidence_incident
import pytest
import synthetic
from driving import app_over, running, settle, until, visible
from rich.text import Text

from rca_tui.widgets.fitted import Fitted
from rca_tui.widgets.lines import Lines
from rca_tui.widgets.rows import Rows

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


@pytest.mark.usefixtures("ranked_here")
async def test_no_blank_line_is_left_above_the_chances_of_a_verdict() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app) as pilot:
        app.action_diagnose()
        await until(pilot, lambda: app.session.verdict is not None and not app.diagnosing)
        await settle(pilot)
        await pilot.press("4")  # its first text is drawn before it is known how wide it is
        await settle(pilot)
        head = app.screen.query_one("#answer-head", Fitted)
        drawn = visible(pilot).splitlines()[head.region.y : head.region.bottom]
        assert drawn[-1].strip()


@pytest.mark.parametrize("size", [(80, 24), (60, 20), (120, 40)])
async def test_no_list_has_a_bar_to_scroll_sideways_and_the_row_of_the_cursor_is_seen(size: tuple[int, int]) -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, size) as pilot:
        for key in "12346":
            await pilot.press(key)
            await settle(pilot)
            for rows in app.screen.query(Rows):
                assert not rows.show_horizontal_scrollbar, (key, rows.id)
                seen = rows.cursor_row - round(rows.scroll_offset.y) + rows.show_header
                assert not rows.row_count or 0 <= seen < rows.content_region.height, (key, rows.id)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_the_lines_get_the_room_that_the_templates_do_not_need(size: tuple[int, int]) -> None:
    app: Any = app_over(synthetic.Replay(evidence_incident.incident()))
    async with running(app, size) as pilot:
        await pilot.press("l")
        templates, lines = (app.screen.query_one(name, Lines) for name in ("#templates", "#lines"))
        await until(pilot, lambda: templates.count > 0)
        await settle(pilot)
        assert templates.region.height <= templates.count
        assert lines.region.y == templates.region.bottom + 1  # below the heading
        templates.show(1, lambda *_: Text("one"))
        await until(pilot, lambda: templates.region.height == 1)
