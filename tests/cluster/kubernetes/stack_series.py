"""Series of a stack of `stacks`, each in a namespace of its own: engines, containers, and what routes to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from cluster_series import BOUNDS, CALM, KUBELET_SCRAPE, POD_SCRAPE, RATE, SLOW
from prometheus_data import Exposition, Value
from stacks import Pod

Disturbed = Callable[[str, int], bool]


class StackSeries:
    """Adds series to an exposition. `disturbed` says which pod, by name, is in trouble at a second."""

    def __init__(self, out: Exposition, namespace: str, disturbed: Disturbed, seed: int = 7) -> None:
        self.out, self.namespace, self.disturbed = out, namespace, disturbed
        self.noise = np.random.default_rng(seed)

    def engine(self, pod: Pod, prefix: str = "vllm:") -> None:
        """What vLLM exports under that prefix."""
        name, labels = pod["metadata"]["name"], {**self._scraped(pod), "model_name": "m", "engine": "0"}
        for reason in ("stop", "length"):
            value = self._counter(name, RATE / 2, RATE / 2)
            self.out.add(f"{prefix}request_success_total", {**labels, "finished_reason": reason}, value)
        for what in ("e2e_request_latency", "time_to_first_token", "inter_token_latency"):
            self.histogram(f"{prefix}{what}_seconds", labels, (name,))
        self.out.add(f"{prefix}num_requests_waiting", labels, self.level(name, 0.5, 9))
        self.out.add(f"{prefix}num_requests_running", labels, self.level(name, 3, 12))
        self.out.add(f"{prefix}kv_cache_usage_perc", labels, self.level(name, 0.3, 0.8))
        self.out.add(f"{prefix}generation_tokens_total", labels, self._counter(name, 512, 300))

    def container(self, pod: Pod, of: str = "") -> None:
        """What the kubelet and the scraper say of a pod. `of`: the pod whose trouble shows in it."""
        name = pod["metadata"]["name"]
        main = pod["spec"]["containers"][0]["name"]
        labels = {"job": "kubelet", "metrics_path": "/metrics/cadvisor", "namespace": self.namespace, "pod": name}
        labels |= {"container": main, "node": pod["spec"]["nodeName"], "id": f"/kubepods/{name}"}
        value = self._counter(of or name, 2, 7, KUBELET_SCRAPE)
        self.out.add("container_cpu_usage_seconds_total", labels, value)
        self.out.add("container_memory_working_set_bytes", labels, self.level("", 6e9, 0, KUBELET_SCRAPE))
        self.out.add("up", {**self._scraped(pod), "job": "pods"}, lambda second: 1.0)

    def picker(self, pod: Pod, engines: list[Pod]) -> None:
        """The endpoint picker: all requests, and each engine's queue as it knows it."""
        labels, names = {**self._scraped(pod), "model_name": "m"}, [one["metadata"]["name"] for one in engines]
        self.out.add("inference_objective_request_total", labels, self._counter("", RATE * len(names), 0))
        self.histogram("inference_objective_request_duration_seconds", labels, names)
        for name in names:
            own = {**self._scraped(pod), "name": "pool", "model_server_pod": name}
            self.out.add("inference_pool_per_pod_queue_size", own, self.level(name, 0.5, 9))
        self.out.add("inference_pool_average_kv_cache_utilization", {**labels, "name": "pool"}, self.level("", 0.3, 0))

    def router(self, pod: Pod, engines: list[Pod]) -> None:
        """The production stack's router: its calls by the engine's address, and a gauge under an engine's name."""
        for one in engines:
            name, server = one["metadata"]["name"], f"http://{one['status']['podIP']}:8000"
            labels = {**self._scraped(pod), "server": server}
            about = {**labels, "model": "m", "status": "success"}
            self.histogram("vllm:request_latency_seconds", about, (name,))
            self.out.add("vllm:request_latency_seconds_count", about, self._counter("", RATE, 0))
            self.out.add("vllm:num_requests_running", labels, self.level("", 77, 0))

    def nginx(self, pod: Pod) -> None:
        labels = self._scraped(pod)
        self.out.add("nginx_http_requests_total", labels, self._counter("", 4 * RATE, 0))
        self.out.add("nginx_connections_active", labels, self.level("", 12, 12))

    def histogram(self, name: str, labels: Mapping[str, str], pods: tuple[str, ...] | list[str]) -> None:
        """Of requests that go to the pods in equal shares."""
        seconds = range(self.out.seconds)
        shares = [[SLOW if self.disturbed(pod, s) else CALM for pod in pods] for s in seconds]
        arrived = RATE * (1 + 0.1 * self.noise.standard_normal(self.out.seconds))
        total = np.cumsum(np.sum(np.array(shares, dtype=float), axis=1) * arrived[:, None], axis=0)
        for place, bound in enumerate(BOUNDS):
            le = "+Inf" if bound == float("inf") else repr(bound)
            self.out.add(f"{name}_bucket", {**labels, "le": le}, _sampled(total[:, place]))

    def level(self, pod: str, normal: float, trouble: float, every: int = POD_SCRAPE) -> Value:
        wiggle = 1 + 0.03 * self.noise.standard_normal(self.out.seconds)
        levels = [trouble if self.disturbed(pod, s) else normal for s in range(self.out.seconds)]
        return _sampled(np.maximum(0.0, np.array(levels) * wiggle), every)

    def _counter(self, pod: str, normal: float, trouble: float, every: int = POD_SCRAPE) -> Value:
        rates = [trouble if self.disturbed(pod, s) else normal for s in range(self.out.seconds)]
        return _sampled(np.cumsum(np.array(rates) * (1 + 0.03 * self.noise.standard_normal(self.out.seconds))), every)

    def _scraped(self, pod: Pod) -> dict[str, str]:
        instance = f"{pod['status']['podIP']}:8000"
        return {"namespace": self.namespace, "pod": pod["metadata"]["name"], "endpoint": "http", "instance": instance}


def _sampled(values: np.ndarray, every: int = POD_SCRAPE) -> Value:
    return lambda second: float(values[second]) if second % every == 0 else None
