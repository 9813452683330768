"""Faults of the service as a whole: requests, routing, slices of CPU, two at once. The processes are real."""

from __future__ import annotations

import dataclasses
import http.client
import math
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fake_deployment import FakeDeployment, FakePod, wait_for

from cluster.deployment import Completed, DeploymentError
from cluster.local import layout
from faults import catalog, engine
from faults.engine import Engine
from faults.errors import BadParameters, FaultError
from faults.local.control.process_fault import script
from faults.requests import stream, traffic
from faults.types import Plan

INJECTION = "20260101T000000-0123abcd"
PATIENCE = 60.0


class Service:
    """Answers completions slowly, and keeps count."""

    def __init__(self) -> None:
        self.now = self.most = self.all = 0
        self.bodies: list[bytes] = []
        self._lock = threading.Lock()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                with service._lock:
                    service.now += 1
                    service.all += 1
                    service.most = max(service.most, service.now)
                    service.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                time.sleep(0.05)
                with service._lock:
                    service.now -= 1
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"data: [DONE]\n\n")

            def log_message(self, format: str, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    found = Service()
    yield found
    found.server.shutdown()
    found.server.server_close()


def program(command: Sequence[str], *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*command, *arguments])


@pytest.mark.slow
def test_requests_stay_within_their_bounds_and_end_by_themselves(service: Service) -> None:
    url = f"http://127.0.0.1:{service.port}"
    bounds = ("--words", "30", "--max-tokens", "2", "--concurrency", "3", "--seconds", "4")
    sender = program(stream.PROGRAM, "--url", url, *bounds)
    try:
        assert sender.wait(PATIENCE) == -signal.SIGALRM
    finally:
        sender.kill()
    assert service.all > 3
    assert 1 <= service.most <= 3
    assert b'"max_tokens": 2' in service.bodies[0]
    assert len(set(service.bodies)) == len(service.bodies)


class Ended:
    """In place of a thread: its request is answered at once."""

    def __init__(self, target: Callable[..., None], args: tuple[object, ...], daemon: bool) -> None:
        self._send = partial(target, *args)

    def start(self) -> None:
        self._send()


@pytest.fixture
def answered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    urls: list[str] = []
    monkeypatch.setattr(traffic, "send", lambda url, *_: urls.append(url) or True)
    monkeypatch.setattr(traffic.threading, "Thread", Ended)
    return urls


def test_requests_are_sent_for_as_long_as_a_fault_lasts(answered: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "MAX_RATE", math.inf)
    sender = traffic.Sender([("http://a", "m")], 1, 1, 200, 0)
    assert all(sender.start() for _ in range(int(200 * engine.MAX_SECONDS)))
    assert len(answered) == 120_000


def test_no_more_requests_are_sent_than_so_many_a_second(answered: list[str]) -> None:
    sender = traffic.Sender([("http://a", "m")], 1, 1, 200, 0)
    began = time.monotonic()
    while time.monotonic() < began + 0.5:
        sender.start(wait=False)
    assert 50 < len(answered) <= 0.5 * traffic.MAX_RATE + 10


def test_a_relay_passes_on_what_it_gets(service: Service) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    relay = program(script("relay"), "--listen", "127.0.0.1", "--seconds", "100", f"{port}=127.0.0.1:{service.port}")
    try:
        assert wait_for(lambda: socket.socket().connect_ex(("127.0.0.1", port)) == 0, PATIENCE)
        for _ in range(2):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
            connection.request("POST", "/v1/completions", b"{}")
            assert connection.getresponse().read() == b"data: [DONE]\n\n"
            connection.close()
    finally:
        relay.kill()
        relay.wait()


class Pod(FakePod):
    """With a CPU limit, and a `run` that succeeds."""

    def __init__(self, component: str, folder: Path, quotas: dict[str, dict[str, str]]) -> None:
        super().__init__(component, folder)
        self._quotas = quotas

    def run(self, argv: Any, timeout: float = 10.0) -> Completed:
        return Completed(0, "", "")

    def cpu_limit(self) -> float | None:
        return None

    def cpu_quota(self, cores: float | None = None, period: float = 0.1) -> dict[str, str]:
        if cores is None:
            return dict(self._quotas.setdefault(self.component, {"cpu.max": "max 100000"}))
        return {"cpu.max": f"{cores * period * 1e6:.0f} {period * 1e6:.0f}"}

    def set_cpu_quota(self, quota: Mapping[str, str]) -> None:
        self._quotas[self.component] = dict(quota)


class Gateway:
    def __init__(self) -> None:
        self.stored, self.followed = "even weights", "even"

    def config(self) -> str:
        return self.stored

    def routing(self) -> str:
        return self.followed

    def with_routing(self, name: str, weights: Mapping[str, int], detours: Mapping[str, str]) -> str:
        return f"{name} {dict(weights)} {dict(detours)}"

    def replace(self, config: str, name: str) -> None:
        self.stored, self.followed = config, name

    def usual(self) -> tuple[str, str]:
        return "even weights", "even"

    def restore(self, replaced: str) -> None:
        self.stored, self.followed = self.usual()

    def manual_command(self, name: str) -> str:
        return f"go back from {name}"


class Deployment(FakeDeployment):
    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.quotas: dict[str, dict[str, str]] = {}
        self.routes = Gateway()

    def pod(self, component: str) -> Pod:
        return Pod(component, self.folder, self.quotas)

    def gateway(self) -> Gateway:
        return self.routes


@pytest.fixture
def deployment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    monkeypatch.setattr(layout, "data_ip", lambda pod: "127.0.0.1")
    monkeypatch.setattr(layout, "SERVE_PORT", 9)  # where nobody listens
    FakeDeployment.start(tmp_path)
    return Deployment(tmp_path)


def plan_of(deployment: Deployment, name: str, target: str, seconds: float = 60, **parameters: object) -> Plan:
    fault = catalog.load(name)
    plan = fault.plan(deployment, target, fault.parse(parameters), INJECTION, seconds)
    return Plan.from_json(plan.as_json())


@pytest.mark.parametrize(
    ("name", "target", "faulty", "parameters"),
    [
        ("long-prefill", "replica-0", ("replica-0",), {}),
        ("kv-leak", "head", ("head",), {}),
        ("kv-pressure", "head", ("head",), {}),
        ("retry-storm", "gateway", (), {}),
        ("load-surge", "gateway", (), {}),
        ("hot-replica", "replica-1", ("gateway",), {}),
        ("gateway-slow", "gateway", ("gateway",), {}),
        ("head-overload", "head", ("head",), {}),
        ("two-at-once", "replica-1", ("replica-1", "head"), {"fault": "long-prefill"}),
        ("two-at-once", "gateway", ("gateway", "head"), {"fault": "gateway-slow", "on": "head"}),
    ],
)
def test_in_and_out_again(
    deployment: Deployment, name: str, target: str, faulty: tuple[str, ...], parameters: dict[str, Any]
) -> None:
    fault = catalog.load(name)
    before = (deployment.routes.stored, deployment.routes.followed, dict(deployment.quotas))
    plan = plan_of(deployment, name, target, **parameters)
    assert plan.faulty == faulty
    assert len(plan.components) <= fault.blast_radius
    assert plan.actions
    assert plan.undo
    assert {component for component, _ in fault.expected(target, plan.parameters)} <= {target, *plan.components}
    fault.revert(deployment, plan)
    assert fault.readback(deployment, plan).clean
    try:
        fault.inject(deployment, plan)
        assert not fault.readback(deployment, plan).clean
    finally:
        fault.revert(deployment, plan)
    assert fault.readback(deployment, plan).clean
    fault.revert(deployment, plan)
    quotas = {pod: quota for pod, quota in deployment.quotas.items() if quota != {"cpu.max": "max 100000"}}
    assert (deployment.routes.stored, deployment.routes.followed, quotas) == before


@pytest.mark.parametrize(
    "parameters",
    [
        {"fault": "nonsense"},
        {"other": "two-at-once"},
        {"other": "head-overload"},
        {"other": "crash"},
        {"on": "replica-1"},
        {"on": "nowhere"},
        {"fault": "gateway-slow"},
    ],
)
def test_two_that_do_not_go_together_are_refused(deployment: Deployment, parameters: dict[str, str]) -> None:
    engine = Engine(deployment, armed=False, folder=deployment.folder / "journal")
    with pytest.raises(FaultError) as caught:
        engine.dry_run(catalog.load("two-at-once"), "replica-1", parameters, 10)
    assert "\n" not in str(caught.value)


def test_one_of_two_that_cannot_be_undone_does_not_keep_the_other(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(deployment, "two-at-once", "gateway", fault="gateway-slow", on="head")
    fault = catalog.load("two-at-once")
    fault.inject(deployment, plan)
    monkeypatch.setattr(Pod, "set_cpu_quota", lambda pod, quota: (_ for _ in ()).throw(RuntimeError("no way")))
    with pytest.raises(Exception, match="no way"):
        fault.revert(deployment, plan)
    assert deployment.pod("client").tagged(INJECTION) == []


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("long-prefill", {"words": 10_000}),
        ("kv-leak", {"held": 1000}),
        ("kv-pressure", {"concurrency": 1000}),
        ("retry-storm", {"attempts": 1000}),
        ("load-surge", {"rate": 1e6}),
        ("hot-replica", {"weight": 0}),
        ("gateway-slow", {"period": 60}),
    ],
)
def test_bounds(name: str, parameters: dict[str, float]) -> None:
    with pytest.raises(BadParameters, match=name):
        catalog.load(name).parse(parameters)


def test_a_gateway_that_was_configured_by_hand_is_left_alone(deployment: Deployment) -> None:
    deployment.routes.stored = "by hand"
    with pytest.raises(DeploymentError, match="not the usual one"):
        plan_of(deployment, "hot-replica", "replica-1")


def test_a_forged_prior_configuration_never_reaches_the_gateway(deployment: Deployment) -> None:
    plan = plan_of(deployment, "hot-replica", "replica-1")
    fault = catalog.load("hot-replica")
    fault.inject(deployment, plan)
    fault.revert(deployment, dataclasses.replace(plan, prior={"config": "load_module evil.so;", "routing": "evil"}))
    assert (deployment.routes.stored, deployment.routes.followed) == deployment.routes.usual()
