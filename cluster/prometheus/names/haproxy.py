"""HAProxy as a gateway, by its own exporter. It has no histograms: its mean times of the last requests are not read."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, part_rate, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_USERS = 'proxy!~"stats|metrics|prometheus|healthz",'
_DONE = "haproxy_frontend_http_responses_total"
_FAILED = part_rate(_DONE, f'{_USERS}code="5xx",')

SPELLINGS = (
    Spelling(
        "HAProxy",
        (
            Rule("request_rate", rate("haproxy_frontend_http_requests_total", _USERS), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_DONE, _USERS)), _GATEWAY),
            Rule("connections", gauge("haproxy_frontend_current_sessions", _USERS), _GATEWAY),
        ),
        unread=(
            "haproxy_backend_*",
            "haproxy_exporter_*",
            "haproxy_frontend_bytes_*",
            "haproxy_frontend_connections*",
            "haproxy_frontend_http_cache_*",
            "haproxy_frontend_http_comp_*",
            "haproxy_frontend_http_requests_rate_*",
            "haproxy_frontend_intercepted_*",
            "haproxy_frontend_internal_*",
            "haproxy_frontend_limit_*",
            "haproxy_frontend_max_*",
            "haproxy_frontend_request_errors",
            "haproxy_frontend_requests_denied",
            "haproxy_frontend_responses_denied",
            "haproxy_frontend_sessions*",
            "haproxy_frontend_status",
            "haproxy_listener_*",
            "haproxy_process_*",
            "haproxy_server_*",
            "haproxy_sticktable_*",
        ),
    ),
)
