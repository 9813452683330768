"""LiteLLM's proxy. Names: docs.litellm.ai, Prometheus metrics."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, quantile, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_REQUESTS, _FAILED = (
    rate("litellm_proxy_total_requests_metric_total"),
    rate("litellm_proxy_failed_requests_metric_total"),
)
_ERRORS = f"({_FAILED}) or 0 * ({_REQUESTS})"

SPELLINGS = (
    Spelling(
        "LiteLLM",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, _REQUESTS), _GATEWAY),
            *quantiles("latency", lambda q: quantile(q, "litellm_request_total_latency_metric"), _GATEWAY),
            *quantiles("ttft", lambda q: quantile(q, "litellm_llm_api_time_to_first_token_metric"), _GATEWAY),
        ),
        unread=("litellm_*",),
    ),
)
