"""The controller of ingress-nginx. Names and labels: its docs/user-guide/monitoring.md."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, part_rate, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_REQUESTS = "nginx_ingress_controller_requests"
_FAILED = part_rate(_REQUESTS, 'status=~"5..",')

SPELLINGS = (
    Spelling(
        "ingress-nginx",
        (
            Rule("request_rate", rate(_REQUESTS), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_REQUESTS)), _GATEWAY),
            Rule("timeout_rate", part_rate(_REQUESTS, 'status=~"499|504",'), _GATEWAY),
            *quantiles("latency", first_of("nginx_ingress_controller_request_duration_seconds"), _GATEWAY),
            Rule(
                "connections", gauge("nginx_ingress_controller_nginx_process_connections", 'state="active",'), _GATEWAY
            ),
        ),
    ),
)
