"""NGINX by nginx-prometheus-exporter. Of the open one, the stub status, which has neither durations nor failures.

NGINX Plus counts responses by class for each server zone that is set up. Its mean times by upstream are not read.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, part_rate, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_ZONES = "nginxplus_server_zone_responses"
_FAILED = part_rate(_ZONES, 'code="5xx",')

SPELLINGS = (
    Spelling(
        "NGINX",
        (
            Rule("request_rate", rate("nginx_http_requests_total"), _GATEWAY),
            Rule("connections", gauge("nginx_connections_active"), _GATEWAY),
        ),
        unread=(
            "nginx_connections_accepted",
            "nginx_connections_handled",
            "nginx_connections_reading",
            "nginx_connections_waiting",
            "nginx_connections_writing",
            "nginx_exporter_build_info",
            "nginx_up",
        ),
    ),
    Spelling(
        "NGINX Plus",
        (
            Rule("request_rate", rate("nginxplus_http_requests_total"), _GATEWAY),
            Rule("error_rate", _FAILED, _GATEWAY),
            Rule("error_ratio", ratio(_FAILED, rate(_ZONES)), _GATEWAY),
            Rule("connections", gauge("nginxplus_connections_active"), _GATEWAY),
        ),
        unread=(
            "nginxplus_cache_*",
            "nginxplus_connections_accepted",
            "nginxplus_connections_dropped",
            "nginxplus_connections_idle",
            "nginxplus_http_requests_current",
            "nginxplus_limit_*",
            "nginxplus_location_zone_*",
            "nginxplus_resolver_*",
            "nginxplus_server_ssl_*",
            "nginxplus_server_zone_discarded",
            "nginxplus_server_zone_processing",
            "nginxplus_server_zone_received",
            "nginxplus_server_zone_requests",
            "nginxplus_server_zone_sent",
            "nginxplus_ssl_*",
            "nginxplus_stream_*",
            "nginxplus_up",
            "nginxplus_upstream_*",
            "nginxplus_worker_*",
        ),
    ),
)
