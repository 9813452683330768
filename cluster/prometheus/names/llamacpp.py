"""llama.cpp's server. Its `*_seconds` gauges are averages over its whole life, so they are not used."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, rate
from cluster.signals import SERVING

SPELLINGS = (
    Spelling(
        "llamacpp:",
        (
            Rule("token_rate", rate("llamacpp:tokens_predicted_total"), SERVING),
            Rule("queue_length", gauge("llamacpp:requests_deferred"), SERVING),
            Rule("running_requests", gauge("llamacpp:requests_processing"), SERVING),
            # Removed in newer releases.
            Rule("kv_usage", gauge("llamacpp:kv_cache_usage_ratio", aggregate="max"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "llamacpp:prompt_tokens_cached_total",
            "llamacpp:prompt_tokens_total",
            "llamacpp:prompt_tokens_seconds",
            "llamacpp:prompt_seconds_total",
            "llamacpp:predicted_tokens_seconds",
            "llamacpp:tokens_predicted_seconds_total",
            "llamacpp:n_decode_total",
            "llamacpp:n_tokens_max",
            "llamacpp:n_busy_slots_per_decode",
            "llamacpp:kv_cache_tokens",
            "llamacpp:spec_decode_*",
        ),
    ),
)
