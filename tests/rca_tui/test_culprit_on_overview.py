"""Overview shows whom to look at: the culprit of nine drills is the first row, in red, at three sizes of a terminal."""

from __future__ import annotations

import pytest
from driving import running
from textual.color import Color

from cluster.incident import library
from cluster.replay import ReplayDeployment
from cluster.topology import Kind
from rca_tui.app import RcaApp
from rca_tui.glyphs import BAD
from rca_tui.widgets.rows import Rows

DRILLS = ("drill-01", "drill-02", "drill-13", "drill-14", "drill-21", "drill-25", "drill-27", "drill-53", "drill-61")
SIZES = ((80, 24), (120, 40), (160, 50))
WITHIN = 15.0
"""Seconds after the fault; some are undone before."""


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("name", DRILLS)
async def test_the_culprit_is_the_first_row_and_red_soon_after_the_fault(name: str) -> None:
    incident, truth = library.load_with_truth(name)
    # Of more load than all can serve nobody is to blame: they are in trouble together.
    culprits = truth.components or tuple(c.id for c in incident.topology.of_kind(Kind.HEAD, Kind.REPLICA))
    app = RcaApp(lambda: ReplayDeployment(incident, name), clock=lambda: incident.window.end)
    async with running(app, SIZES[0]) as pilot:
        app.session.moment = min(truth.injected_at + WITHIN, truth.reverted_at - 1)
        for size in SIZES:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            rows = app.screen.query_one(Rows)
            first = app.screen._compositor.render_strips()[rows.content_region.y + 1]
            sign = next(segment for segment in first if segment.text.strip())
            assert sign.text.strip() == BAD, (size, first.text)
            assert first.text.split()[1].lstrip("├└─│") in culprits, (size, first.text)
            assert rows.key in culprits
            assert sign.style is not None and sign.style.color is not None
            red = Color.parse(app.theme_variables["error"]).rgb
            assert sign.style.color.get_truecolor() == red, (size, sign.style)


@pytest.mark.usefixtures("steady")
async def test_the_row_of_the_culprit_says_what_changed_at_60_columns() -> None:
    incident, truth = library.load_with_truth("drill-21")
    app = RcaApp(lambda: ReplayDeployment(incident, "drill-21"), clock=lambda: incident.window.end)
    async with running(app, (60, 20)) as pilot:
        app.session.moment = truth.injected_at + 30
        await pilot.pause()
        rows = app.screen.query_one(Rows)
        first = app.screen._compositor.render_strips()[rows.content_region.y + 1].text.rstrip()
        assert first.split()[1] == "head" and first.endswith("  calls 0.57→29 s"), first
