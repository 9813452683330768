"""Queries of a deployment in a cluster, answered by a real Prometheus over series with the real label shapes."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import prometheus_data
import pytest
from cluster_series import Reference
from mock_api import MockApi
from mock_stack import ADDRESSES, GATEWAY_POD, NAMESPACE, NODES, SERVING, WORKER_PODS
from prometheus_data import T0, Exposition

from cluster import signals
from cluster.deployment import DeploymentError, Liveness
from cluster.kubernetes.deployment import KubernetesDeployment
from cluster.kubernetes.metrics import Scraped, build_queries
from cluster.kubernetes.settings import Metrics
from cluster.prometheus.names import Environment, istio, spellings
from cluster.topology import Kind
from cluster.window import Window

pytestmark = pytest.mark.slow

SECONDS = 600
WINDOW = Window(T0 + 300, T0 + SECONDS)
EVERYTHING = frozenset().union(*(spelling.metrics for spelling in spellings(Environment.KUBERNETES)))


@pytest.fixture(scope="module", params=[False, True], ids=["exported_pod", "honorLabels"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    out = Exposition(T0, SECONDS)
    Reference(out, honoured=request.param)
    with prometheus_data.prometheus(tmp_path_factory.mktemp("prometheus"), out) as url:
        yield url


@pytest.fixture
def behind_proxy(stack: MockApi, server: str) -> MockApi:
    """Prometheus as the operator installs it, reached through the API server."""
    stack.create("namespaces", "", {"metadata": {"name": "monitoring"}})
    stack.create(
        "services", "monitoring", {"metadata": {"name": "prometheus-operated"}, "spec": {"ports": [{"port": 9090}]}}
    )
    stack.backends["monitoring", "prometheus-operated"] = server
    return stack


@pytest.fixture
def seen(behind_proxy: MockApi) -> Iterator[KubernetesDeployment]:
    found = KubernetesDeployment.connect("mock")
    yield found
    found.close()


def middle(values: object) -> float:
    return float(np.nanmedian(np.asarray(values, dtype=float)))


def test_every_signal_has_its_value_and_unit(seen: KubernetesDeployment) -> None:
    samples = seen.samples(WINDOW, 5.0)
    worker, gpu, node = "ray-replicas-1", "ray-replicas-1-gpu-0", NODES[2]
    expected = {
        (worker, "request_rate"): 2.0,
        (worker, "latency_p50"): 0.4,
        (worker, "latency_p90"): 0.8,
        (worker, "ttft_p90"): 0.8,
        (worker, "inter_token_p90"): 0.04,
        (worker, "token_rate"): 512,
        (worker, "queue_length"): 0.5,
        (worker, "kv_usage"): 0.3,
        (worker, "cpu_usage"): 2.2,  # ray and its sidecar, neither the pod's sum nor the pause container
        (worker, "cpu_throttled"): 0.05,
        (worker, "memory_working_set"): 6.6e9,
        (worker, "memory_limit_ratio"): 6 / 16,
        (worker, "network_receive"): 5000,  # every link but loopback
        (worker, "network_transmit"): 10_000,
        (worker, "restarts"): 2,
        ("ray-head", "gcs_memory"): 90e6,
        ("gateway", "latency_p90"): 0.8,
        ("gateway", "request_rate"): 8.0,
        ("gateway", "error_ratio"): 0.05,
        ("gateway", "connections"): 12,
        ("gateway", "cpu_usage"): 2.2,
        (gpu, "gpu_utilization"): 0.6,
        (gpu, "gpu_sm_clock"): 1.7e9,
        (gpu, "gpu_power"): 140,
        (gpu, "gpu_power_limit"): 150,
        (gpu, "gpu_throttle_power"): 0.01,
        (gpu, "gpu_memory_used"): 18000 * 1024**2,
        (node, "cpu_usage"): 5.0,
        (node, "memory_used"): 16e9,
    }
    for column, value in expected.items():
        assert middle(samples.metrics[column]) == pytest.approx(value, rel=0.08), column
    for pod in SERVING:
        assert middle(samples.edge_metrics["gateway", pod, "latency_p90"]) == pytest.approx(0.8, rel=0.05)
        assert middle(samples.edge_metrics["gateway", pod, "request_rate"]) == pytest.approx(2.0, rel=0.05)
        assert middle(samples.edge_metrics["gateway", pod, "error_rate"]) == pytest.approx(0.1, rel=0.1)
    assert {c for c, _ in samples.metrics.columns} == set(seen.topology().ids)
    assert not any("failed" in note for note in samples.notes)
    assert any(note.startswith("not measured here: ") and "gpu_xid_errors" in note for note in samples.notes)


def test_scrape_intervals_are_measured_and_gauges_have_no_holes_between_scrapes(seen: KubernetesDeployment) -> None:
    samples = seen.samples(WINDOW, 5.0, ["memory_working_set", "queue_length", "cpu_usage"])
    with seen.metrics.connect() as prometheus:
        scraped = seen.metrics.scraped(prometheus, seen.stack(), WINDOW)
    assert scraped.intervals["ray_vllm_"] == pytest.approx(5, rel=0.1)
    assert scraped.intervals["cAdvisor"] == pytest.approx(15, rel=0.1)
    assert samples.metrics["ray-replicas-0"].notna().all(axis=None)


def test_a_pod_that_was_replaced_has_one_line_across_both(behind_proxy: MockApi, seen: KubernetesDeployment) -> None:
    behind_proxy.replace_pod(NAMESPACE, WORKER_PODS[0], "falcon-raycluster-x7k2p-replicas-worker-zzzzz", "10.42.1.99")
    # Between the old pod and the new one there is no such component.
    while not any("zzzzz" in component.labels.get("pod", "") for component in seen.topology().components):
        pass
    samples = seen.samples(WINDOW, 5.0, ["queue_length", "request_rate"])
    assert middle(samples.metrics["ray-replicas-0", "queue_length"]) == pytest.approx(0.5, rel=0.1)
    assert middle(samples.edge_metrics["gateway", "ray-replicas-0", "request_rate"]) == pytest.approx(2.0, rel=0.1)


def test_pods_without_a_known_component_are_named(behind_proxy: MockApi) -> None:
    behind_proxy.replace_pod(NAMESPACE, WORKER_PODS[0], "falcon-raycluster-x7k2p-replicas-worker-zzzzz", "10.42.1.99")
    late = KubernetesDeployment.connect("mock")
    samples = late.samples(WINDOW, 5.0, ["queue_length"])
    late.close()
    assert any(WORKER_PODS[0] in note and "left out" in note for note in samples.notes)
    # The newest pod has said nothing yet.
    assert samples.metrics["ray-replicas-2", "queue_length"].isna().all()
    assert samples.metrics["ray-replicas-0", "queue_length"].notna().all()


def test_prometheus_by_url_with_a_token_from_a_file(stack: MockApi, server: str, tmp_path, configure) -> None:
    (tmp_path / "token").write_text("s3cr3t-token-of-prometheus\n")
    configure(f'[contexts.mock.prometheus]\nurl = "{server}"\ntoken_file = "{tmp_path / "token"}"\n')
    found = KubernetesDeployment.connect("mock")
    assert middle(found.samples(WINDOW, 5.0, ["queue_length"]).metrics["ray-head", "queue_length"]) > 0
    assert not any("/proxy/" in path for _, path in stack.requests)
    found.close()


def test_old_data_is_stale_and_the_message_says_why(seen: KubernetesDeployment) -> None:
    status = seen.status()
    assert status.liveness is Liveness.STALE
    assert "scraped no pod" in status.message


def test_how_old_fresh_data_may_be_follows_the_scrape_interval_before_metrics_are_read(
    stack: MockApi, tmp_path: Path, configure: Callable[[str], None]
) -> None:
    """To tell whether a service is healthy again `recover` reads nothing before: it waited for 75 s at any interval."""
    began = int(time.time()) - 120
    out = Exposition(began, 240)  # it goes on while the server starts
    out.add("up", {"namespace": NAMESPACE, "job": "ray"}, lambda second: 1.0 if (began + second) % 5 == 0 else None)
    with prometheus_data.prometheus(tmp_path, out) as url:
        configure(f'[contexts.mock.prometheus]\nurl = "{url}"\n')
        found = KubernetesDeployment.connect("mock")
        status = found.status()
        found.close()
    assert status.liveness is Liveness.LIVE
    assert status.fresh == pytest.approx(2.5 * 5, rel=0.2)


def test_a_failing_prometheus_is_one_sentence(behind_proxy: MockApi, seen: KubernetesDeployment) -> None:
    for break_it, says in (
        (lambda: behind_proxy.backends.clear(), "no endpoints available"),
        (lambda: behind_proxy.forbid("get", "services/proxy"), "refuses the login"),
    ):
        break_it()
        with pytest.raises(DeploymentError, match=says) as refused:
            seen.samples(WINDOW, 5.0, ["queue_length"])
        assert "\n" not in str(refused.value)
        assert seen.status().liveness is Liveness.DOWN
    with pytest.raises(DeploymentError):
        seen.samples(WINDOW, 5.0, ["no_such_signal"])


# Without a server.


def test_callers_and_callees_are_never_mixed() -> None:
    for rule in istio.SPELLINGS[0].rules:
        if rule.edge:
            assert 'reporter="destination"' not in rule.expr
        elif rule.kinds == signals.SERVING:
            assert set(re.findall(r'reporter="(\w+)"', rule.expr)) == {"destination"}


def test_the_server_sums_a_gateway_of_several_pods(stack: MockApi) -> None:
    from mock_stack import nginx_pod

    stack.create("pods", NAMESPACE, nginx_pod("nginx-6d4b75cb6d-zzzzz"))
    found = KubernetesDeployment.connect("mock")
    queries, _ = build_queries(
        found.stack(), Scraped(EVERYTHING, {}, 0.0), Metrics(url="http://x"), ["request_rate", "cpu_usage"]
    )
    found.close()
    of_gateway = [query for query in queries if query.kinds == {Kind.GATEWAY}]
    assert of_gateway and all(
        query.labels == ("namespace",) and 'pod=~"nginx-.*"' in query.expr for query in of_gateway
    )
    assert ADDRESSES[GATEWAY_POD] in found.stack().addresses
