"""Starting the app over a deployment of numbers, and a fault engine that touches nothing."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import synthetic
from textual.pilot import Pilot

from faults.states import State, Undone
from rca_tui.app import RcaApp
from rca_tui.screens.overview import OverviewPage
from rca_tui.session import Knob, Offer
from rca_tui.work.injection import Injector

NOW = synthetic.START + synthetic.LENGTH + 0.8

OFFER = Offer(
    name="cpu-stress",
    summary="Busy loops inside the pod take its share of the CPU.",
    available=True,
    reason="",
    needs=("stress-ng on PATH",),
    expects=("target: latency_p90 up 2× or more",),
    targets=synthetic.SERVING,
    knobs=(Knob("workers", "4", "1 to 16", "busy loops"),),
)
MISSING = Offer("gpu-power-cap", "Caps the power.", False, "there is no NVIDIA GPU here", (), (), (), ())


class Engine:
    """An engine whose fault is a flag; `hold` lasts until it is cancelled."""

    def __init__(self) -> None:
        self.active = False
        self.requests: list[tuple[str, Mapping[str, Any], float]] = []
        self.doubt = ""
        self.end = State.RECOVERED

    def check(self, fault: Any, target: str) -> Any:
        return SimpleNamespace(
            checks=[SimpleNamespace(name="steady state", ok=not self.doubt, detail=self.doubt or "ok")]
        )

    def dry_run(self, fault: Any, target: str, parameters: Mapping[str, Any], seconds: float) -> Any:
        return SimpleNamespace(actions=(f"stress-ng --cpu {parameters['workers']} in {target}",), undo="kill 4711")

    def inject(self, fault: Any, target: str, parameters: Mapping[str, Any], seconds: float) -> Any:
        self.requests.append((target, parameters, seconds))
        self.active = True
        plan = SimpleNamespace(faulty=(target,), fault="cpu-stress", parameters=parameters, target=target)
        journal = SimpleNamespace(read=lambda: SimpleNamespace(reverted_at=NOW - 5.0))
        return SimpleNamespace(injected_at=NOW - 60.0, remaining=lambda: seconds, plan=plan, journal=journal)

    def last_recovery(self) -> float:
        return 0.0

    def hold(self, injection: Any, cancelled: Callable[[], bool]) -> str:
        pause = threading.Event()
        while not cancelled():
            pause.wait(0.01)
        return "cancelled"

    def revert(self, injection: Any, why: str, progress: Callable[[str], None]) -> Any:
        progress("reverting")
        self.active = False
        return Undone("20260101T000000-00000000", self.end, True, "read back clean", "rca-tui recover")


def app_over(
    deployment: Any, armed: bool = False, engine: Engine | None = None, first: str = OverviewPage.MODE
) -> RcaApp:
    app = RcaApp(lambda: deployment, armed=armed, clock=lambda: NOW, first=first)
    app.injector = Injector(lambda: app.poller.deployment, armed, lambda: NOW, lambda *_: engine)  # type: ignore[arg-type, return-value]
    app.injector.offers = lambda: (OFFER, MISSING)  # type: ignore[method-assign]
    return app


@asynccontextmanager
async def running(app: RcaApp, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app once its first look has been shown."""
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        yield pilot


async def settle(pilot: Pilot[None]) -> None:
    """Wait for the workers that end by themselves, and for what their messages lead to."""
    for _ in range(2):
        passing = [w for w in pilot.app.workers if w.group != "injection" and not w.is_finished]
        if passing:
            await pilot.app.workers.wait_for_complete(passing)
        await pilot.pause()


async def open_faults(pilot: Pilot[None]) -> None:
    """The Faults screen, with its catalogue and the form of the first fault."""
    await pilot.press("3")
    await until(pilot, lambda: bool(pilot.app.screen.query("#form Select")))


async def until(pilot: Pilot[None], condition: Callable[[], bool]) -> None:
    """Let the app go on until it is so; the test's time limit ends a wait for what never comes."""
    while not condition():
        await pilot.pause(0.01)
    await pilot.pause()


def visible(pilot: Pilot[None]) -> str:
    """What the screen shows, line by line."""
    app = pilot.app
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text for strip in strips)
