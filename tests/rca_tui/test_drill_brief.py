"""The brief of a drill says that B begins only where it does."""

from __future__ import annotations

import threading

import synthetic
from driving import Engine, app_over, running, until, visible

from faults.states import State
from rca_tui.game import Game
from rca_tui.opener import DRILL
from rca_tui.screens.dialogs import Confirm
from rca_tui.session import Injection


async def test_before_the_first_telemetry_it_waits() -> None:
    there = threading.Event()

    class Slow(synthetic.Live):
        def samples(self, *given: object, **named: object) -> object:
            there.wait(60)
            return super().samples(*given, **named)  # type: ignore[arg-type]

    app = app_over(Slow(), armed=True, engine=Engine(), first=DRILL)
    app.session.game = Game("")
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: "Waiting for telemetry" in visible(pilot))
        await pilot.press("B")
        assert not isinstance(app.screen, Confirm)
        there.set()
        await until(pilot, lambda: "B begins. 5 min" in visible(pilot))


async def test_while_the_fault_of_the_drill_before_is_undone_it_waits() -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine(), first=DRILL)
    app.session.game = Game("")
    async with running(app) as pilot:
        assert "B begins. 5 min" in visible(pilot)
        app.session.secret = Injection("freeze", "replica-1", State.REVERTING, open=True)
        await until(pilot, lambda: "is being undone: then B begins" in visible(pilot))
        assert "freeze" not in visible(pilot) and "replica-1" not in visible(pilot)
        await pilot.press("B")
        assert not isinstance(app.screen, Confirm)
        app.session.secret = None
        await until(pilot, lambda: "B begins. 5 min" in visible(pilot))
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
