"""Faults on endpoints are requests to the addresses that the user named. The servers and the requests are real."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from fake_deployment import wait_for

from cluster.deployment import DeploymentError
from cluster.endpoints import deployment as endpoints
from cluster.endpoints.deployment import ScrapedDeployment, StoredDeployment
from cluster.endpoints.watched import Watched
from faults import catalog, possible
from faults.endpoints.control import reconnect, request_fault, senders
from faults.engine import Engine
from faults.errors import InjectionFailed, ReadOnly
from faults.preflight import Preflight
from faults.states import State
from faults.types import Plan
from faults.undo import Undo
from tests.cluster.http_server import Handler, server

OFFERED = {"kv-pressure", "load-surge", "long-prefill", "retry-storm"}
INJECTION = "20260101T000000-0123abcd"


class Api:
    """An engine that serves one model; `status` is what a completion is answered with."""

    def __init__(self, model: object = "m", status: int = 200) -> None:
        self.model, self.status = model, status
        self.bodies: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def __call__(self, handler: Handler) -> None:
        if handler.command == "GET":
            listed = handler.path == "/v1/models"
            handler.reply(200 if listed else 404, json.dumps({"data": [{"id": self.model}]}).encode())
            return
        with self._lock:
            self.bodies.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        handler.reply(self.status, b"{}")


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a Prometheus: a fault asks it nothing."""
    monkeypatch.setattr(ScrapedDeployment, "_start", lambda self: None)


@pytest.fixture
def two(started: None) -> Iterator[tuple[ScrapedDeployment, list[Api], list[str]]]:
    apis = [Api("first"), Api("--second")]
    with ExitStack() as opened:
        urls = [opened.enter_context(server(api)) for api in apis]
        yield ScrapedDeployment(Watched(tuple(f"{url}/metrics" for url in urls))), apis, urls


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    assert senders.kill(INJECTION).clean


def engine(deployment: ScrapedDeployment, folder: Path, armed: bool = True) -> Engine:
    healthy = Undo(unhealthy=lambda deployment, level: "", stretch=lambda deployment: 0.0)
    return Engine(deployment, armed=armed, folder=folder, undo=healthy, assess=lambda *_, **__: Preflight((), None))


def test_faults_made_of_requests_alone_are_offered_the_others_refused_in_a_sentence(two: Any) -> None:
    deployment = two[0]
    found = {entry.name: catalog.availability(entry.name, deployment) for entry in catalog.entries()}
    assert {name for name, one in found.items() if one.ok} == OFFERED
    for name, one in found.items():
        assert one.ok or (name in one.reason and one.reason.count(".") == 0 and "requests" in one.reason)
    assert set(possible.in_kind("endpoints", gpus=False)) > OFFERED  # a recording may be of anything


def test_a_server_that_others_scrape_gets_no_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StoredDeployment, "__init__", lambda self: None)
    stored = StoredDeployment()  # type: ignore[call-arg]
    assert catalog.availability("load-surge", stored).reason == (
        "requests are sent only to addresses that --targets names"
    )
    fault = catalog.load("load-surge", "endpoints")
    with pytest.raises(DeploymentError, match="--targets"):
        fault.plan(stored, "front-door", fault.parse({}), INJECTION, 10.0)


def test_read_only_sends_nothing(two: Any, tmp_path: Path) -> None:
    deployment, apis, _ = two
    with pytest.raises(ReadOnly):
        engine(deployment, tmp_path, armed=False).inject(
            catalog.load("long-prefill", "endpoints"), "replica-1", {}, 10.0
        )
    assert not any(api.bodies for api in apis)


def test_a_plan_names_the_address_and_sends_nothing(two: Any) -> None:
    deployment, apis, urls = two
    fault = catalog.load("long-prefill", "endpoints")
    plan = fault.plan(deployment, "replica-2", fault.parse({"words": 50}), INJECTION, 10.0)
    assert urls[1] in plan.actions[0] and urls[0] not in plan.actions[0]
    assert (plan.components, plan.faulty) == (("replica-2",), ("replica-2",))
    assert plan.data["argv"][-2:] == ["--tag", INJECTION]
    assert not any(api.bodies for api in apis)


def test_slow_servers_are_asked_at_once_under_one_deadline(started: None, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def slow(handler: Handler) -> None:
        over.wait(0.3)
        Api()(handler)

    def silent(handler: Handler) -> None:
        over.wait(30.0)
        handler.reply(200, b"{}")

    fault = catalog.load("load-surge", "endpoints")

    def plan(urls: list[str]) -> Plan:
        deployment = ScrapedDeployment(Watched(tuple(f"{url}/metrics" for url in urls)))
        return fault.plan(deployment, "front-door", fault.parse({}), INJECTION, 10.0)

    with ExitStack() as opened:
        opened.callback(over.set)
        urls = [opened.enter_context(server(slow)) for _ in range(20)]
        began = time.monotonic()
        assert [url for url, _ in plan(urls).data["servers"]] == urls
        assert time.monotonic() - began < 20 * 0.3
        urls = [opened.enter_context(server(silent)) for _ in range(8)]
        monkeypatch.setattr(request_fault, "_AT_ONCE", 2)
        monkeypatch.setattr(request_fault, "ASKING", 0.5)
        with pytest.raises(DeploymentError, match=r"no answer within 0\.5 s"):
            plan(urls)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "target", "parameters", "hit"),
    [
        ("long-prefill", "replica-2", {"words": 60, "interval": 0.2}, [False, True]),
        ("kv-pressure", "replica-1", {"concurrency": 3}, [True, False]),
        ("load-surge", "front-door", {"rate": 20}, [True, True]),
        ("retry-storm", "front-door", {"burst": 20}, [True, True]),
    ],
)
def test_requests_go_to_the_target_until_it_is_reverted(
    two: Any, tmp_path: Path, name: str, target: str, parameters: dict[str, Any], hit: list[bool]
) -> None:
    deployment, apis, _ = two
    injection = engine(deployment, tmp_path).inject(catalog.load(name, "endpoints"), target, parameters, 60.0)
    try:
        assert injection.plan.faulty == ((target,) if target != "front-door" else ())
        assert wait_for(lambda: [len(api.bodies) > 3 for api in apis] == hit, 60.0)
        for api in apis:
            assert {body["model"] for body in api.bodies} <= {api.model}
    finally:
        undone = engine(deployment, tmp_path).revert(injection)
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert not senders.tagged(injection.plan.injection)


@pytest.mark.slow
def test_the_watchdog_ends_them_without_the_app_and_its_prometheus(two: Any, tmp_path: Path) -> None:
    deployment, _, _ = two
    injection = engine(deployment, tmp_path).inject(catalog.load("load-surge", "endpoints"), "front-door", {}, 60.0)
    assert senders.tagged(injection.plan.injection)
    assert reconnect.connect(injection.record.header) is None
    undone = Undo()(injection.journal, "the app is gone")  # as the watchdog and `recover` do
    assert (undone.state, undone.clean) == (State.RECOVERED, True)
    assert not senders.tagged(injection.plan.injection)
    injection.keeper.wait(30.0)


@pytest.mark.parametrize("status", [400, 401, 404, 503])
def test_what_an_engine_refuses_is_one_sentence_and_no_stream(two: Any, tmp_path: Path, status: int) -> None:
    deployment, apis, urls = two
    apis[0].status = status
    with pytest.raises(InjectionFailed, match=f"{urls[0]} refuses such a request: HTTP {status}") as failed:
        engine(deployment, tmp_path).inject(catalog.load("long-prefill", "endpoints"), "replica-1", {}, 10.0)
    assert failed.value.undone.state is State.RECOVERED
    assert len(apis[0].bodies) == 1


@pytest.mark.parametrize("model", [None, "", 7, "a\x1b[31mb", "x" * 500, {"id": "m"}])
def test_an_address_that_lists_no_models_is_refused_before_anything_is_sent(two: Any, model: object) -> None:
    deployment, apis, urls = two
    apis[1].model = model
    fault = catalog.load("load-surge", "endpoints")
    with pytest.raises(DeploymentError, match="replica-2 takes no requests at the address of its metrics") as refused:
        fault.plan(deployment, "front-door", fault.parse({}), INJECTION, 10.0)
    assert f"{urls[1]}/v1/models" in str(refused.value) and "\x1b" not in str(refused.value)
    assert not any(api.bodies for api in apis)


def test_an_address_that_the_user_has_not_named_is_asked_for_nothing(started: None) -> None:
    asked: list[str] = []

    def elsewhere(handler: Handler) -> None:
        asked.append(handler.path)
        Api()(handler)

    with server(elsewhere) as other:

        def redirect(handler: Handler) -> None:
            handler.send_response(307)
            handler.send_header("Location", f"{other}{handler.path}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()

        with server(redirect) as url:
            deployment = ScrapedDeployment(Watched((f"{url}/metrics",)))
            fault = catalog.load("long-prefill", "endpoints")
            with pytest.raises(DeploymentError, match=r"takes no requests.*HTTP 307"):
                fault.plan(deployment, "replica-1", fault.parse({}), INJECTION, 10.0)
    assert not asked


def test_a_gateway_with_its_own_address_gets_them_itself(started: None) -> None:
    api = Api()
    with server(api) as url, server(Api()) as engine_url:
        deployment = ScrapedDeployment(Watched((f"{engine_url}/metrics",), gateway=f"{url}/metrics"))
        fault = catalog.load("load-surge", "endpoints")
        plan = fault.plan(deployment, "gateway", fault.parse({}), INJECTION, 10.0)
    assert [one[0] for one in plan.data["servers"]] == [url]


def test_of_several_targets_of_one_component_the_one_with_an_api_gets_them(started: None, tmp_path: Path) -> None:
    def exporter(handler: Handler) -> None:
        handler.reply(404, b"")

    with server(exporter) as first, server(Api()) as second:
        file = tmp_path / "fleet.json"
        addresses = [url.removeprefix("http://") for url in (first, second)]
        file.write_text(json.dumps([{"targets": addresses, "labels": {"component": "engine-a"}}]))
        deployment = endpoints.connect(Watched((str(file),)))
        fault = catalog.load("kv-pressure", "endpoints")
        plan = fault.plan(deployment, "engine-a", fault.parse({}), INJECTION, 10.0)
    assert [one[0] for one in plan.data["servers"]] == [second]


def test_the_hand_command_matches_the_process_alone() -> None:
    assert senders.kill_line(INJECTION) == f"pkill -9 -f -- '--tag {INJECTION}$'"
