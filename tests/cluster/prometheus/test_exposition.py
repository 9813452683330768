"""The exposition of a real Prometheus, and the parsing of durations."""

from __future__ import annotations

import json

import pytest
from http_server import Handler, server
from prometheus_data import SECONDS, T0

from cluster.deployment import DeploymentError
from cluster.prometheus import exposition
from cluster.prometheus.client import Prometheus
from cluster.prometheus.exposition import Exposition
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.promql import Source
from cluster.window import Window

WINDOW = Window(T0, T0 + SECONDS)


def test_names_and_queries_of_a_server(prometheus_url: str) -> None:
    with Prometheus(prometheus_url) as client:
        found = exposition.read(client, Source(spellings(Environment.LOCAL)), WINDOW)
    assert {"pod_cpu_usage_seconds_total", "vllm:num_requests_running"} <= found.names
    assert any("pod_cpu_usage_seconds_total" in query.expr for query in found.queries)
    assert found.looks_back == 10.0
    assert found.intervals == {}, "blocks of data and no target"


def _scraping(interval: object) -> dict[str, object]:
    return {
        "/api/v1/label/__name__/values": ["x_total"],
        "/api/v1/metadata": {"x": [{"type": "counter", "help": "", "unit": ""}], "h": [{"type": "histogram"}]},
        "/api/v1/targets": {"activeTargets": [{"labels": {"job": "ray"}, "scrapeInterval": interval}]},
    }


def _answering(interval: object) -> object:
    def answer(handler: Handler) -> None:
        data = _scraping(interval)[handler.path.split("?")[0]]
        handler.reply(200, json.dumps({"status": "success", "data": data}).encode())

    return answer


@pytest.mark.parametrize(("written", "seconds"), [("1s", 1.0), ("1m30s", 90.0), ("500ms", 0.5)])
def test_types_and_intervals(written: str, seconds: float) -> None:
    with server(_answering(written)) as url, Prometheus(url) as client:  # type: ignore[arg-type]
        found = exposition.read(client, Source(spellings(Environment.LOCAL)), WINDOW)
    assert found.intervals == {"ray": seconds}
    assert (found.type_of("x_total"), found.type_of("h_bucket"), found.type_of("y")) == ("counter", "histogram", "")


@pytest.mark.parametrize("written", [None, "soon", 5])
def test_a_malformed_interval_is_refused(written: object) -> None:
    with server(_answering(written)) as url, Prometheus(url) as client, pytest.raises(DeploymentError):  # type: ignore[arg-type]
        exposition.read(client, Source(spellings(Environment.LOCAL)), WINDOW)


def test_a_gauge_named_like_a_part_keeps_its_own_type() -> None:
    found = Exposition(frozenset(), {"jobs_count": "gauge", "jobs": "counter"}, {}, ())
    assert found.type_of("jobs_count") == "gauge"
