"""NGINX's stub status by nginx-prometheus-exporter: it reports neither durations nor failures."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, rate
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})

SPELLINGS = (
    Spelling(
        "NGINX",
        (
            Rule("request_rate", rate("nginx_http_requests_total"), _GATEWAY),
            Rule("connections", gauge("nginx_connections_active"), _GATEWAY),
        ),
    ),
)
