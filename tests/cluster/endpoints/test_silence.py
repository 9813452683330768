"""Targets that do not answer: which, why, what to do. A virtual front door is none of them."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from http_server import Handler, server

from cluster.capture import capture
from cluster.deployment import DeploymentError, Liveness, Status
from cluster.endpoints import doctor, silence
from cluster.endpoints.deployment import EndpointsDeployment
from cluster.endpoints.fleet import FRONT_DOOR, Member, fleet_of
from cluster.endpoints.reading import View
from cluster.endpoints.watched import Watched
from cluster.http import Login
from cluster.kubernetes.doctor import Verdict
from cluster.topology import Component, Kind
from cluster.window import Window

REFUSED = 'Get "http://a:1/metrics?token=secret": dial tcp 10.0.0.1:1: connect: connection refused'
LATE = 'Get "http://b:1/metrics": context deadline exceeded'


class Watching(EndpointsDeployment):
    """Two replicas and a virtual front door in a Prometheus that says of each whether it is up."""

    def __init__(self, url: str) -> None:
        super().__init__(Watched(("http://a:1/metrics", "http://b:1/metrics")))
        self._url = url

    def login(self) -> Login:
        return Login(self._url)

    def look(self, server: Any, window: Window) -> View:
        fleet = fleet_of([Member("a:1"), Member("b:1")])
        return View(fleet, "component", {own: own for own in fleet.ids}, "", frozenset({"up"}), 1.0)


def prometheus(errors: dict[str, str], targets: int = 200) -> Any:
    """Scrapes two replicas, of which those in `errors` are down."""

    def answer(handler: Handler) -> None:
        ups = [
            {"metric": {"component": own}, "value": [time.time(), "0" if own in errors else "1"]}
            for own in ("replica-1", "replica-2")
        ]
        active = [{"labels": {"component": own}, "lastError": error} for own, error in errors.items()]
        status: int = 200
        data: Any = {"resultType": "vector", "result": ups}
        if "/targets" in handler.path:
            status, data = targets, {"activeTargets": active}
        elif "query_range" in handler.path:
            data = {"resultType": "matrix", "result": []}
        elif "time()" in (asked := handler.query.get("query", "")):
            value = time.time() if asked == "vector(time())" else 0.4
            data = {"resultType": "vector", "result": [{"metric": {}, "value": [time.time(), repr(value)]}]}
        elif "query" not in handler.path:
            data = ["up"]
        handler.reply(status, json.dumps({"status": "success", "data": data}).encode())

    return answer


def status_of(errors: dict[str, str], targets: int = 200) -> Status:
    with server(prometheus(errors, targets)) as url:
        return Watching(url).status()


def test_where_no_target_answers_each_is_named_with_its_reason_and_what_to_do() -> None:
    status = status_of({"replica-1": REFUSED, "replica-2": LATE})
    assert status.liveness is Liveness.DOWN
    assert status.components == {"replica-1": False, "replica-2": False}, "the virtual front door is not asked"
    assert status.message == (
        "no target answers: replica-1 (a:1): connection refused; replica-2 (b:1): no answer in time. Check that the "
        "engines run and that curl reads these addresses. Who is at fault cannot be told from this."
    )


def test_where_one_answers_the_front_door_serves_and_only_the_other_is_named() -> None:
    status = status_of({"replica-2": "server returned HTTP status 500 Internal Server Error"})
    assert status.liveness is Liveness.LIVE and status.components[FRONT_DOOR]
    assert status.message == "no answer from replica-2 (b:1): HTTP 500"


def test_a_server_that_does_not_say_why_is_no_reason_not_to_answer() -> None:
    assert status_of({"replica-2": LATE}, targets=403).message == "no answer from replica-2 (b:1)"


def test_an_incident_without_any_answer_says_so() -> None:
    with (
        server(prometheus({"replica-1": REFUSED, "replica-2": REFUSED})) as url,
        pytest.raises(DeploymentError, match=r"no target answers: replica-1 \(a:1\), replica-2 \(b:1\): connection"),
    ):
        capture(Watching(url), Window(time.time() - 30.0, time.time()))


def test_doctor_ends_with_the_targets_that_do_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "SETTLED", 0.0)
    with server(prometheus({"replica-1": REFUSED, "replica-2": REFUSED})) as url:
        monkeypatch.setattr(doctor, "connect", lambda watched: Watching(url))
        found = list(doctor.checks(Watched(("http://a:1/metrics",))))
    assert [check.name for check in found] == ["targets", "scrapes"]
    assert found[1].verdict is Verdict.FAIL and "front-door" not in found[1].found
    assert found[1].found.endswith("connection refused") and "curl" in found[1].fix


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (REFUSED, "connection refused"),
        ('Get "http://x/": dial tcp: lookup x on 8.8.8.8:53: no such host', "the name is not known"),
        ("server returned HTTP status 404 Not Found", "HTTP 404"),
        ('"\x1b[31m<html>" is not a valid start token', "what it answers are no metrics"),
        (
            'expected metric name after TYPE, got "INVALID"',
            "it quotes names of metrics, which takes Prometheus 3 to read",
        ),
        ("something else", ""),
    ],
)
def test_a_reason_is_a_few_words_without_the_address_and_what_was_answered(error: str, said: str) -> None:
    assert silence.reason(error) == said


def test_of_many_targets_the_number_is_told() -> None:
    many = [Component(f"replica-{n}", Kind.REPLICA, labels={"address": f"h:{n}"}) for n in range(1, 9)]
    assert silence.sentence(many, {}, nobody=False).endswith("replica-5 (h:5); and 3 more")
    assert silence.sentence([], {}, nobody=False) == ""
