"""Traefik as a gateway: its entry points, else its services. Its own pages and probes are left out."""

from __future__ import annotations

from cluster.prometheus.promql import (
    Rule,
    Spelling,
    either,
    gauge,
    part_rate,
    quantile,
    quantiles,
    rate,
    ratio,
)
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_USERS = 'entrypoint!~"traefik|metrics|ping",'
_ENTERED, _SERVED = "traefik_entrypoint_requests_total", "traefik_service_requests_total"
_ENTRY_TIME, _SERVICE_TIME = "traefik_entrypoint_request_duration_seconds", "traefik_service_request_duration_seconds"
_REQUESTS = either(rate(_ENTERED, _USERS), rate(_SERVED))


def _of_code(codes: str) -> str:
    return either(part_rate(_ENTERED, f'{_USERS}code=~"{codes}",'), part_rate(_SERVED, f'code=~"{codes}",'))


def _latency(q: float) -> str:
    return either(quantile(q, _ENTRY_TIME, _USERS), quantile(q, _SERVICE_TIME))


SPELLINGS = (
    Spelling(
        "Traefik",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _of_code("5.."), _GATEWAY),
            Rule("error_ratio", ratio(_of_code("5.."), _REQUESTS), _GATEWAY),
            Rule("timeout_rate", _of_code("499|504"), _GATEWAY),
            *quantiles("latency", _latency, _GATEWAY),
            Rule(
                "connections",
                either(gauge("traefik_open_connections", _USERS), gauge("traefik_entrypoint_open_connections", _USERS)),
                _GATEWAY,
            ),
        ),
        unread=(
            "traefik_config_*",
            "traefik_entrypoint_requests_bytes",
            "traefik_entrypoint_requests_tls",
            "traefik_entrypoint_responses_bytes",
            "traefik_router_*",
            "traefik_service_open_connections",
            "traefik_service_requests_bytes",
            "traefik_service_requests_tls",
            "traefik_service_responses_bytes",
            "traefik_service_retries",
            "traefik_service_server_up",
            "traefik_tls_*",
        ),
    ),
)
