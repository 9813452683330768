"""Prometheus exporter of the sandbox: resources of every pod and of this machine, and the gateway's upstreams.

One process, beside Prometheus. It also writes the gateway's spans, because it reads the access log.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from cluster.local import layout
from cluster.local.access_log import Access, Tail, parse
from cluster.local.layout import RunDir
from cluster.local.pod_stats import PodStats
from cluster.local.settings import Settings
from cluster.local.tracing import JsonLinesExporter, resource

SECONDS = (
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.4,
    0.5,
    0.6,
    0.8,
    1,
    1.25,
    1.5,
    2,
    3,
    4,
    6,
    8,
    12,
    16,
    20,
    30,
)
_TAIL_SECONDS = 0.2


class GatewayMetrics:
    """Counters and histograms of the gateway by upstream, fed with access records."""

    def __init__(self, registry: CollectorRegistry, upstreams: tuple[str, ...]) -> None:
        self._upstreams = upstreams
        labels = ("component", "upstream")
        self._requests = Counter(
            "gateway_upstream_requests", "Requests by status.", (*labels, "status"), registry=registry
        )
        self._errors = Counter("gateway_upstream_errors", "Answers 5xx and 499.", labels, registry=registry)
        self._duration = self._histogram("gateway_request_duration_seconds", "Whole request.", registry)
        self._header = self._histogram("gateway_upstream_header_seconds", "Until the first token.", registry)
        self._connect = self._histogram("gateway_upstream_connect_seconds", "Until the connection stood.", registry)
        for upstream in upstreams:
            self._errors.labels(layout.GATEWAY, upstream)
            self._requests.labels(layout.GATEWAY, upstream, "200")

    def observe(self, access: Access) -> None:
        # A request that reached no pod, such as a malformed one, counts for the gateway itself.
        upstream = access.upstream if access.upstream in self._upstreams else ""
        status = str(access.status) if 100 <= access.status <= 599 else "other"
        self._requests.labels(layout.GATEWAY, upstream, status).inc()
        if access.error:
            self._errors.labels(layout.GATEWAY, upstream).inc()
        for histogram, value in (
            (self._duration, access.request_time),
            (self._header, access.header_time),
            (self._connect, access.connect_time),
        ):
            if value is not None:
                histogram.labels(layout.GATEWAY, upstream).observe(value)

    def _histogram(self, name: str, text: str, registry: CollectorRegistry) -> Histogram:
        histogram = Histogram(name, text, ("component", "upstream"), buckets=SECONDS, registry=registry)
        for upstream in self._upstreams:
            histogram.labels(layout.GATEWAY, upstream)
        return histogram


class Resources(Collector):
    """Reads pods and machine at each scrape."""

    def __init__(self, pods: dict[str, PodStats]) -> None:
        self._pods = pods

    def collect(self) -> Iterator[Metric]:
        yield from self._usage()
        yield from self._traffic()
        yield from node_metrics()
        yield from _connections()

    def _usage(self) -> Iterator[Metric]:
        readings = {pod: stats.usage() for pod, stats in self._pods.items()}

        def family(kind: type[CounterMetricFamily | GaugeMetricFamily], name: str, text: str, field: str) -> Metric:
            metric = kind(name, text, labels=["component"])
            for pod, reading in readings.items():
                value = getattr(reading, field)
                if value is not None:
                    metric.add_metric([pod], value)
            return metric

        yield family(CounterMetricFamily, "pod_cpu_usage_seconds", "CPU time.", "cpu_seconds")
        yield family(CounterMetricFamily, "pod_cpu_throttled_seconds", "Time held back.", "throttled_seconds")
        yield family(CounterMetricFamily, "pod_cpu_periods", "Periods of the CPU limit.", "periods")
        yield family(CounterMetricFamily, "pod_cpu_throttled_periods", "Those held back.", "throttled_periods")
        yield family(GaugeMetricFamily, "pod_cpu_limit_cores", "CPU limit.", "cpu_limit")
        yield family(
            GaugeMetricFamily, "pod_memory_working_set_bytes", "Memory that is not freed easily.", "memory_bytes"
        )
        yield family(GaugeMetricFamily, "pod_processes", "Processes.", "process_count")

    def _traffic(self) -> Iterator[Metric]:
        readings = {pod: stats.traffic() for pod, stats in self._pods.items()}
        for name, text, field in (
            ("pod_network_receive_bytes", "Bytes received.", "received_bytes"),
            ("pod_network_receive_packets", "Packets received.", "received_packets"),
            ("pod_network_receive_drops", "Packets dropped on receipt.", "received_drops"),
            ("pod_network_transmit_bytes", "Bytes sent.", "sent_bytes"),
            ("pod_network_transmit_packets", "Packets sent.", "sent_packets"),
            ("pod_network_transmit_drops", "Packets dropped on sending.", "sent_drops"),
        ):
            metric = CounterMetricFamily(name, text, labels=["component", "link"])
            for pod, links in readings.items():
                for link, traffic in links.items():
                    metric.add_metric([pod, link], getattr(traffic, field))
            yield metric


def node_metrics() -> Iterator[Metric]:
    """CPU time by mode, memory and load of this machine, under the node exporter's names."""
    cpu = CounterMetricFamily("node_cpu_seconds", "CPU time by mode.", labels=["component", "mode"])
    modes = ("user", "nice", "system", "idle", "iowait", "irq", "softirq", "steal")
    ticks = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    for mode, value in zip(modes, ticks, strict=False):
        cpu.add_metric([layout.NODE, mode], int(value) / 100)
    yield cpu
    memory = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    for key in ("MemTotal", "MemAvailable"):
        metric = GaugeMetricFamily(f"node_memory_{key}_bytes", key, labels=["component"])
        metric.add_metric([layout.NODE], int(memory[key].split()[0]) * 1024)
        yield metric
    load = GaugeMetricFamily("node_load1", "Load average over a minute.", labels=["component"])
    load.add_metric([layout.NODE], float(Path("/proc/loadavg").read_text().split()[0]))
    yield load


def _connections() -> Iterator[Metric]:
    url = f"http://{layout.management_ip(layout.GATEWAY)}:{layout.GATEWAY_STATUS_PORT}/status"
    try:
        with urlopen(url, timeout=0.3) as answer:
            lines = answer.read(4096).decode().splitlines()
    except (URLError, OSError):
        return  # a gateway that is down reports no connections; other series show that it is down
    metric = GaugeMetricFamily("gateway_connections", "Open connections.", labels=["component", "state"])
    metric.add_metric([layout.GATEWAY, "active"], int(lines[0].rsplit(":", 1)[1]))
    words = lines[3].split()
    for state, value in zip(words[::2], words[1::2], strict=True):
        metric.add_metric([layout.GATEWAY, state.rstrip(":").lower()], int(value))
    yield metric


def gateway_span(access: Access) -> ReadableSpan | None:
    """The span of one request, with the ids that the gateway propagated; None when the request id is not a trace id."""
    try:
        trace_id, span_id = int(access.request_id, 16), int(access.request_id[:16], 16)
    except ValueError:
        return None
    if len(access.request_id) != 32 or not trace_id or not span_id:
        return None
    attributes: dict[str, str | int] = {
        "http.request.method": access.method,
        "url.path": access.uri,
        "http.response.status_code": access.status,
        "server.address": access.upstream,
    }
    if access.error:
        attributes["error.type"] = str(access.status)
    return ReadableSpan(
        name="gateway request",
        context=SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)),
        resource=resource(layout.GATEWAY, "nginx"),
        attributes=attributes,
        kind=SpanKind.SERVER,
        status=Status(StatusCode.ERROR if access.error else StatusCode.UNSET),
        start_time=int((access.time - access.request_time) * 1e9),
        end_time=int(access.time * 1e9),
    )


def follow(run: RunDir, metrics: GatewayMetrics, stop: threading.Event) -> None:
    """Read the access log into the metrics and the gateway's spans, until `stop`."""
    # After a restart the counters begin at 0; older lines are skipped, so that they do not all count in one second.
    tail, spans = Tail(run.access_log, new=True), JsonLinesExporter(run.spans(layout.GATEWAY), layout.GATEWAY)
    while not stop.wait(_TAIL_SECONDS):
        records = [record for line in tail.lines() if (record := parse(line))]
        for record in records:
            metrics.observe(record)
        new = [span for record in records if (span := gateway_span(record))]
        if new:
            spans.export(new)


def main() -> None:
    disable_created_metrics()  # type: ignore[no-untyped-call]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--holders", required=True, help="pod=pid,... as this PID namespace sees them")
    arguments = parser.parse_args()
    run = RunDir(arguments.run)
    settings = Settings.read(run)
    holders = dict(item.split("=") for item in arguments.holders.split(","))
    registry = CollectorRegistry()
    registry.register(Resources({pod: PodStats(pod, int(pid), settings.cgroups) for pod, pid in holders.items()}))
    metrics = GatewayMetrics(registry, settings.options.serving)
    start_http_server(layout.EXPORTER_PORT, layout.management_ip(layout.NODE), registry)
    follow(run, metrics, threading.Event())


if __name__ == "__main__":
    main()
