"""Ray Serve's replicas; latencies are in milliseconds.

Failed health checks are left out: the controller counts them, so the head would carry the failures of all replicas.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, quantiles, rate
from cluster.signals import SERVING

_REQUESTS = rate("ray_serve_deployment_request_counter_total")
_ERRORS = rate("ray_serve_deployment_error_counter_total")

SPELLINGS = (
    Spelling(
        "ray_serve",
        (
            Rule("request_rate", _REQUESTS, SERVING),
            Rule("error_rate", f"{_ERRORS} or 0 * {_REQUESTS}", SERVING),
            *quantiles("latency", first_of("ray_serve_deployment_processing_latency_ms"), SERVING, scale=1e-3),
            Rule("running_requests", gauge("ray_serve_replica_processing_queries"), SERVING),
        ),
    ),
)
