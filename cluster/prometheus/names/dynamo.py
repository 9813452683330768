"""The frontend of NVIDIA Dynamo: what its clients get. Its workers export their engines' own names."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, part_rate, quantile, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_REQUESTS, _TTFT = "dynamo_frontend_requests_total", "dynamo_frontend_time_to_first_token_seconds"
_ERRORS = part_rate(_REQUESTS, 'status="error",')

SPELLINGS = (
    Spelling(
        "Dynamo's frontend",
        (
            Rule("request_rate", rate(_REQUESTS), _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, rate(_REQUESTS)), _GATEWAY),
            *quantiles("latency", lambda q: quantile(q, "dynamo_frontend_request_duration_seconds"), _GATEWAY),
            *quantiles("ttft", lambda q: quantile(q, _TTFT), _GATEWAY),
            Rule("connections", gauge("dynamo_frontend_inflight_requests"), _GATEWAY),
        ),
        unread=("dynamo_*",),
    ),
)
