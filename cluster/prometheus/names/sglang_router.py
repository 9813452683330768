"""SGLang's router, called Model Gateway since: `smg_…`, in older releases `sgl_router_…`.

Of a renamed metric, the newest name is first. Requests of probes are left out. What it tells of its workers by their
URL is not read.
"""

from __future__ import annotations

from cluster.prometheus.promql import (
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
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_USERS = 'path!~"/(health|live|ready|metrics|ping|workers|get_|_ui|v1/models).*",'
_DONE, _DURATION = "smg_http_responses_total", "smg_http_request_duration_seconds"
_FAILED = part_rate(_DONE, f'{_USERS}status_code=~"5..",')
_OLD, _OLD_FAILED = rate("sgl_router_requests_total"), rate("sgl_router_request_errors_total")
_OLD_ERRORS = f"({_OLD_FAILED}) or 0 * ({_OLD})"


def _of_requests(q: float) -> str:
    return quantile(q, _DURATION, _USERS)


def _old_latency(q: float) -> str:
    return either(
        quantile(q, "sgl_router_request_duration_seconds"), quantile(q, "sgl_router_generate_duration_seconds")
    )


SPELLINGS = (
    Spelling(
        "smg_",
        (
            Rule("request_rate", either(rate(_DONE, _USERS), rate("smg_http_requests_total", _USERS)), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_DONE, _USERS)), _GATEWAY),
            Rule("timeout_rate", part_rate(_DONE, f'{_USERS}status_code=~"408|499|504",'), _GATEWAY),
            *quantiles("latency", _of_requests, _GATEWAY),
            *quantiles("ttft", lambda q: quantile(q, "smg_router_ttft_seconds"), _GATEWAY),
            *quantiles("tpot", lambda q: quantile(q, "smg_router_tpot_seconds"), _GATEWAY),
            Rule("connections", gauge("smg_http_connections_active"), _GATEWAY),
        ),
        layer="SGLang's router",
        unread=(
            "smg_db_*",
            "smg_discovery_*",
            "smg_http_inflight_request_age",
            "smg_http_rate_limit",
            "smg_manual_policy_*",
            "smg_mcp_*",
            "smg_mesh_*",
            "smg_prefix_hash_*",
            "smg_router_generation_duration_seconds",
            "smg_router_request_duration_seconds",
            "smg_router_request_errors",
            "smg_router_requests",
            "smg_router_stage_duration_seconds",
            "smg_router_tokens",
            "smg_router_upstream_responses",
            "smg_scheduler_*",
            "smg_tokio_*",
            "smg_worker_*",
        ),
    ),
    Spelling(
        "sgl_router_",
        (
            Rule("request_rate", _OLD, _GATEWAY),
            Rule("error_rate", _OLD_ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_OLD_ERRORS, _OLD), _GATEWAY),
            *quantiles("latency", _old_latency, _GATEWAY),
            *quantiles("ttft", lambda q: quantile(q, "sgl_router_ttft_seconds"), _GATEWAY),
        ),
        layer="SGLang's router",
        unread=(
            "sgl_router_active_*",
            "sgl_router_cache_*",
            "sgl_router_cb_*",
            "sgl_router_http_responses",
            "sgl_router_job_*",
            "sgl_router_load_level",
            "sgl_router_max_load",
            "sgl_router_min_load",
            "sgl_router_policy_decisions",
            "sgl_router_processed_requests",
            "sgl_router_responses",
            "sgl_router_retries",
            "sgl_router_retries_exhausted",
            "sgl_router_running_requests",
            "sgl_router_tree_size",
            "sgl_router_worker_*",
        ),
    ),
)
