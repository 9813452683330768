"""Series with the label shapes of real exporters, as OpenMetrics text, and a real Prometheus that serves them."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

T0 = 1_700_000_000
SECONDS = 120
TURN = 60  # replica-1 vanishes, replica-2 falls idle
PODS = ("head", "replica-0", "replica-1", "replica-2")
# Half of the requests fall into (0.2, 0.4], the next 40 % into (0.4, 0.8], the rest into (0.8, 1.6]: p50 0.4, p90 0.8.
SHARES = {0.2: 0.0, 0.4: 0.5, 0.8: 0.9, 1.6: 1.0, float("inf"): 1.0}

Value = Callable[[int], float | None]
Series = dict[str, dict[str, Value]]


def per_second(pod: str) -> float:
    return 1.0 + PODS.index(pod)


def counter(pod: str, factor: float = 1.0) -> Value:
    """Grows evenly; replica-1's ends at the turn, replica-2's stands still from there."""

    def value(second: int) -> float | None:
        if pod == "replica-1" and second >= TURN:
            return None
        return factor * per_second(pod) * (min(second, TURN) if pod == "replica-2" else second)

    return value


def gauge(pod: str, level: float) -> Value:
    return lambda second: None if pod == "replica-1" and second >= TURN else level


def steady(rate: float) -> Value:
    return lambda second: rate * second


def level(value: float) -> Value:
    return lambda second: value


class Exposition:
    """Collects series and writes them as one OpenMetrics text."""

    def __init__(self, start: int = T0, seconds: int = SECONDS) -> None:
        self.start, self.seconds = start, seconds
        self._series: Series = {}

    def add(self, metric: str, labels: Mapping[str, str], value: Value) -> None:
        text = ",".join(f'{name}="{content}"' for name, content in labels.items())
        self._series.setdefault(metric, {})[f"{metric}{{{text}}}"] = value

    def histogram(self, name: str, labels: Mapping[str, str], count: Value, scale: float = 1.0) -> None:
        def part(share: float) -> Value:
            return lambda second: None if (number := count(second)) is None else share * number

        for bound, share in SHARES.items():
            le = "+Inf" if bound == float("inf") else repr(bound * scale)
            self.add(f"{name}_bucket", {**labels, "le": le}, part(share))

    def text(self) -> Iterator[str]:
        for series in self._series.values():
            for name, value in series.items():
                for second in range(self.seconds):
                    if (sample := value(second)) is not None:
                        yield f"{name} {sample!r} {self.start + second}\n"
        yield "# EOF\n"


def everything() -> Exposition:
    """All spellings at once: their names differ, so they do not meet."""
    out = Exposition()
    for pod in PODS:
        _ray_llm(out, pod)
        _resources(out, pod)
        _ray_serve(out, pod)
        for prefix in ("vllm:", "ray_vllm:", "ray_vllm_"):
            _vllm(out, pod, prefix)
        labels = {"component": pod, "instance": "10.78.0.11:9400", "job": "engine"}
        out.add("llamacpp:tokens_predicted_total", labels, counter(pod, 16))
        out.add("llamacpp:requests_deferred", labels, gauge(pod, 2))
        out.add("llamacpp:requests_processing", labels, gauge(pod, 3))
        out.add("llamacpp:kv_cache_usage_ratio", labels, gauge(pod, 0.25))
    _gateway(out)
    for pod, since in (("replica-1", T0 + 40), ("replica-2", T0 + 10)):
        out.add("ALERTS_FOR_STATE", {"alertname": "Slow", "pod": pod}, level(since))
    return out


def _ray_llm(out: Exposition, pod: str) -> None:
    labels = {"component": pod, "job": "ray", "deployment": "LLM", "replica": f"id-of-{pod}", "SessionName": "s"}
    out.add("ray_llm_requests_total", {**labels, "outcome": "ok"}, counter(pod))
    out.add("ray_llm_requests_total", {**labels, "outcome": "error"}, counter(pod, 0.1))
    for name in ("request_duration", "time_to_first_token", "time_per_output_token", "request_queue"):
        out.histogram(f"ray_llm_{name}_seconds", labels, counter(pod))
    out.add("ray_llm_generated_tokens_total", labels, counter(pod, 16))
    out.add("ray_llm_requests_waiting", labels, gauge(pod, 2))
    out.add("ray_llm_requests_in_flight", labels, gauge(pod, 5))
    out.add("ray_llm_requests_running", labels, gauge(pod, 4))
    out.add("ray_llm_slots", labels, gauge(pod, 0 if pod == "head" else 8))
    out.add("ray_llm_kv_cache_usage_ratio", labels, gauge(pod, 0.5))


def _resources(out: Exposition, pod: str) -> None:
    labels = {"component": pod, "job": "exporter"}
    out.add("pod_cpu_usage_seconds_total", labels, counter(pod, 0.1))
    out.add("pod_cpu_periods_total", labels, level(7) if pod == "head" else counter(pod, 10))
    out.add("pod_cpu_throttled_periods_total", labels, level(3) if pod == "head" else counter(pod, 4))
    out.add("pod_memory_working_set_bytes", labels, gauge(pod, 5e8))
    for link, factor in (("eth0", 1000), ("eth1", 7)):
        out.add("pod_network_receive_bytes_total", {**labels, "link": link}, counter(pod, factor))
        out.add("pod_network_transmit_bytes_total", {**labels, "link": link}, counter(pod, 2 * factor))


def _ray_serve(out: Exposition, pod: str) -> None:
    labels = {"component": pod, "application": "llm", "deployment": "LLM", "replica": f"id-of-{pod}", "route": "/"}
    out.add("ray_serve_deployment_request_counter_total", labels, counter(pod))
    out.histogram("ray_serve_deployment_processing_latency_ms", labels, counter(pod), scale=1000)
    out.add("ray_serve_replica_processing_queries", labels, gauge(pod, 6))


def _vllm(out: Exposition, pod: str, prefix: str) -> None:
    labels = {"component": pod, "model_name": "m", "engine": "0"}
    if prefix == "ray_vllm_":
        labels["ReplicaId"] = f"id-of-{pod}"
    for reason, factor in (("stop", 0.25), ("length", 0.65), ("abort", 0.1)):
        out.add(f"{prefix}request_success_total", {**labels, "finished_reason": reason}, counter(pod, factor))
    for name in (
        "e2e_request_latency_seconds",
        "time_to_first_token_seconds",
        "request_queue_time_seconds",
        "request_prefill_time_seconds",
        "request_decode_time_seconds",
        "request_prompt_tokens",
        "iteration_tokens_total",
    ):
        out.histogram(f"{prefix}{name}", labels, counter(pod))
    # A rolling upgrade: the head still runs the old release, replica-2 exports both names.
    if pod in ("head", "replica-2"):
        out.add(f"{prefix}gpu_cache_usage_perc", labels, gauge(pod, 0.11))
        out.histogram(f"{prefix}time_per_output_token_seconds", labels, counter(pod), scale=10)
    if pod != "head":
        out.add(f"{prefix}kv_cache_usage_perc", labels, gauge(pod, 0.5))
        out.histogram(f"{prefix}request_time_per_output_token_seconds", labels, counter(pod))
    out.add(f"{prefix}generation_tokens_total", labels, counter(pod, 16))
    out.add(f"{prefix}num_requests_waiting", labels, gauge(pod, 2))
    out.add(f"{prefix}num_requests_running", labels, gauge(pod, 3))
    out.add(f"{prefix}num_preemptions_total", labels, counter(pod, 0.5))


def _gateway(out: Exposition) -> None:
    for pod in PODS:
        labels = {"component": "gateway", "upstream": pod, "job": "exporter"}
        out.add("gateway_upstream_requests_total", {**labels, "status": "200"}, counter(pod, 0.75))
        out.add("gateway_upstream_requests_total", {**labels, "status": "504"}, counter(pod, 0.25))
        out.add("gateway_upstream_errors_total", labels, counter(pod, 0.25))
        out.histogram("gateway_request_duration_seconds", labels, counter(pod))
        out.histogram("gateway_upstream_connect_seconds", labels, counter(pod), scale=0.01)
        clients = {"component": "client", "upstream": pod, "job": "client"}
        out.histogram("client_time_to_first_token_seconds", clients, counter(pod))
        out.histogram("client_time_per_output_token_seconds", clients, counter(pod), scale=0.1)
    # Requests that reached no pod are the gateway's own and no edge's.
    own = {"component": "gateway", "upstream": "", "status": "400", "job": "exporter"}
    out.add("gateway_upstream_requests_total", own, steady(2))
    out.add("gateway_connections", {"component": "gateway", "state": "active"}, level(9))
    out.add("gateway_connections", {"component": "gateway", "state": "waiting"}, level(5))
    for mode, rate in (("user", 0.5), ("system", 0.25), ("idle", 1.1), ("iowait", 0.15)):
        out.add("node_cpu_seconds_total", {"component": "node", "mode": mode}, steady(rate))
    out.add("node_memory_MemTotal_bytes", {"component": "node"}, level(24e9))
    out.add("node_memory_MemAvailable_bytes", {"component": "node"}, level(20e9))


def missing_binaries() -> list[str]:
    return [name for name in ("prometheus", "promtool") if shutil.which(name) is None]


@contextmanager
def prometheus(folder: Path, exposition: Exposition) -> Iterator[str]:
    """A real Prometheus over these series, with its default look-back of five minutes. Yields its URL."""
    text, data, config = folder / "series.om", folder / "data", folder / "prometheus.yml"
    with text.open("w") as file:
        file.writelines(exposition.text())
    create = ["promtool", "tsdb", "create-blocks-from", "openmetrics", str(text), str(data)]
    subprocess.run(create, check=True, capture_output=True, timeout=600)
    config.write_text("{}")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={config}",
                f"--storage.tsdb.path={data}",
                "--storage.tsdb.retention.time=100y",
                f"--web.listen-address={address}",
            ],
            stdout=log,
            stderr=log,
        )
    try:
        _wait(server, f"http://{address}/-/ready", folder / "log")
        yield f"http://{address}"
    finally:
        server.terminate()
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait(server: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + 30
    while server.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    raise RuntimeError(f"Prometheus did not come up: {log.read_text()[-2000:]}")
