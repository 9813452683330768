"""The frontend of NVIDIA Dynamo: what its clients get. Of a renamed metric, the newest name is first."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, part_rate, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_STEMS = ("dynamo_frontend", "nv_llm_http_service")
_REQUESTS = either(*(rate(f"{stem}_requests_total") for stem in _STEMS))
_ERRORS = either(*(part_rate(f"{stem}_requests_total", 'status="error",') for stem in _STEMS))

SPELLINGS = (
    Spelling(
        "Dynamo's frontend",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, _REQUESTS), _GATEWAY),
            *quantiles("latency", first_of(*(f"{stem}_request_duration_seconds" for stem in _STEMS)), _GATEWAY),
            *quantiles("ttft", first_of(*(f"{stem}_time_to_first_token_seconds" for stem in _STEMS)), _GATEWAY),
            Rule("connections", either(*(gauge(f"{stem}_inflight_requests") for stem in _STEMS)), _GATEWAY),
        ),
        unread=(
            "dynamo_frontend_active_requests",
            "dynamo_frontend_cached_tokens",
            "dynamo_frontend_detokenize_*",
            "dynamo_frontend_disconnected_clients",
            "dynamo_frontend_event_loop_*",
            "dynamo_frontend_input_*",
            "dynamo_frontend_inter_token_latency_seconds",
            "dynamo_frontend_model_*",
            "dynamo_frontend_output_*",
            "dynamo_frontend_queued_requests",
            "dynamo_frontend_requests_started",
            "dynamo_frontend_router_*",
            "dynamo_frontend_stage_*",
            "dynamo_frontend_template_seconds",
            "dynamo_frontend_tokeniz*",
            "dynamo_frontend_worker_*",
            "dynamo_preprocessor_*",
            "dynamo_request_plane_*",
            "dynamo_router_*",
            "dynamo_tokio_*",
            "dynamo_transport_*",
            "nv_llm_http_service_input_*",
            "nv_llm_http_service_inter_token_latency_seconds",
            "nv_llm_http_service_output_*",
            "nv_llm_http_service_rate_limit_requests",
        ),
    ),
)
