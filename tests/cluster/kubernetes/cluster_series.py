"""Series of the reference deployment with the labels that its exporters and scrapers write, one pod of it disturbed.

Shapes after the exporters' own documentation; `mock_stack` has the same pods, nodes and addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from mock_stack import ADDRESSES, CLUSTER, GATEWAY_POD, NAMESPACE, NODE_ADDRESSES, NODES, ON_NODE, SERVING
from prometheus_data import Exposition, Value

POD_SCRAPE, KUBELET_SCRAPE = 5, 15
BOUNDS = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, float("inf"))
# Share of the requests at or below each bound: p50 0.4 and p90 0.8; disturbed p50 3.2 and p90 6.4.
CALM = (0.0, 0.0, 0.5, 0.9, 1.0, 1.0, 1.0, 1.0, 1.0)
SLOW = (0.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.9, 1.0, 1.0)
RATE = 2.0  # requests/s of each replica

Disturbed = Callable[[str, int], bool]


def calm(component: str, second: int) -> bool:
    return False


class Reference:
    """Adds the series to an exposition. `disturbed` says which component is in trouble at a second."""

    def __init__(self, out: Exposition, disturbed: Disturbed = calm, honoured: bool = False, seed: int = 7) -> None:
        self.out, self.disturbed, self.honoured = out, disturbed, honoured
        self.noise = np.random.default_rng(seed)
        for component, pod in SERVING.items():
            self._engine(component, pod)
        for component, pod in {**SERVING, "gateway": GATEWAY_POD}.items():
            self._container(component, pod)
            self._add("up", {**self._scraped(pod), "job": "llm/ray"}, lambda second: 1.0)
        self._gateway()
        self._edges()
        for node in NODES:
            self._node(node)

    def level(self, component: str, normal: float, trouble: float, every: int = POD_SCRAPE) -> Value:
        """A gauge with a little noise, another value while the component is disturbed."""
        wiggle = 1 + 0.03 * self.noise.standard_normal(self.out.seconds)

        def value(second: int) -> float | None:
            level = trouble if self.disturbed(component, second) else normal
            return float(max(0.0, level * wiggle[second])) if second % every == 0 else None

        return value

    def counter(self, component: str, normal: float, trouble: float, every: int = POD_SCRAPE) -> Value:
        """Grows by so much a second."""
        rates = [trouble if self.disturbed(component, s) else normal for s in range(self.out.seconds)]
        total = np.cumsum(np.asarray(rates) * (1 + 0.03 * self.noise.standard_normal(self.out.seconds)))
        return lambda second: float(total[second]) if second % every == 0 else None

    def histogram(self, name: str, labels: Mapping[str, str], component: str, scale: float = 1.0) -> None:
        shares = np.array(
            [SLOW if self.disturbed(component, second) else CALM for second in range(self.out.seconds)], dtype=float
        )
        arrived = RATE * (1 + 0.1 * self.noise.standard_normal(self.out.seconds))
        total = np.cumsum(shares * arrived[:, None], axis=0)
        for place, bound in enumerate(BOUNDS):
            le = "+Inf" if bound == float("inf") else repr(bound * scale)
            self._add(f"{name}_bucket", {**labels, "le": le}, _column(total[:, place]))

    def _add(self, metric: str, labels: Mapping[str, str], value: Value) -> None:
        self.out.add(metric, labels, value)

    def _scraped(self, pod: str) -> dict[str, str]:
        """What a PodMonitor's target adds to every series."""
        return {
            "namespace": NAMESPACE,
            "pod": pod,
            "container": "ray",
            "endpoint": "metrics",
            "instance": f"{ADDRESSES[pod]}:8080",
        }

    def _engine(self, component: str, pod: str) -> None:
        labels = {
            **self._scraped(pod),
            "job": "llm/ray",
            "model_name": "model",
            "engine": "0",
            "WorkerId": f"w-{pod}",
            "ReplicaId": f"r-{pod}",
            "SessionName": "session_2026",
        }
        for reason, factor in (("stop", 0.9), ("length", 0.1)):
            value = self.counter(component, RATE * factor, RATE * factor)
            self._add("ray_vllm_request_success_total", {**labels, "finished_reason": reason}, value)
        for name in ("e2e_request_latency", "time_to_first_token", "request_queue_time", "request_decode_time"):
            self.histogram(f"ray_vllm_{name}_seconds", labels, component)
        self.histogram("ray_vllm_inter_token_latency_seconds", labels, component, scale=0.05)
        self._add("ray_vllm_generation_tokens_total", labels, self.counter(component, 512, 300))
        self._add("ray_vllm_num_requests_waiting", labels, self.level(component, 0.5, 9))
        self._add("ray_vllm_num_requests_running", labels, self.level(component, 3, 12))
        self._add("ray_vllm_kv_cache_usage_perc", labels, self.level(component, 0.3, 0.8))
        if component == "ray-head":
            for part, size in (("gcs", 90.0), ("raylet", 40.0)):
                value = self.level("", size, size)
                self._add("ray_component_rss_mb", {**labels, "Component": part, "pid": "7"}, value)

    def _container(self, component: str, pod: str) -> None:
        def series(container: str) -> dict[str, str]:
            kubelet = {"job": "kubelet", "metrics_path": "/metrics/cadvisor", "node": ON_NODE[pod], "endpoint": "https"}
            id_ = f"/kubepods/{pod}/{container}"
            return {**kubelet, "namespace": NAMESPACE, "pod": pod, "container": container, "id": id_}

        every = KUBELET_SCRAPE
        # The pod's own cgroup and its pause container come as well; adding them up would count twice.
        for container, share in (("ray", 1.0), ("fluent-bit", 0.1), ("", 1.1), ("POD", 0.001)):
            labels = series(container)
            self._add("container_cpu_usage_seconds_total", labels, self.counter(component, 2 * share, 7 * share, every))
            self._add("container_memory_working_set_bytes", labels, self.level("", 6e9 * share, 0, every))
            limit = 16e9 if container == "ray" else 0.0
            self._add("container_spec_memory_limit_bytes", labels, self.level("", limit, 0, every))
        ray = series("ray")
        self._add("container_cpu_cfs_periods_total", ray, self.counter("", 10, 10, every))
        self._add("container_cpu_cfs_throttled_periods_total", ray, self.counter(component, 0.5, 8, every))
        for link, rate in (("eth0", 4000.0), ("lo", 9e6), ("net1", 1000.0)):
            labels = {**series("POD"), "interface": link}
            self._add("container_network_receive_bytes_total", labels, self.counter("", rate, rate, every))
            self._add("container_network_transmit_bytes_total", labels, self.counter("", 2 * rate, rate, every))
        state = {"namespace": NAMESPACE, "pod": pod, "container": "ray", "uid": "u", "job": "kube-state-metrics"}
        self._add("kube_pod_container_status_restarts_total", state, lambda s: 2.0 if s % every == 0 else None)
        if component != "gateway":
            self._gpu(component, pod)

    def _gpu(self, component: str, pod: str) -> None:
        """dcgm-exporter's own pod stands in `pod` unless Prometheus honours the labels."""
        node = ON_NODE[pod]
        labels = {"gpu": "0", "UUID": f"GPU-{node}", "device": "nvidia0", "modelName": "NVIDIA A10", "Hostname": node}
        whose = {"namespace": NAMESPACE, "pod": pod, "container": "ray"}
        exporter = {"namespace": "gpu-operator", "pod": f"nvidia-dcgm-exporter-{node}", "container": "exporter"}
        labels |= whose if self.honoured else {**exporter, **{f"exported_{k}": v for k, v in whose.items()}}
        for metric, normal, trouble in (
            ("DCGM_FI_DEV_GPU_UTIL", 60.0, 95.0),
            ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", 0.4, 0.2),
            ("DCGM_FI_DEV_SM_CLOCK", 1700.0, 700.0),
            ("DCGM_FI_DEV_POWER_USAGE", 140.0, 99.0),
            ("DCGM_FI_DEV_POWER_MGMT_LIMIT", 150.0, 100.0),
            ("DCGM_FI_DEV_FB_USED", 18000.0, 18000.0),
        ):
            self._add(metric, labels, self.level(component, normal, trouble, KUBELET_SCRAPE))
        self._add("DCGM_FI_DEV_POWER_VIOLATION", labels, self.counter(component, 1e7, 6e8, KUBELET_SCRAPE))

    def _gateway(self) -> None:
        labels = {**self._scraped(GATEWAY_POD), "job": "llm/gateway"}
        self._add("nginx_http_requests_total", labels, self.counter("", 4 * RATE, 4 * RATE))
        self._add("nginx_connections_active", labels, self.level("", 12, 12))

    def _edges(self) -> None:
        """A waypoint in ambient mode with both addresses as tags; ports stand behind them."""
        for component, pod in SERVING.items():
            labels = {
                "namespace": NAMESPACE, "pod": "waypoint-5d", "job": "llm/waypoint", "reporter": "waypoint",
                "source_workload": "nginx", "source_workload_namespace": NAMESPACE,
                "destination_workload": CLUSTER, "destination_workload_namespace": NAMESPACE,
                "destination_service_name": "falcon-serve-svc", "response_code": "200",
                "source_address": f"{ADDRESSES[GATEWAY_POD]}:40312", "destination_address": f"{ADDRESSES[pod]}:8000",
            }  # fmt: skip
            self.histogram("istio_request_duration_milliseconds", labels, component, scale=1000)
            self._add("istio_requests_total", labels, self.counter("", RATE * 0.95, RATE))
            failed = {**labels, "response_code": "503"}
            self._add("istio_requests_total", failed, self.counter(component, RATE * 0.05, RATE * 0.05))

    def _node(self, node: str) -> None:
        labels = {"instance": f"{NODE_ADDRESSES[node]}:9100", "job": "node-exporter", "namespace": "monitoring"}
        labels |= {"pod": f"node-exporter-{node}", "container": "node-exporter", "endpoint": "http-metrics"}
        for mode, rate in (("user", 4.0), ("system", 1.0), ("idle", 11.0)):
            self._add("node_cpu_seconds_total", {**labels, "cpu": "0", "mode": mode}, self.counter("", rate, rate, 15))
        self._add("node_memory_MemTotal_bytes", labels, lambda s: 64e9 if s % 15 == 0 else None)
        self._add("node_memory_MemAvailable_bytes", labels, lambda s: 48e9 if s % 15 == 0 else None)


def _column(total: np.ndarray) -> Value:
    return lambda second: float(total[second]) if second % POD_SCRAPE == 0 else None
