"""Telemetry goes away under the running app, at a real Prometheus: it stays up, says so, and goes on by itself.

A drill does not go on blind, and nothing that was on disk is lost.
"""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from driving import until, visible
from real_prometheus import RealPrometheus
from textual.pilot import Pilot

from cluster.deployment import Liveness
from cluster.endpoints.deployment import StoredDeployment
from cluster.endpoints.settings import Metrics
from cluster.endpoints.watched import Watched
from cluster.incident import library, store
from faults.states import State
from rca_tui.app import RcaApp
from rca_tui.screens.dialogs import Notice
from tests.bench import hardships
from tests.soak import world

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(300),
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="not installed here: prometheus"),
]

ENGINES = {"head", "replica-0", "replica-1", "replica-2"}
Target = tuple[str, str, dict[str, str]]
"""Address, path and labels, as `RealPrometheus` takes them."""


@dataclass
class Farm:
    """Two servers of two engines each, and the Prometheus that scrapes them."""

    halves: list[world.Engines]
    prometheus: RealPrometheus
    folder: Path

    def connect(self) -> StoredDeployment:
        watched = Watched(prometheus=self.prometheus.url)
        return StoredDeployment(watched, Metrics(url=self.prometheus.url, scrape=1.0))


@pytest.fixture
def farm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Farm]:
    monkeypatch.setattr(StoredDeployment, "step", 1.0)
    with farmed(tmp_path) as made:
        yield made


@contextmanager
def farmed(folder: Path, *others: Target) -> Iterator[Farm]:
    """The farm, which scrapes other targets too."""
    with world.engines("drill-05", 1.0) as first, world.engines("drill-05", 1.0) as second:
        targets = [
            (half.address, f"/{one}", {"instance": f"{one}:8000", "component": one})
            for half, components in ((first, ("head", "replica-0")), (second, ("replica-1", "replica-2")))
            for one in components
        ]
        prometheus = RealPrometheus(folder, [*targets, *others])
        prometheus.start()
        try:
            made = Farm([first, second], prometheus, folder)
            _wait_for_samples(made, ENGINES | {labels["component"] for _, _, labels in others})
            yield made
        finally:
            prometheus.kill()


def _wait_for_samples(farm: Farm, targets: set[str]) -> None:
    """Of all of them: one that has never answered is no known engine."""
    ends = time.monotonic() + 60
    while time.monotonic() < ends:
        try:
            status = farm.connect().status()
            if status.liveness is Liveness.LIVE and {one for one, up in status.components.items() if up} >= targets:
                return
        except Exception:
            time.sleep(0.2)
    pytest.fail("nothing was scraped")


@asynccontextmanager
async def watching(farm: Farm) -> AsyncIterator[Pilot[None]]:
    app = RcaApp(farm.connect, armed=True)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: "LIVE" in header(pilot))
        yield pilot


def header(pilot: Pilot[None]) -> str:
    return visible(pilot).splitlines()[0]


async def test_prometheus_is_killed_and_comes_back(farm: Farm) -> None:
    async with watching(farm) as pilot:
        app = pilot.app
        assert isinstance(app, RcaApp) and app.session.latest is not None
        before = app.session.latest.end
        farm.prometheus.kill()
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "The deployment does not answer" in visible(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: "DOWN" in header(pilot))
        await pilot.press("2")
        await until(pilot, lambda: app.current_mode == "telemetry")
        farm.prometheus.start()
        await until(pilot, lambda: "LIVE" in header(pilot))
        await until(pilot, lambda: app.session.latest is not None and app.session.latest.end > before + 2)
        assert app.session.latest.start < before, "what was read before the outage is still there"


async def test_prometheus_hangs_and_goes_on(farm: Farm) -> None:
    async with watching(farm) as pilot:
        farm.prometheus.hold()
        try:
            await until(pilot, lambda: "STALE" in header(pilot) or "DOWN" in header(pilot))
            await pilot.press("escape", "2")
            assert pilot.app.is_running
        finally:
            farm.prometheus.go_on()
        await until(pilot, lambda: "LIVE" in header(pilot))


async def test_half_of_the_targets_go_and_come_back_as_gaps(farm: Farm) -> None:
    async with watching(farm) as pilot:
        app = pilot.app
        assert isinstance(app, RcaApp)
        farm.halves[1].hold()
        await until(pilot, lambda: app.session.latest is not None and app.session.latest.up.get("replica-1") is False)
        assert app.session.latest is not None
        assert "LIVE" in header(pilot), "the other half is"
        assert app.session.latest.up["replica-0"] is True
        assert "no answer from" in app.session.latest.message
        farm.halves[1].go_on()
        await until(pilot, lambda: app.session.latest is not None and app.session.latest.up.get("replica-1") is True)


async def test_all_targets_go_and_come_back(farm: Farm) -> None:
    async with watching(farm) as pilot:
        for half in farm.halves:
            half.hold()
        await until(pilot, lambda: "DOWN" in header(pilot))
        for half in farm.halves:
            half.go_on()
        await until(pilot, lambda: "LIVE" in header(pilot))


async def test_the_gateway_is_killed_and_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredDeployment, "step", 1.0)
    with ExitStack() as gateway, ExitStack() as engines:
        port = int(gateway.enter_context(world.engines("drill-05", 1.0)).address.rpartition(":")[2])
        labels = {"instance": "gateway:80", "component": "gateway", "gateway": "true"}
        farm = engines.enter_context(farmed(tmp_path, (f"127.0.0.1:{port}", "/head", labels)))
        async with watching(farm) as pilot:
            app = pilot.app
            assert isinstance(app, RcaApp) and app.session.latest is not None
            assert app.session.latest.topology.front_door == "gateway"
            gateway.close()
            await until(pilot, lambda: app.session.latest is not None and app.session.latest.up["gateway"] is False)
            assert "LIVE" in header(pilot), "the engines are"
            assert "no answer from gateway" in app.session.latest.message
            assert all(app.session.latest.up[one] for one in ENGINES)
            for key in "21":
                await pilot.press(key)
            assert "gateway" in visible(pilot)
            gone = app.session.latest.end
            gateway.enter_context(world.engines("drill-05", 1.0, port))
            await until(pilot, lambda: app.session.latest is not None and app.session.latest.up["gateway"] is True)
            await until(pilot, lambda: app.session.latest is not None and app.session.latest.end > gone + 2)
            assert "no answer from" not in app.session.latest.message


@pytest.mark.parametrize("ahead", [-3600.0, 3600.0])
async def test_a_clock_that_is_wrong_is_no_live_telemetry(
    farm: Farm, monkeypatch: pytest.MonkeyPatch, ahead: float
) -> None:
    """This process's clock is off, which looks the same: the two do not agree."""
    async with watching(farm) as pilot:
        real = time.time
        app = pilot.app
        assert isinstance(app, RcaApp)
        monkeypatch.setattr(time, "time", lambda: real() + ahead)
        app.poller._clock = time.time
        way = "behind" if ahead > 0 else "ahead of"
        wrong = f"the clock of Prometheus is 60 min {way} this machine's"
        await until(pilot, lambda: app.session.latest is not None and wrong in app.session.latest.message)
        await until(pilot, lambda: "STALE" in header(pilot))
        monkeypatch.setattr(time, "time", real)
        app.poller._clock = time.time
        await until(pilot, lambda: "LIVE" in header(pilot))


@pytest.mark.parametrize("outage", ["killed", "hangs", "targets"])
def test_no_drill_goes_on_blind(farm: Farm, outage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    world.with_stress(monkeypatch.setattr)
    world.FakeDeployment.start(farm.folder)
    deployment = world.World(farm.folder, farm.connect())
    engine = world.engine(deployment, True, farm.folder / "journal")
    injection = engine.inject(world.Stress(), "replica-1", {}, 120)
    try:
        gone = {
            "killed": farm.prometheus.kill,
            "hangs": farm.prometheus.hold,
            "targets": lambda: [half.hold() for half in farm.halves],
        }[outage]
        timer = threading.Timer(3.0, gone)
        timer.start()
        why = engine.hold(injection)
        timer.join()
    finally:
        undone = engine.revert(injection, "the test ends")
        if outage == "hangs":
            farm.prometheus.go_on()
    assert why, "it ends before its time, with the reason"
    assert injection.remaining() > 0
    assert (undone.state, undone.clean) == (State.RECOVERED, True)


async def test_a_full_disk_under_the_running_app(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> None:
    if missing := hardships.no_small_disk():
        pytest.skip(missing)
    home = farm.folder / "home"
    with hardships.small_disk(home, 512):
        monkeypatch.setenv("XDG_STATE_HOME", str(home))
        async with watching(farm) as pilot:
            await pilot.press("S")
            await until(pilot, lambda: bool(list(library.new_path("x").parent.glob("recorded-*"))))
            (saved,) = library.new_path("x").parent.glob("recorded-*")
            filler = hardships.fill(home)
            await pilot.press("S")
            await until(pilot, lambda: isinstance(pilot.app.screen, Notice))
            assert "No space left" in visible(pilot)
            await pilot.press("escape")
            await until(pilot, lambda: "LIVE" in header(pilot))
            assert store.load(saved).telemetry.metrics.shape[0] > 0
            assert not [path for path in saved.parent.iterdir() if path != saved], "nothing half written is left"
            filler.unlink()
            await pilot.press("S")
            await until(pilot, lambda: len(list(saved.parent.glob("recorded-*"))) == 2)
