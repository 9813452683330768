"""How a cluster's exporters spell the signals: cAdvisor, kube-state-metrics, node exporter, DCGM, Istio, NGINX, Ray.

Beside the rules of `cluster.prometheus.promql` these keep to:

- cAdvisor has a series for each container, one for the pod's sum and one for its pause container: only containers are
  added up. Of a pod's network links all but loopback count: which one is the pod's is not guessed.
- DCGM's labels say which pod holds a GPU: `pod` when Prometheus honours them, `exported_pod` when it does not.
- An edge is measured by its caller: a sidecar there (`reporter="source"`), or the waypoint between. What the callee's
  sidecar measures (`reporter="destination"`) is the callee's own latency. The two are never taken for each other.
- Istio's `source_address` and `destination_address` are tags that its Telemetry resource has to add (see
  manifests/base/mesh); without them the workloads' names must tell the pods apart.

Names, labels and units are those of the exporters' own documentation: google/cadvisor docs/storage/prometheus.md,
kube-state-metrics docs/metrics/workload/pod-metrics.md, dcgm-exporter etc/default-counters.csv (violations are in ns),
istio.io/latest/docs/reference/config/metrics, ingress-nginx docs/user-guide/monitoring.md.
"""

from __future__ import annotations

from cluster.prometheus.promql import (
    RAY_SERVE,
    RAY_VLLM,
    RAY_VLLM_COLON,
    VLLM,
    Rule,
    Spelling,
    either,
    gauge,
    part_rate,
    quantile,
    quantiles,
    rate,
    ratio,
)
from cluster.signals import PODS, SERVING
from cluster.topology import Kind

GPU_LABELS = ("pod", "gpu")
NODE_LABELS = ("instance", "node")
EDGE_LABELS = ("source_ip", "source_workload", "destination_ip", "destination_workload")

_GATEWAY, _HEAD = frozenset({Kind.GATEWAY}), frozenset({Kind.HEAD})
_NODE, _GPU = frozenset({Kind.NODE}), frozenset({Kind.GPU})
_CONTAINER = 'container!="",container!="POD",'
_LINK = 'interface!="lo",'
_MEBIBYTE = float(1 << 20)


def _cadvisor() -> tuple[Rule, ...]:
    working_set = (
        f"sum by ($by, container) (last_over_time(container_memory_working_set_bytes{{{_CONTAINER}$m}}[$fresh]))"
    )
    limit = "sum by ($by, container) (last_over_time(container_spec_memory_limit_bytes{" + _CONTAINER + "$m}[$fresh]))"
    periods, throttled = "container_cpu_cfs_periods_total", "container_cpu_cfs_throttled_periods_total"
    return (
        Rule("cpu_usage", rate("container_cpu_usage_seconds_total", _CONTAINER), PODS),
        Rule("cpu_throttled", ratio(rate(throttled, _CONTAINER), rate(periods, _CONTAINER)), PODS),
        Rule("memory_working_set", gauge("container_memory_working_set_bytes", _CONTAINER), PODS),
        # Each container has a limit of its own, and the fullest is the next to be killed. 0 stands for no limit.
        Rule("memory_limit_ratio", f"max by ($by) ({ratio(working_set, limit)})", PODS),
        Rule("network_receive", rate("container_network_receive_bytes_total", _LINK), PODS),
        Rule("network_transmit", rate("container_network_transmit_bytes_total", _LINK), PODS),
    )


def _kube_state() -> tuple[Rule, ...]:
    # A counter by name and a level by meaning: the number that stands in the pod's status.
    return (Rule("restarts", gauge("kube_pod_container_status_restarts_total"), PODS),)


def _node_exporter() -> tuple[Rule, ...]:
    def level(metric: str) -> str:
        return f"sum by ($by) (last_over_time({metric}{{$everywhere}}[$fresh]))"

    cpu = 'sum by ($by) (rate(node_cpu_seconds_total{mode!~"idle|iowait|steal",$everywhere}[$rate]))'
    memory = f"{level('node_memory_MemTotal_bytes')} - {level('node_memory_MemAvailable_bytes')}"
    return (
        Rule("cpu_usage", cpu, _NODE, labels=NODE_LABELS),
        Rule("memory_used", memory, _NODE, labels=NODE_LABELS),
    )


def _dcgm() -> tuple[Rule, ...]:
    def of_pods(reading: str) -> str:
        """The reading, grouped by the pod that holds the GPU, whichever label says so."""
        honoured = reading.replace("{}", '{namespace="$namespace",exported_pod="",$everywhere}')
        renamed = reading.replace("{}", '{exported_namespace="$namespace",$everywhere}')
        moved = f'label_replace({renamed}, "pod", "$$1", "exported_pod", "(.+)")'
        return f"max by ($by) ({honoured} or {moved})"

    def level(signal: str, metric: str, scale: float = 1.0) -> Rule:
        return Rule(signal, of_pods(f"last_over_time({metric}{{}}[$fresh])"), _GPU, scale, labels=GPU_LABELS)

    def share(signal: str, metric: str) -> Rule:
        return Rule(signal, of_pods(f"rate({metric}{{}}[$rate])"), _GPU, 1e-9, labels=GPU_LABELS)

    return (
        level("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", 0.01),
        level("gpu_tensor_active", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
        level("gpu_dram_active", "DCGM_FI_PROF_DRAM_ACTIVE"),
        level("gpu_sm_clock", "DCGM_FI_DEV_SM_CLOCK", 1e6),
        level("gpu_power", "DCGM_FI_DEV_POWER_USAGE"),
        level("gpu_power_limit", "DCGM_FI_DEV_POWER_MGMT_LIMIT"),
        level("gpu_temperature", "DCGM_FI_DEV_GPU_TEMP"),
        share("gpu_throttle_power", "DCGM_FI_DEV_POWER_VIOLATION"),
        share("gpu_throttle_thermal", "DCGM_FI_DEV_THERMAL_VIOLATION"),
        level("gpu_memory_used", "DCGM_FI_DEV_FB_USED", _MEBIBYTE),
        level("gpu_memory_free", "DCGM_FI_DEV_FB_FREE", _MEBIBYTE),
        level("gpu_xid_errors", "DCGM_FI_DEV_XID_ERRORS"),
    )


_DURATION, _REQUESTS = "istio_request_duration_milliseconds_bucket", "istio_requests_total"
_FAILED = 'response_code=~"0|5..",'


def _istio() -> tuple[Rule, ...]:
    def callers(window: str, metric: str, match: str = "", more: str = "") -> str:
        """Rates of calls by both ends' addresses, as the caller's side measured them."""
        found = metric + '{reporter="%s",destination_workload_namespace="$namespace",' + match + "$everywhere}"
        sides = []
        for reporter in ("source", "waypoint"):
            seen = f"rate({found % reporter}[{window}])"
            for end in ("source", "destination"):
                # Envoy writes the port behind the address.
                seen = f'label_replace({seen}, "{end}_ip", "$$1", "{end}_address", "\\\\[?(.+?)\\\\]?(:[0-9]+)?")'
            sides.append(f"sum by ($by{more}) ({seen})")
        # Where both see a call, it is counted once.
        return either(*sides)

    def edge_quantile(q: float) -> str:
        return f"histogram_quantile({q}, {callers('$quantile', _DURATION, more=', le')})"

    def edge_rate(signal: str, match: str) -> Rule:
        asked = callers("$rate", _REQUESTS, match)
        expr = f"{asked} or 0 * ({callers('$rate', _REQUESTS)})" if match else asked
        return Rule(signal, expr, SERVING, edge=True, labels=EDGE_LABELS)

    received, sent = (
        'reporter="destination",',
        'reporter="waypoint",source_workload_namespace="$namespace",source_workload="$workload",',
    )
    return (
        edge_rate("request_rate", ""),
        edge_rate("error_rate", _FAILED),
        Rule("latency_p50", edge_quantile(0.5), SERVING, 1e-3, edge=True, labels=EDGE_LABELS),
        Rule("latency_p90", edge_quantile(0.9), SERVING, 1e-3, edge=True, labels=EDGE_LABELS),
        # What arrives at a pod, by its own sidecar.
        Rule("request_rate", _gateway_or(rate(_REQUESTS, received), _out(sent, "")), _GATEWAY),
        Rule("error_rate", _gateway_or(part_rate(_REQUESTS, received + _FAILED), _out(sent, _FAILED)), _GATEWAY),
        Rule(
            "error_ratio",
            ratio(
                f"({_gateway_or(part_rate(_REQUESTS, received + _FAILED), _out(sent, _FAILED))})",
                _gateway_or(rate(_REQUESTS, received), _out(sent, "")),
            ),
            _GATEWAY,
        ),
        *(
            Rule(
                f"latency_p{round(100 * q)}",
                _gateway_or(quantile(q, _DURATION.removesuffix("_bucket"), received), _out_quantile(q, sent)),
                _GATEWAY,
                1e-3,
            )
            for q in (0.5, 0.9)
        ),
        *(
            Rule(
                f"latency_p{round(100 * q)}",
                quantile(q, _DURATION.removesuffix("_bucket"), received),
                SERVING,
                1e-3,
            )
            for q in (0.5, 0.9)
        ),
    )


def _gateway_or(own: str, waypoint: str) -> str:
    """What the gateway's sidecar measured; else what the waypoint saw of the gateway's calls, which are most of it."""
    return f'({own}) or label_replace({waypoint}, "$component", "$front_door", "", "")'


def _out(sent: str, match: str) -> str:
    def seen(more: str) -> str:
        return f"sum(rate({_REQUESTS}{{{sent}{more}$everywhere}}[$rate]))"

    return f"({seen(match)} or 0 * {seen('')})" if match else seen("")


def _out_quantile(q: float, sent: str) -> str:
    return f"histogram_quantile({q}, sum by (le) (rate({_DURATION}{{{sent}$everywhere}}[$quantile])))"


def _ingress_nginx() -> tuple[Rule, ...]:
    requests, duration = "nginx_ingress_controller_requests", "nginx_ingress_controller_request_duration_seconds"
    failed = part_rate(requests, 'status=~"5..",')
    return (
        Rule("request_rate", rate(requests), _GATEWAY),
        Rule("error_rate", failed, _GATEWAY),
        Rule("error_ratio", ratio(failed, rate(requests)), _GATEWAY),
        Rule("timeout_rate", part_rate(requests, 'status=~"499|504",'), _GATEWAY),
        *quantiles("latency", [duration], _GATEWAY),
        Rule("connections", gauge("nginx_ingress_controller_nginx_process_connections", 'state="active",'), _GATEWAY),
    )


def _nginx() -> tuple[Rule, ...]:
    """NGINX's stub status by nginx-prometheus-exporter: it knows neither times nor failures."""
    return (
        Rule("request_rate", rate("nginx_http_requests_total"), _GATEWAY),
        Rule("connections", gauge("nginx_connections_active"), _GATEWAY),
    )


def _ray() -> tuple[Rule, ...]:
    """Ray's reporter agent; `_mb` are millions of bytes."""
    gcs = 'Component="gcs",'
    memory = either(gauge("ray_component_rss_bytes", gcs), f"1e6 * {gauge('ray_component_rss_mb', gcs)}")
    return (Rule("gcs_memory", memory, _HEAD),)


CADVISOR = Spelling("cAdvisor", _cadvisor())
KUBE_STATE = Spelling("kube-state-metrics", _kube_state())
NODE_EXPORTER = Spelling("node exporter", _node_exporter())
DCGM = Spelling("DCGM", _dcgm())
ISTIO = Spelling("Istio", _istio())
INGRESS_NGINX = Spelling("ingress-nginx", _ingress_nginx())
NGINX = Spelling("NGINX", _nginx())
RAY = Spelling("Ray", _ray())
# The engine's own word first, then Ray Serve's, then the mesh's; of gateways the one that times requests first.
SPELLINGS = (
    VLLM,
    RAY_VLLM_COLON,
    RAY_VLLM,
    RAY_SERVE,
    INGRESS_NGINX,
    ISTIO,
    NGINX,
    RAY,
    CADVISOR,
    KUBE_STATE,
    NODE_EXPORTER,
    DCGM,
)
