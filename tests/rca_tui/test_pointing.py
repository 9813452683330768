"""Going somewhere with the mouse and with the palette."""

from __future__ import annotations

import pytest
import synthetic
from driving import app_over, running, settle

from rca_tui import palette
from rca_tui.widgets.chart import Chart

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")


async def test_a_click_in_a_chart_moves_the_cursor() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, size=(120, 40)) as pilot:
        await pilot.press("2")
        await settle(pilot)
        chart = app.screen.query_one("#main", Chart)
        # The middle of the plot, which begins after nine cells for the scale.
        await pilot.click(chart, offset=(9 + (chart.size.width - 9) // 2, 8))
        await settle(pilot)
        assert chart.plot is not None and app.session.moment is not None
        assert abs(app.session.moment - (chart.plot.start + chart.plot.end) / 2) < 3
        await pilot.click(chart, offset=(2, 8))
        await settle(pilot)
        assert abs(app.session.moment - (chart.plot.start + chart.plot.end) / 2) < 3


async def test_the_palette_goes_to_components_and_lists_no_halves_of_pairs() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app) as pilot:
        commands = {command.title: command for command in palette.commands(app.screen, app.session)}
        assert "Go to replica-0" in commands and "Telemetry" in commands
        assert not {"Up", "Down", "Later", "Pause"} & set(commands)
        commands["Go to replica-0"].callback()
        await settle(pilot)
        assert app.current_mode == "telemetry" and app.session.subject == ("replica-0", "")
