"""The router of vLLM's production stack: its requests, and its calls to each engine by the engine's address.

Its names begin with `vllm:` like an engine's; the label `server` tells which engine a series is about. Releases before
the histogram `vllm:request_latency_seconds` export averages only, which are not read.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, quantile, quantiles, rate, ratio
from cluster.signals import SERVING
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_LATENCY = "vllm:request_latency_seconds"
_REQUESTS, _FAILED = rate(f"{_LATENCY}_count"), rate("vllm:request_errors_total")
_ERRORS = f"({_FAILED}) or 0 * ({_REQUESTS})"
_EDGE_LABELS = ("source_ip", "pod", "destination_ip", "destination_workload")
_ADDRESS = "(?:https?://)?\\\\[?(.+?)\\\\]?(?::[0-9]+)?(?:/.*)?"


def _calls(metric: str, window: str, more: str = "") -> str:
    calls = f'label_replace(rate({metric}{{$m}}[{window}]), "destination_ip", "$$1", "server", "{_ADDRESS}")'
    return f"sum by ($by{more}) ({calls})"


def _edge(signal: str, expr: str) -> Rule:
    return Rule(signal, expr, SERVING, edge=True, labels=_EDGE_LABELS)


def _edge_quantile(q: float) -> str:
    return f"histogram_quantile({q}, {_calls(f'{_LATENCY}_bucket', '$quantile', ', le')})"


_SENT = _calls(f"{_LATENCY}_count", "$rate")

SPELLINGS = (
    Spelling(
        "production stack's router",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, _REQUESTS), _GATEWAY),
            *quantiles("latency", lambda q: quantile(q, _LATENCY), _GATEWAY),
            _edge("request_rate", _SENT),
            _edge("error_rate", f"{_calls('vllm:request_errors_total', '$rate')} or 0 * ({_SENT})"),
            *quantiles("latency", _edge_quantile, SERVING, edge=True, labels=_EDGE_LABELS),
        ),
        unread=(
            "vllm:avg_*",
            "vllm:current_qps",
            "vllm:healthy_pods",
            "vllm:input_tokens",
            "vllm:num_decoding_requests",
            "vllm:num_incoming_requests",
            "vllm:num_prefill_requests",
            "vllm:output_tokens",
            "vllm:routing_decisions",
        ),
    ),
)
