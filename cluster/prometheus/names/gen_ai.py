"""OpenTelemetry's conventions for servers of generative AI, as a collector or Prometheus's OTLP endpoint writes them.

Gateways of AI export them as well, of all requests that they pass on: `gen_ai_gateway`.
Without suffixes (a setting of both) the unit is no part of the name; it is seconds all the same.
"""

from __future__ import annotations

from cluster.prometheus.promql import Spelling, first_of, quantiles
from cluster.signals import SERVING

LATENCY, TTFT, TPOT = (
    first_of(f"gen_ai_server_{name}_seconds", f"gen_ai_server_{name}")
    for name in ("request_duration", "time_to_first_token", "time_per_output_token")
)

SPELLINGS = (
    Spelling(
        "gen_ai_server_",
        (
            *quantiles("latency", LATENCY, SERVING),
            *quantiles("ttft", TTFT, SERVING),
            *quantiles("tpot", TPOT, SERVING),
        ),
        layer="engine",
        prefixed=True,
    ),
)
