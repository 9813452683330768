"""What a target of an existing Prometheus is, by the metrics that it has."""

from __future__ import annotations

from typing import Any

import pytest

from cluster.endpoints.addresses import addresses_of
from cluster.endpoints.deployment import StoredDeployment
from cluster.endpoints.watched import Watched

EXPORTS = {
    "engine:8000": {"vllm:num_requests_running", "vllm:request_success_total"},
    "router:80": {"vllm:num_requests_running", "vllm:request_latency_seconds_count", "vllm:request_errors_total"},
    "host:9100": {"node_cpu_seconds_total"},
}


class Server:
    def instant(self, query: str, at: float) -> dict[tuple[tuple[str, str], ...], float]:
        asked = set(query.partition('__name__=~"')[2].partition('"')[0].split("|"))
        return {(("instance", address),): 1.0 for address, names in EXPORTS.items() if names & asked}


def test_a_router_that_repeats_names_of_engines_is_a_gateway() -> None:
    deployment: Any = StoredDeployment.__new__(StoredDeployment)
    deployment.watched, deployment._gateways = Watched(prometheus="http://p:9090"), ()
    names = frozenset().union(*EXPORTS.values())
    found = deployment._roles(Server(), names, "", 0.0)
    assert found == {"engine:8000": "replica", "router:80": "gateway", "host:9100": "node"}


@pytest.mark.parametrize(
    ("url", "known"),
    [("http://g", "g"), ("http://g:80/metrics", "g"), ("https://g", "g:443"), ("http://g:8080", "g:8080")],
)
def test_23_a_gateway_is_found_with_and_without_the_default_port_that_prometheus_3_does_not_add(
    url: str, known: str
) -> None:
    assert known in addresses_of(url, "--gateway")
    deployment: Any = StoredDeployment.__new__(StoredDeployment)
    deployment.watched, deployment._gateways = Watched(prometheus="http://p:9090"), ("host:9100", "g")
    assert deployment._roles(Server(), frozenset({"node_cpu_seconds_total"}), "", 0.0) == {"host:9100": "gateway"}
