"""Slow and metastable faults: a storm of retries, a scrape that fails, a cold start. The traffic is real."""

from __future__ import annotations

import contextlib
import json
import signal
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_deployment import FakeDeployment, FakePod, wait_for

from cluster.deployment import Completed, DeploymentError
from cluster.local import layout
from cluster.local.processes import Process, identify
from faults import catalog
from faults.local.control import replica
from faults.paper import plan as on_paper
from faults.requests import stream
from faults.types import Fault, Plan

INJECTION = "20260101T000000-0123abcd"
CAPACITY = 20.0  # requests per second that the service below can do


class Service:
    """Answers one request after the other, in order: what comes faster than that waits."""

    def __init__(self) -> None:
        self.waits: list[tuple[float, float]] = []  # (arrival, seconds until answered)
        lock, waits = threading.Lock(), self.waits
        free = time.monotonic()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                arrival = time.monotonic()
                self.rfile.read(int(self.headers["Content-Length"]))
                nonlocal free
                with lock:
                    mine = free = max(free, arrival) + 1 / CAPACITY
                time.sleep(max(0.0, mine - time.monotonic()))
                waits.append((arrival, time.monotonic() - arrival))
                with contextlib.suppress(OSError):  # the sender ends with its time
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 128

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def late(self, seconds: float) -> list[float]:
        """Waits of the requests that came so long after the first one."""
        first = min(arrival for arrival, _ in self.waits)
        return [wait for arrival, wait in self.waits if arrival >= first + seconds]


def attack(service: Service, *options: str, seconds: int) -> None:
    common = ("--url", service.url, "--words", "4", "--max-tokens", "1", "--seconds", str(seconds))
    sender = subprocess.Popen([*stream.PROGRAM, *common, *options])
    try:
        assert sender.wait(60) == -signal.SIGALRM
    finally:
        sender.kill()
        service.server.shutdown()
        service.server.server_close()


@pytest.mark.slow
@pytest.mark.parametrize(("attempts", "lasts"), [(8, True), (1, False)])
def test_the_overload_outlives_its_trigger_only_with_retries(attempts: int, lasts: bool) -> None:
    service = Service()
    storm = ("--attempts", str(attempts), "--patience", "0.5", "--burst", "0.01", "--trigger", "1.5")
    attack(service, "--interval", "0.2", "--concurrency", "30", *storm, seconds=10)
    waits = service.late(6.0)
    assert waits and (statistics.median(waits) > 0.5) is lasts, waits


@pytest.mark.slow
def test_a_ramp_lets_one_more_in_after_the_other() -> None:
    service = Service()
    attack(service, "--concurrency", "6", "--ramp", "1", seconds=5)
    one, several = 1 / CAPACITY, service.late(3.5)
    alone = [wait for _, wait in service.waits[:5]]
    assert statistics.median(alone) < 2 * one < statistics.median(several)


class Pod(FakePod):
    """Keeps routes and a CPU limit, and has a process that serves."""

    def __init__(self, component: str, folder: Path, world: World) -> None:
        super().__init__(component, folder)
        self._world = world

    def run(self, argv: Sequence[str], timeout: float = 10.0) -> Completed:
        match list(argv):
            case ["ip", "route", "add", *route]:
                self._world.routes.append(route)
            case ["ip", "route", "del", *route]:
                self._world.routes.remove(route)
            case ["ip", "-json", "route", "show", "type", *route]:
                return Completed(0, json.dumps([{"dst": one[1]} for one in self._world.routes if one == route]), "")
            case _:
                raise AssertionError(argv)
        return Completed(0, "", "")

    def manual_command(self, argv: Sequence[str]) -> str:
        return " ".join(argv)

    def replica(self) -> int | None:
        return self._world.serving.pid

    def answers(self) -> bool:
        return self._world.serving.poll() is None

    def cpu_limit(self) -> float | None:
        return self._world.cores

    def cpu_quota(self, cores: float | None = None, period: float = 0.1) -> dict[str, str]:
        return {"cpu.max": f"{cores or self._world.cores:g}"}

    def set_cpu_quota(self, quota: Mapping[str, str]) -> None:
        self._world.cores = float(quota["cpu.max"])


class World(FakeDeployment):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.routes: list[list[str]] = []
        self.cores = 0.5
        self.serve()

    def serve(self) -> None:
        self.serving = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"])

    def pod(self, component: str) -> Pod:
        return Pod(component, self.folder, self)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    FakeDeployment.start(tmp_path)
    world = World(tmp_path)
    yield world
    world.serving.kill()
    world.serving.wait()


def plan_of(fault: Fault[Any], world: World, **parameters: object) -> Plan:
    return Plan.from_json(fault.plan(world, "replica-1", fault.parse(parameters), INJECTION, 60).as_json())


def test_a_scrape_is_dropped_and_comes_back(world: World) -> None:
    fault = catalog.load("telemetry-loss")
    plan = plan_of(fault, world)
    assert plan.faulty == ()
    assert plan.undo == f"ip route del blackhole {layout.management_ip(layout.NODE)}/32"
    fault.revert(world, plan)
    assert fault.readback(world, plan).clean
    fault.inject(world, plan)
    assert not fault.readback(world, plan).clean
    with pytest.raises(DeploymentError, match="undo that first"):
        plan_of(fault, world)
    for _ in range(2):
        fault.revert(world, plan)
        assert fault.readback(world, plan).clean
    assert world.routes == []


def test_a_replica_starts_slowly_until_the_limit_is_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replica, "RESTART_PATIENCE", 0.0)
    fault = catalog.load("slow-start")
    plan = plan_of(fault, world)
    killed = identify(world.serving.pid)
    assert isinstance(killed, Process) and plan.faulty == ("replica-1",)
    fault.revert(world, plan)
    assert fault.readback(world, plan).clean and killed.alive()
    fault.inject(world, plan)
    assert wait_for(lambda: world.serving.poll() is not None)
    assert world.cores == 0.25 and not fault.readback(world, plan).clean
    with pytest.raises(DeploymentError, match="no replica answers") as caught:
        fault.revert(world, plan)
    assert caught.value.passing, "Ray may be starting again: it is tried for longer, and by the watchdog after that"
    world.serve()
    fault.inject(world, plan)  # another process: it is not killed
    assert not fault.readback(world, plan).clean and world.serving.poll() is None
    for _ in range(2):
        fault.revert(world, plan)
        assert fault.readback(world, plan).clean
    assert world.cores == 0.5


def test_a_limit_that_slows_nothing_is_refused(world: World) -> None:
    with pytest.raises(DeploymentError, match="ask for fewer than that"):
        plan_of(catalog.load("slow-start"), world, cores=0.5)


def test_what_should_stop_is_said_on_paper() -> None:
    said = on_paper("telemetry-loss", "replica-1", {}, 60.0).expectations()
    assert said[0] == "token_rate of replica-1 no longer measured"
