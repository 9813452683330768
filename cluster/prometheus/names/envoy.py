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
        unread=(
            "envoy_cluster_*",
            "envoy_control_plane_*",
            "envoy_dns_*",
            "envoy_filesystem_*",
            "envoy_http1_*",
            "envoy_http2_*",
            "envoy_http_downstream_cx_destroy*",
            "envoy_http_downstream_cx_http*",
            "envoy_http_downstream_cx_length_ms",
            "envoy_http_downstream_cx_rx_*",
            "envoy_http_downstream_cx_ssl_*",
            "envoy_http_downstream_cx_total",
            "envoy_http_downstream_cx_tx_*",
            "envoy_http_downstream_cx_upgrades_*",
            "envoy_http_downstream_flow_control_*",
            "envoy_http_downstream_rq_active",
            "envoy_http_downstream_rq_http*",
            "envoy_http_downstream_rq_total",
            "envoy_http_ext_*",
            "envoy_http_inbound_*",
            "envoy_http_no_*",
            "envoy_http_outbound_*",
            "envoy_http_passthrough_*",
            "envoy_http_rq_*",
            "envoy_http_tracing_*",
            "envoy_listener_*",
            "envoy_main_thread_*",
            "envoy_runtime_*",
            "envoy_server_*",
            "envoy_tcp_*",
            "envoy_tls_*",
            "envoy_wasm_*",
            "envoy_workers_*",
        ),
    ),
)
