"""NVIDIA NIM for LLMs: vLLM's names without its prefix. Names: docs.nvidia.com, NIM for LLMs, Observability.

As of vLLM, the time per output token is the time between output events.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, quantile, quantiles, rate
from cluster.signals import SERVING

_DONE = rate("e2e_request_latency_seconds_count")

SPELLINGS = (
    Spelling(
        "NIM",
        (
            Rule("request_rate", _DONE, SERVING),
            Rule("error_rate", f"({rate('request_failure_total')}) or 0 * ({_DONE})", SERVING),
            *quantiles("latency", first_of("e2e_request_latency_seconds"), SERVING),
            *quantiles("ttft", first_of("time_to_first_token_seconds"), SERVING),
            *quantiles("inter_token", first_of("time_per_output_token_seconds"), SERVING),
            Rule("token_rate", rate("generation_tokens_total"), SERVING),
            Rule("queue_length", gauge("num_requests_waiting"), SERVING),
            Rule("running_requests", gauge("num_requests_running"), SERVING),
            Rule("kv_usage", gauge("gpu_cache_usage_perc", aggregate="max"), SERVING),
            Rule("prompt_tokens_p90", quantile(0.9, "request_prompt_tokens"), SERVING),
        ),
        layer="engine",
        unread=(
            "num_request_max",
            "prompt_tokens",
            "request_finish",
            "request_generation_tokens",
            "request_success",
        ),
    ),
)
