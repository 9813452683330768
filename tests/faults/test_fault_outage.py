"""A deployment that cannot be reached for a while: the fault is undone when it can."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mock_stack
import pytest
from fake_fault import Keeper
from mock_api import MockApi
from mock_chaos_mesh import ChaosMesh

from cluster.kubernetes.api import ApiError
from cluster.kubernetes.deployment import KubernetesDeployment
from faults import catalog, steady, watchdog
from faults.engine import Engine, Injection
from faults.preflight import Preflight
from faults.states import State
from faults.undo import Undo

pytestmark = pytest.mark.slow


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockApi]:
    for variable in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable.lower()))
    with MockApi() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        mock_stack.reference(server)
        ChaosMesh(server)
        yield server


class Outage:
    """The API server is away until so many waits between two attempts have gone by."""

    def __init__(self, api: MockApi, waits: int) -> None:
        self.api, self.waits = api, waits
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if len(self.slept) == self.waits:
            self.api.up()


@pytest.fixture
def injected(api: MockApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Engine, Injection]]:
    monkeypatch.setattr(watchdog, "start", lambda journal, command: Keeper())
    monkeypatch.setattr(steady, "out_of_bounds", lambda deployment, ratio: "")
    deployment = KubernetesDeployment.connect("mock")

    def assess(*_: Any, **__: Any) -> Preflight:
        return Preflight((), None)

    engine = Engine(deployment, armed=True, folder=tmp_path / "journal", assess=assess)
    yield engine, engine.inject(catalog.load("network-delay", "kubernetes"), "ray-replicas-1", {}, 60)
    deployment.close()


def undo(outage: Outage) -> Undo:
    return Undo(unhealthy=lambda deployment, level: "", stretch=lambda deployment: 0.0, sleep=outage.sleep)


def test_an_outage_of_half_a_minute_is_waited_out(api: MockApi, injected: tuple[Engine, Injection]) -> None:
    engine, injection = injected
    outage = Outage(api, waits=6)
    said: list[str] = []
    api.down()
    undone = undo(outage)(injection.journal, "its time is over", engine.deployment, said.append)
    assert undone.state is State.RECOVERED
    assert sum(outage.slept[:6]) > 29
    assert any("trying again" in one and "does not answer" in one for one in said)


def test_after_a_longer_one_the_watchdog_goes_on(
    api: MockApi, injected: tuple[Engine, Injection], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, injection = injected
    monkeypatch.setattr(watchdog, "RETRY", 0.0)
    api.down()
    never = Outage(api, waits=-1)
    undone = undo(never)(injection.journal, "its time is over", engine.deployment)
    assert undone.state is State.STUCK and "does not answer" in undone.detail and undone.command.startswith("kubectl")
    assert injection.journal.read().unreachable
    assert watchdog.watch(injection.journal, undo(Outage(api, waits=12))) is State.RECOVERED


def test_a_watchdog_that_is_told_to_end_does_not_try_for_ever(
    api: MockApi, injected: tuple[Engine, Injection], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, injection = injected
    monkeypatch.setattr(watchdog, "OUTAGE", -1.0)
    monkeypatch.setattr(watchdog, "RETRY", 0.0)
    api.down()
    never = dataclasses.replace(undo(Outage(api, waits=-1)), outage_patience=0.0)
    assert never(injection.journal, "its time is over").state is State.STUCK
    assert watchdog.watch(injection.journal, never) is State.STUCK
    api.up()


@pytest.mark.parametrize(("status", "passing"), [(None, True), (429, True), (503, True), (403, False), (404, False)])
def test_what_passes_is_an_outage_and_what_is_refused_is_not(status: int | None, passing: bool) -> None:
    assert ApiError("", status).passing is passing
