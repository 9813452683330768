"""LiteLLM's proxy. Names: docs.litellm.ai, Prometheus metrics. Of a renamed metric, the newest name is first."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, gauge, quantile, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_REQUESTS = either(rate("litellm_proxy_total_requests_metric_total"), rate("litellm_requests_metric_total"))
_FAILED = either(
    rate("litellm_proxy_failed_requests_metric_total"), rate("litellm_llm_api_failed_requests_metric_total")
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
            Rule("connections", gauge("litellm_in_flight_requests"), _GATEWAY),
        ),
        unread=(
            "litellm_api_key_*",
            "litellm_batch_*",
            "litellm_cache*",
            "litellm_callback_*",
            "litellm_deployment_*",
            "litellm_guardrail_*",
            "litellm_in_memory_*",
            "litellm_input_*",
            "litellm_llm_api_latency_metric",
            "litellm_managed_*",
            "litellm_mcp_*",
            "litellm_org_*",
            "litellm_output_*",
            "litellm_overhead_*",
            "litellm_pod_lock_*",
            "litellm_provider_*",
            "litellm_redis_*",
            "litellm_remaining_*",
            "litellm_request_queue_time_seconds",
            "litellm_self_*",
            "litellm_spend_metric",
            "litellm_team_*",
            "litellm_tokens_*",
            "litellm_total_*",
            "litellm_user_*",
        ),
    ),
)
