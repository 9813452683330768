"""OpenTelemetry's conventions for servers of generative AI, as a collector exports them to Prometheus."""

from __future__ import annotations

from cluster.prometheus.promql import Spelling, first_of, quantiles
from cluster.signals import SERVING

SPELLINGS = (
    Spelling(
        "gen_ai_server_",
        (
            *quantiles("latency", first_of("gen_ai_server_request_duration_seconds"), SERVING),
            *quantiles("ttft", first_of("gen_ai_server_time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("gen_ai_server_time_per_output_token_seconds"), SERVING),
        ),
        layer="engine",
        prefixed=True,
    ),
)
