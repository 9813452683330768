"""OpenTelemetry's conventions for servers of generative AI, as a collector or Prometheus's OTLP endpoint writes them.

Engines export them, and gateways of AI (Envoy's) of all requests that they pass on: the names alone do not tell which.
Without suffixes (a setting of both) the unit is no part of the name; it is seconds all the same.
"""

from __future__ import annotations

from cluster.prometheus.promql import Spelling, first_of, quantiles
from cluster.signals import SERVING
from cluster.topology import Kind

_BOTH = SERVING | {Kind.GATEWAY}
_LATENCY, _TTFT, _TPOT = (
    first_of(f"gen_ai_server_{name}_seconds", f"gen_ai_server_{name}")
    for name in ("request_duration", "time_to_first_token", "time_per_output_token")
)

SPELLINGS = (
    Spelling(
        "gen_ai_server_",
        (
            *quantiles("latency", _LATENCY, _BOTH),
            *quantiles("ttft", _TTFT, _BOTH),
            *quantiles("tpot", _TPOT, _BOTH),
        ),
        layer="engine",
        prefixed=True,
    ),
)
