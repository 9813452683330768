"""Which times the methods read in a live drill."""

from __future__ import annotations

import pytest
import synthetic
from driving import running, settle, until, visible
from test_drill_screen import SCENARIO, Clock, Faulty, begin, faulty, let_pass

from cluster.text.times import between
from rca_tui.app import RcaApp
from rca_tui.game import Game
from rca_tui.opener import DRILL

__all__ = ["faulty"]


@pytest.mark.usefixtures("ranked_here")
async def test_in_a_live_drill_the_methods_read_nothing_from_before_it(faulty: Faulty) -> None:
    deployment = synthetic.Live(now=synthetic.ONSET + 65.0)  # a trouble of 60 s is just over
    clock = lambda: deployment.now  # noqa: E731
    app = RcaApp(
        lambda: deployment, armed=True, clock=clock, first=DRILL, game=Game("", name="mine", scenario=SCENARIO)
    )
    async with running(app, (80, 24)) as pilot:
        await begin(pilot, app)
        assert app.session.drill_since == deployment.now
        await pilot.press("4", "R")
        await until(pilot, lambda: "nothing has arrived yet" in visible(pilot))
        await pilot.press("escape")
        deployment.now += 50.0
        await let_pass(pilot, Clock(), 0.0)
        assert "since the drill began" in " ".join(visible(pilot).split())
        await pilot.press("R")
        await settle(pilot)
        diagnosis = app.session.diagnosis
        assert diagnosis is not None and diagnosis.incident.window.start >= synthetic.ONSET + 65.0
        assert diagnosis.mark is None, "the trouble before the drill is no onset of it"
        window = diagnosis.incident.window
        assert f"read {between(window.start, window.end)}" in visible(pilot)
        await pilot.press("X")
        await until(pilot, lambda: app.session.secret is None)
