"""agentgateway, beside OpenTelemetry's `gen_ai.server` metrics of its calls to models, in a table of their own."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, part_rate, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_REQUESTS = "agentgateway_requests_total"
_FAILED = part_rate(_REQUESTS, 'status=~"5..",')

SPELLINGS = (
    Spelling(
        "agentgateway",
        (
            Rule("request_rate", rate(_REQUESTS), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_REQUESTS)), _GATEWAY),
            Rule("timeout_rate", part_rate(_REQUESTS, 'status=~"499|504",'), _GATEWAY),
            *quantiles("latency", first_of("agentgateway_request_duration_seconds"), _GATEWAY),
        ),
        unread=(
            "agentgateway_build_info",
            "agentgateway_controller_*",
            "agentgateway_cost_*",
            "agentgateway_downstream_*",
            "agentgateway_gen_ai_client_*",
            "agentgateway_gen_ai_server_inter_*",
            "agentgateway_mcp_*",
            "agentgateway_response_*",
            "agentgateway_tokio_*",
            "agentgateway_upstream_*",
            "agentgateway_xds_*",
        ),
    ),
)
