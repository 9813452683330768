"""The brief of a drill says that B begins only where it does, and the baseline says what a live drill waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import synthetic
from driving import Engine, app_over, running, until, visible

from faults import scenario_drill, scenario_library
from faults.drill import Progress
from faults.states import Phase, State
from rca_tui.game import Game
from rca_tui.opener import DRILL
from rca_tui.screens.dialogs import Confirm
from rca_tui.session import Injection
from rca_tui.work import drill


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


async def test_what_a_live_drill_waits_for_is_shown_until_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    baseline_over, active = threading.Event(), threading.Event()

    def run(*_: Any, progress: Callable[[Progress], None], cancelled: Callable[[], bool], **__: Any) -> Any:
        progress(Progress(Phase.BASELINE, 60.0))
        baseline_over.wait(60)
        progress(Progress(Phase.STEADY, 90.0, "the service is not steady: the p90 latency swings"))
        progress(Progress(Phase.ACTIVE, 60.0))
        active.set()
        while not cancelled():
            time.sleep(0.01)
        return SimpleNamespace(saved=None, state=State.RECOVERED, detail="", command="")

    monkeypatch.setattr(scenario_drill, "run", run)
    monkeypatch.setattr(drill, "bad_sli", lambda snapshot: False)
    app = app_over(synthetic.Live(), armed=True, engine=Engine(), first=DRILL)
    app.session.game = Game("", scenario=scenario_library.find("night-shift")[1])
    waits = "The baseline is over, but the service is not steady: the p90 latency swings."
    async with running(app, (120, 40)) as pilot:
        await pilot.press("B")
        await until(pilot, lambda: isinstance(app.screen, Confirm))
        await pilot.press(*"drill", "enter")
        await until(pilot, lambda: "The baseline runs" in visible(pilot))
        assert waits not in visible(pilot)
        baseline_over.set()
        await until(pilot, lambda: waits in visible(pilot) and active.is_set())
        await pilot.pause()
        assert waits in visible(pilot)
