"""Envoy as a gateway, by its own statistics. Times are in milliseconds; its own listener for operators is left out."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, part_rate, quantile, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_USERS = 'envoy_http_conn_manager_prefix!~"admin.*",'
_DONE, _BY_CLASS = "envoy_http_downstream_rq_completed", "envoy_http_downstream_rq_xx"
_FAILED = part_rate(_BY_CLASS, f'{_USERS}envoy_response_code_class="5",')

SPELLINGS = (
    Spelling(
        "Envoy",
        (
            Rule("request_rate", rate(_DONE, _USERS), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_BY_CLASS, _USERS)), _GATEWAY),
            Rule("timeout_rate", rate("envoy_http_downstream_rq_timeout", _USERS), _GATEWAY),
            *quantiles("latency", lambda q: quantile(q, "envoy_http_downstream_rq_time", _USERS), _GATEWAY, scale=1e-3),
            Rule("connections", gauge("envoy_http_downstream_cx_active", _USERS), _GATEWAY),
        ),
        unread=("envoy_*",),
    ),
)
