"""The exposition of a deployment in a cluster."""

from __future__ import annotations

import json
import time

from http_server import Handler, server

from cluster.http import Login
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.kubernetes.metrics import MetricsReader
from cluster.kubernetes.settings import Metrics
from cluster.prometheus.exposition import HasExposition
from cluster.window import Window

ANSWERS = {
    "/api/v1/label/__name__/values": ["vllm:num_requests_running", "vllm:num_requests_waiting"],
    "/api/v1/metadata": {"vllm:num_requests_running": [{"type": "gauge", "help": "", "unit": ""}]},
    "/api/v1/targets": {"activeTargets": [{"labels": {"job": "ray"}, "scrapeInterval": "15s"}]},
    "/api/v1/query": {"resultType": "vector", "result": []},
}


def _answer(handler: Handler) -> None:
    data = ANSWERS[handler.path.split("?")[0]]
    handler.reply(200, json.dumps({"status": "success", "data": data}).encode())


def test_names_types_intervals_and_queries_of_the_namespace(deployment: KubernetesDeployment) -> None:
    now = time.time()
    with server(_answer) as url:
        reader = MetricsReader(Metrics(url=url), lambda: Login(url), 10.0)
        found = reader.exposition(deployment.stack(), Window(now - 60, now))
    assert isinstance(deployment, HasExposition)
    assert found.intervals == {"ray": 15.0}
    assert found.type_of("vllm:num_requests_running") == "gauge"
    running = next(query for query in found.queries if query.signal == "running_requests")
    assert 'namespace="' in running.expr and "vllm:num_requests_running" in running.expr
