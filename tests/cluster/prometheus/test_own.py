"""A Prometheus of our own gives in few requests what others give in many."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from http_server import Handler, server
from prometheus_data import SECONDS, T0

from cluster.deployment import DeploymentError
from cluster.prometheus.client import Prometheus
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.own import TOGETHER, OwnPrometheus
from cluster.prometheus.promql import Query, Source, resolve
from cluster.window import Window

WINDOW = Window(T0, T0 + SECONDS)


def asking(url: str, queries: Sequence[Query], monkeypatch: pytest.MonkeyPatch):
    """Their answers by both clients, and how many requests ours sent."""
    requests = []
    get = OwnPrometheus._get
    with Prometheus(url) as one, OwnPrometheus(url) as own:
        monkeypatch.setattr(own, "_get", lambda *rest: requests.append(1) or get(own, *rest))
        return one.range(queries, WINDOW, 1.0), own.range(queries, WINDOW, 1.0), len(requests)


@pytest.fixture
def queries(prometheus_url: str) -> list[Query]:
    with Prometheus(prometheus_url) as client:
        return resolve(None, Source(spellings(Environment.LOCAL)), client.names(WINDOW))[0]


def same(one, other) -> bool:
    return all(
        a.keys() == b.keys() and all(np.array_equal(a[key], b[key], equal_nan=True) for key in a)
        for a, b in zip(one.series, other.series, strict=True)
    )


def test_few_requests_answer_as_many(
    prometheus_url: str, queries: list[Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, own, requests = asking(prometheus_url, queries, monkeypatch)
    assert same(one, own) and (own.notes, own.partial) == (one.notes, one.partial)
    assert len(queries) > 30 and requests == -(-len(queries) // TOGETHER)


def test_the_one_that_fails_is_named_and_costs_no_other(
    prometheus_url: str, queries: list[Query], monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Query("running_requests", "sum(", ("component",))
    for some in ([queries[0], bad], [*queries[:20], bad, *queries[20:]]):
        one, own, _ = asking(prometheus_url, some, monkeypatch)
        assert same(one, own) and (own.notes, own.partial) == (one.notes, one.partial)
        assert any("HTTP 400" in note for note in own.notes) and own.series[0]


def test_an_answer_in_part_is_asked_for_one_by_one() -> None:
    def answering(handler: Handler) -> None:
        asked = parse_qs(urlsplit(handler.path).query)["query"][0]
        said = {"warnings": ["1 of 2 blocks is away"]} if "second" in asked else {}
        result = [{"metric": {"component": "head"}, "values": [[T0, "1"]]}]
        handler.reply(200, json.dumps({"status": "success", "data": {"result": result}, **said}).encode())

    asked = [Query(name, name, ("component",)) for name in ("first", "second")]
    with server(answering) as url, OwnPrometheus(url) as own:
        answer = own.range(asked, WINDOW, 1.0)
    assert answer.partial == ("", "1 of 2 blocks is away")
    assert answer.series[0]["head",][0] == 1.0 and np.isnan(answer.series[1]["head",]).all()


def test_a_server_that_is_another_says_so() -> None:
    def answering(handler: Handler) -> None:
        result = [{"metric": {"component": "head", "__query": "7"}, "values": [[T0, "1"]]}]
        handler.reply(200, json.dumps({"status": "success", "data": {"result": result}}).encode())

    with server(answering) as url, OwnPrometheus(url) as own, pytest.raises(DeploymentError, match="form"):
        own.range([Query("queue_length", "up", ("component",))], WINDOW, 1.0)


def test_what_is_silent_ends_at_the_deadline_and_costs_no_other() -> None:
    over = threading.Event()

    def answering(handler: Handler) -> None:
        if "silent" in handler.path:
            over.wait(60)
            return
        result = [{"metric": {"component": "head", "__query": "0"}, "values": [[T0, "1"]]}]
        handler.reply(200, json.dumps({"status": "success", "data": {"result": result}}).encode())

    silent, speaks = (Query(name, name, ("component",)) for name in ("silent", "speaks"))
    with server(answering) as url, OwnPrometheus(url, deadline=2.0) as own:
        try:
            answer = own.range([speaks, silent], WINDOW, 1.0)
            with pytest.raises(DeploymentError, match="too long"):
                own.range([silent] * 3, WINDOW, 1.0)
        finally:
            over.set()
    assert answer.series[0]["head",][0] == 1.0 and answer.notes == (
        "silent: a query to Prometheus failed, it took too long",
    )
