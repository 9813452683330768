"""Kong and APISIX as gateways, by their Prometheus plugins, which have one origin. Times are in milliseconds.

Of a renamed metric, the newest name is first. Kong's number of connections is a level, whatever its name says.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, gauge, part_rate, quantile, quantiles, rate, ratio
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_NEW, _OLD = "kong_http_requests_total", "kong_http_status"
_ACTIVE, _WHOLE = 'state="active",', 'type="request",'


def _of_code(codes: str, *metrics: str) -> str:
    return either(*(part_rate(metric, f'code=~"{codes}",') for metric in metrics))


def _kong_latency(q: float) -> str:
    return either(quantile(q, "kong_request_latency_ms"), quantile(q, "kong_latency", _WHOLE))


_KONG = either(rate(_NEW), rate(_OLD))
_STATUS = "apisix_http_status"
_CONNECTIONS = (("kong_nginx_connections_total", _ACTIVE), ("kong_nginx_http_current_connections", _ACTIVE))

SPELLINGS = (
    Spelling(
        "Kong",
        (
            Rule("request_rate", _KONG, _GATEWAY),
            Rule("error_rate", _of_code("5..", _NEW, _OLD), _GATEWAY),
            Rule("error_ratio", ratio(_of_code("5..", _NEW, _OLD), _KONG), _GATEWAY),
            Rule("timeout_rate", _of_code("499|504", _NEW, _OLD), _GATEWAY),
            *quantiles("latency", _kong_latency, _GATEWAY, scale=1e-3),
            Rule("connections", either(*(gauge(*one) for one in _CONNECTIONS)), _GATEWAY),
        ),
        unread=(
            "kong_ai_*",
            "kong_bandwidth*",
            "kong_control_plane_*",
            "kong_data_plane_*",
            "kong_datastore_*",
            "kong_db_*",
            "kong_kong_latency_ms",
            "kong_memory_*",
            "kong_nginx_metric_errors",
            "kong_nginx_requests",
            "kong_nginx_timers",
            "kong_node_info",
            "kong_session_duration_ms",
            "kong_stream_*",
            "kong_upstream_*",
        ),
    ),
    Spelling(
        "APISIX",
        (
            Rule("request_rate", rate(_STATUS), _GATEWAY),
            Rule("error_rate", _of_code("5..", _STATUS), _GATEWAY),
            Rule("error_ratio", ratio(_of_code("5..", _STATUS), rate(_STATUS)), _GATEWAY),
            Rule("timeout_rate", _of_code("499|504", _STATUS), _GATEWAY),
            *quantiles("latency", lambda q: quantile(q, "apisix_http_latency", _WHOLE), _GATEWAY, scale=1e-3),
            Rule("connections", gauge("apisix_nginx_http_current_connections", _ACTIVE), _GATEWAY),
        ),
        unread=(
            "apisix_bandwidth",
            "apisix_etcd_*",
            "apisix_http_requests",
            "apisix_llm_*",
            "apisix_nginx_metric_errors",
            "apisix_node_info",
            "apisix_shared_dict_*",
            "apisix_upstream_status",
        ),
    ),
)
