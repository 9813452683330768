"""LMDeploy's API server. Shares are from 0 to 1, whatever the name says; finished requests are counted by reason."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, part_rate, quantile, quantiles, rate
from cluster.signals import SERVING

_SUCCESS = "lmdeploy:request_success_total"

SPELLINGS = (
    Spelling(
        "lmdeploy:",
        (
            Rule("request_rate", rate(_SUCCESS), SERVING),
            Rule("error_rate", part_rate(_SUCCESS, 'finished_reason="error",'), SERVING),
            Rule("abort_rate", part_rate(_SUCCESS, 'finished_reason="abort",'), SERVING),
            *quantiles("latency", first_of("lmdeploy:e2e_request_latency_seconds"), SERVING),
            *quantiles("ttft", first_of("lmdeploy:time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("lmdeploy:time_per_output_token_seconds"), SERVING),
            *quantiles("inter_token", first_of("lmdeploy:iter_token_latency"), SERVING),
            Rule("token_rate", rate("lmdeploy:generation_tokens_total"), SERVING),
            Rule("queue_length", gauge("lmdeploy:num_requests_waiting"), SERVING),
            Rule("running_requests", gauge("lmdeploy:num_requests_running"), SERVING),
            Rule("kv_usage", gauge("lmdeploy:gpu_cache_usage_perc", aggregate="max"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "lmdeploy:request_queue_time_seconds"), SERVING),
            Rule("prefill_time_p90", quantile(0.9, "lmdeploy:request_prefill_time_seconds"), SERVING),
            Rule("decode_time_p90", quantile(0.9, "lmdeploy:request_decode_time_seconds"), SERVING),
            Rule("prompt_tokens_p90", quantile(0.9, "lmdeploy:request_prompt_tokens"), SERVING),
            Rule("batch_tokens_p90", quantile(0.9, "lmdeploy:iteration_tokens_total"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        rank="engine",
        unread=(
            "lmdeploy:cached_tokens",
            "lmdeploy:num_api_requests_routed",
            "lmdeploy:num_api_requests_waiting",
            "lmdeploy:num_requests_failed",
            "lmdeploy:num_requests_finished",
            "lmdeploy:num_requests_succeeded",
            "lmdeploy:num_requests_unfinished",
            "lmdeploy:prefix_cache_hit_rate",
            "lmdeploy:prompt_tokens",
            "lmdeploy:request_cache_hit_ratio",
            "lmdeploy:request_cached_tokens",
            "lmdeploy:request_generation_tokens",
            "lmdeploy:request_inference_time_seconds",
            "lmdeploy:spec_decode_*",
        ),
    ),
)
