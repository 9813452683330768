"""A gateway of AI, such as Envoy's, by the OpenTelemetry metrics of `gen_ai`, where its own table has nothing.

They are of the requests to models that it could pass on. Engines have the same names, so they alone make no gateway.
"""

from __future__ import annotations

from cluster.prometheus.names.gen_ai import LATENCY, TPOT, TTFT
from cluster.prometheus.promql import Spelling, quantiles
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})

SPELLINGS = (
    Spelling(
        "gen_ai_server",
        (
            *quantiles("latency", LATENCY, _GATEWAY),
            *quantiles("ttft", TTFT, _GATEWAY),
            *quantiles("tpot", TPOT, _GATEWAY),
        ),
        layer="gateway of AI",
        prefixed=True,
        tells=False,
    ),
)
