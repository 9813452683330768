"""The local deployment's own metrics: its exporter (pods and gateway), its replicas through Ray, its load generator."""

from __future__ import annotations

from collections.abc import Callable

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, part_rate, quantile, quantiles, rate, ratio
from cluster.signals import PODS, SERVING
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_DURATION, _UPSTREAM = "gateway_request_duration_seconds", "gateway_upstream_requests_total"
_ERRORS, _TO_POD = "gateway_upstream_errors_total", 'upstream!="",'
# Outcomes: `error` is the replica's own failure, `refused` a bad request, `cancelled` one that the client gave up.
_REQUESTS = "ray_llm_requests_total"
_LINK = 'link="eth0",'


def _clients(histogram: str) -> Callable[[float], str]:
    """Quantiles that the load generator measured from outside: they belong to the front door."""

    def measure(q: float) -> str:
        merged = f"histogram_quantile({q}, sum by (le) (rate({histogram}_bucket{{$m}}[$quantile])))"
        return f'label_replace({merged}, "$component", "$front_door", "", "")'

    return measure


SPELLINGS = (
    Spelling(
        "local",
        (
            Rule("request_rate", rate(_UPSTREAM), _GATEWAY),
            Rule("error_rate", rate(_ERRORS), _GATEWAY),
            Rule("error_ratio", ratio(rate(_ERRORS), rate(_UPSTREAM)), _GATEWAY),
            Rule("timeout_rate", part_rate(_UPSTREAM, 'status=~"499|504",'), _GATEWAY),
            *quantiles("latency", first_of(_DURATION), _GATEWAY),
            *quantiles("ttft", _clients("client_time_to_first_token_seconds"), _GATEWAY),
            *quantiles("tpot", _clients("client_time_per_output_token_seconds"), _GATEWAY),
            Rule("connections", gauge("gateway_connections", 'state="active",'), _GATEWAY),
            Rule("request_rate", rate(_UPSTREAM, _TO_POD), SERVING, edge=True),
            Rule("error_rate", rate(_ERRORS, _TO_POD), SERVING, edge=True),
            *quantiles("latency", lambda q: quantile(q, _DURATION, _TO_POD), SERVING, edge=True),
            Rule("connect_time_p90", quantile(0.9, "gateway_upstream_connect_seconds", _TO_POD), SERVING, edge=True),
            Rule("request_rate", rate(_REQUESTS), SERVING),
            Rule("error_rate", part_rate(_REQUESTS, 'outcome="error",'), SERVING),
            Rule("abort_rate", part_rate(_REQUESTS, 'outcome="cancelled",'), SERVING),
            *quantiles("latency", first_of("ray_llm_request_duration_seconds"), SERVING),
            *quantiles("ttft", first_of("ray_llm_time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("ray_llm_time_per_output_token_seconds"), SERVING),
            Rule("token_rate", rate("ray_llm_generated_tokens_total"), SERVING),
            Rule("queue_length", gauge("ray_llm_requests_waiting"), SERVING),
            Rule("running_requests", gauge("ray_llm_requests_in_flight"), SERVING),
            Rule("slots_busy", ratio(gauge("ray_llm_requests_running"), gauge("ray_llm_slots")), SERVING),
            Rule("kv_usage", gauge("ray_llm_kv_cache_usage_ratio", aggregate="max"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "ray_llm_request_queue_seconds"), SERVING),
            Rule("cpu_usage", rate("pod_cpu_usage_seconds_total"), PODS),
            # The gateway has no CPU limit that could throttle it.
            Rule(
                "cpu_throttled",
                ratio(rate("pod_cpu_throttled_periods_total"), rate("pod_cpu_periods_total")),
                SERVING,
            ),
            Rule("memory_working_set", gauge("pod_memory_working_set_bytes"), PODS),
            Rule("network_receive", rate("pod_network_receive_bytes_total", _LINK), PODS),
            Rule("network_transmit", rate("pod_network_transmit_bytes_total", _LINK), PODS),
        ),
    ),
)
