"""LightLLM. Its names are those of Text Generation Inference under another prefix; durations are in seconds."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, quantile, quantiles, rate
from cluster.signals import SERVING

_ALL, _FAILED = rate("lightllm_request_count_total"), rate("lightllm_request_failure_total")

SPELLINGS = (
    Spelling(
        "lightllm_",
        (
            Rule("request_rate", _ALL, SERVING),
            Rule("error_rate", f"({_FAILED}) or 0 * ({_ALL})", SERVING),
            *quantiles("latency", first_of("lightllm_request_duration"), SERVING),
            *quantiles("ttft", first_of("lightllm_request_first_token_duration"), SERVING),
            *quantiles("tpot", first_of("lightllm_request_mean_time_per_token_duration"), SERVING),
            Rule("token_rate", rate("lightllm_request_generated_tokens_sum"), SERVING),
            Rule("queue_length", gauge("lightllm_queue_size"), SERVING),
            Rule("running_requests", gauge("lightllm_batch_current_size"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "lightllm_request_queue_duration"), SERVING),
            Rule("decode_time_p90", quantile(0.9, "lightllm_request_inference_duration"), SERVING),
            Rule("prompt_tokens_p90", quantile(0.9, "lightllm_request_input_length"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "lightllm_batch_current_max_tokens",
            "lightllm_batch_inference_*",
            "lightllm_batch_next_size",
            "lightllm_batch_pause_size",
            "lightllm_cache_*",
            "lightllm_gen_throughput",
            "lightllm_num_running_reqs",
            "lightllm_request_max_new_tokens",
            "lightllm_request_success",
            "lightllm_request_validation_duration",
        ),
    ),
)
