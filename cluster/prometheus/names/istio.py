"""Istio's proxies: sidecars and, in ambient mode, the waypoint. Names: istio.io, reference, config, metrics.

An edge is measured by its caller: a sidecar there (`reporter="source"`), or the waypoint between. What the callee's
sidecar measures (`reporter="destination"`) is the callee's own latency. The two are never mixed.

`source_address` and `destination_address` are tags that Istio's Telemetry resource must add (see
cluster/kubernetes/manifests/base/mesh); without them, the names of the workloads must tell the pods apart.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, part_rate, quantile, quantiles, rate, ratio
from cluster.signals import SERVING
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_EDGE_LABELS = ("source_ip", "source_workload", "destination_ip", "destination_workload")
_HISTOGRAM, _REQUESTS = "istio_request_duration_milliseconds", "istio_requests_total"
_DURATION = f"{_HISTOGRAM}_bucket"
_FAILED = 'response_code=~"0|5..",'
_RECEIVED = 'reporter="destination",'
_SENT = 'reporter="waypoint",source_workload_namespace="$namespace",source_workload="$workload",'


def _calls(window: str, metric: str, match: str = "", more: str = "") -> str:
    """Rates of calls by the addresses of both ends, as the caller's side measured them."""
    matchers = ',destination_workload_namespace="$namespace",' + match + "$everywhere"
    sides = []
    for reporter in ("source", "waypoint"):
        calls = f'rate({metric}{{reporter="{reporter}"{matchers}}}[{window}])'
        for end in ("source", "destination"):
            # Envoy writes the port behind the address.
            calls = f'label_replace({calls}, "{end}_ip", "$$1", "{end}_address", "\\\\[?(.+?)\\\\]?(:[0-9]+)?")'
        sides.append(f"sum by ($by{more}) ({calls})")
    # Where both see a call, it is counted once.
    return either(*sides)


def _edge_quantile(q: float) -> str:
    return f"histogram_quantile({q}, {_calls('$quantile', _DURATION, more=', le')})"


def _edge(signal: str, expr: str) -> Rule:
    return Rule(signal, expr, SERVING, edge=True, labels=_EDGE_LABELS)


def _gateway(own: str, waypoint: str) -> str:
    """What the gateway's sidecar measured; else what the waypoint saw of its calls, which is nearly all of them."""
    return f'({own}) or label_replace({waypoint}, "$component", "$front_door", "", "")'


def _gateway_quantile(q: float) -> str:
    sent = f"histogram_quantile({q}, sum by (le) (rate({_DURATION}{{{_SENT}$everywhere}}[$quantile])))"
    return _gateway(quantile(q, _HISTOGRAM, _RECEIVED), sent)


def _sent(match: str = "") -> str:
    return f"sum(rate({_REQUESTS}{{{_SENT}{match}$everywhere}}[$rate]))"


_GATEWAY_REQUESTS = _gateway(rate(_REQUESTS, _RECEIVED), _sent())
_GATEWAY_FAILURES = _gateway(part_rate(_REQUESTS, _RECEIVED + _FAILED), f"({_sent(_FAILED)} or 0 * {_sent()})")

SPELLINGS = (
    Spelling(
        "Istio",
        (
            _edge("request_rate", _calls("$rate", _REQUESTS)),
            _edge("error_rate", f"{_calls('$rate', _REQUESTS, _FAILED)} or 0 * ({_calls('$rate', _REQUESTS)})"),
            *quantiles("latency", _edge_quantile, SERVING, 1e-3, edge=True, labels=_EDGE_LABELS),
            Rule("request_rate", _GATEWAY_REQUESTS, _GATEWAY),
            Rule("error_rate", _GATEWAY_FAILURES, _GATEWAY),
            Rule("error_ratio", ratio(f"({_GATEWAY_FAILURES})", _GATEWAY_REQUESTS), _GATEWAY),
            *quantiles("latency", _gateway_quantile, _GATEWAY, 1e-3),
            # What arrives at a pod, as its own sidecar measured it.
            *quantiles("latency", lambda q: quantile(q, _HISTOGRAM, _RECEIVED), SERVING, 1e-3),
        ),
    ),
)
