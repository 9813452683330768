"""vLLM's own metrics, scraped from the engine or re-exported by Ray. Of a renamed metric, the newest name is first."""

from __future__ import annotations

from cluster.prometheus.names import ray
from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, part_rate, quantile, quantiles, rate
from cluster.signals import SERVING

_SUCCESS = "vllm:request_success_total"
_TOKEN_TIME = (
    "vllm:request_time_per_output_token_seconds",
    "vllm:inter_token_latency_seconds",
    "vllm:time_per_output_token_seconds",
)
# Shares from 0 to 1, whatever the name says.
_CACHE = tuple(gauge(metric, aggregate="max") for metric in ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"))

_ENGINE = Spelling(
    "vllm:",
    (
        Rule("request_rate", rate(_SUCCESS), SERVING),
        Rule("error_rate", part_rate(_SUCCESS, 'finished_reason="error",'), SERVING),
        Rule("abort_rate", part_rate(_SUCCESS, 'finished_reason="abort",'), SERVING),
        *quantiles("latency", first_of("vllm:e2e_request_latency_seconds"), SERVING),
        *quantiles("ttft", first_of("vllm:time_to_first_token_seconds"), SERVING),
        *quantiles("tpot", first_of(*_TOKEN_TIME), SERVING),
        Rule("token_rate", rate("vllm:generation_tokens_total"), SERVING),
        Rule("queue_length", gauge("vllm:num_requests_waiting"), SERVING),
        Rule("running_requests", gauge("vllm:num_requests_running"), SERVING),
        Rule("kv_usage", either(*_CACHE), SERVING),
        Rule("preemption_rate", rate("vllm:num_preemptions_total"), SERVING),
        Rule("queue_time_p90", quantile(0.9, "vllm:request_queue_time_seconds"), SERVING),
        Rule("prefill_time_p90", quantile(0.9, "vllm:request_prefill_time_seconds"), SERVING),
        Rule("decode_time_p90", quantile(0.9, "vllm:request_decode_time_seconds"), SERVING),
        Rule("prompt_tokens_p90", quantile(0.9, "vllm:request_prompt_tokens"), SERVING),
        Rule("batch_tokens_p90", quantile(0.9, "vllm:iteration_tokens_total"), SERVING),
    ),
)
SPELLINGS = (_ENGINE, *ray.reexported(_ENGINE))
