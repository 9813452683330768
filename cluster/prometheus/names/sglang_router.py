"""SGLang's router, called Model Gateway since: `smg_…`, before `sgl_router_…`; vLLM's router: `vllm_router_…`.

Of a renamed metric, the newest name is first. Requests of probes are left out. What it tells of its workers by their
URL is not read.
"""

from __future__ import annotations

from cluster.prometheus.promql import (
    Rule,
    Spelling,
    either,
    first_of,
    gauge,
    part_rate,
    quantile,
    quantiles,
    rate,
    ratio,
)
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_OWN = '!~"/(health|live|ready|metrics|ping|workers|get_|_ui|v1/models).*",'
_USERS = f"path{_OWN}"
_DONE, _DURATION = "smg_http_responses_total", "smg_http_request_duration_seconds"
_FAILED = part_rate(_DONE, f'{_USERS}status_code=~"5..",')


def _of_requests(q: float) -> str:
    return quantile(q, _DURATION, _USERS)


def _of_workers(stem: str) -> Spelling:
    """Before it was renamed, and vLLM's router, which was made of it then."""
    users, done = f"route{_OWN}", f"{stem}responses_total"
    requests, failed = rate(f"{stem}requests_total", users), rate(f"{stem}request_errors_total", users)
    of_code = rate(done, f'{users}status_code=~"5..",')  # by what was rewritten since, which counts no errors
    errors = either(of_code, failed, f"0 * ({requests})")
    latency = first_of(f"{stem}request_duration_seconds", f"{stem}generate_duration_seconds")
    unread = (
        *("active_*", "cache_*", "cb_*", "discovery_*", "http_responses", "job_*", "load_*", "max_load", "min_load"),
        *("policy_decisions", "processed_requests", "retries*", "retry_*", "running_requests"),
        *("pd_*", "tree_size", "tokenizer_*", "worker_*"),
    )
    return Spelling(
        stem,
        (
            Rule("request_rate", requests, _GATEWAY),
            Rule("error_rate", errors, _GATEWAY),
            Rule("error_ratio", ratio(errors, requests), _GATEWAY),
            *quantiles("latency", latency, _GATEWAY),
            *quantiles("ttft", first_of(f"{stem}ttft_seconds"), _GATEWAY),
        ),
        layer="SGLang's router",
        unread=tuple(f"{stem}{name}" for name in unread),
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
    _of_workers("sgl_router_"),
    _of_workers("vllm_router_"),
)
