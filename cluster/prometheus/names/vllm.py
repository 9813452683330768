"""vLLM's own metrics. Of a renamed metric, the newest name is first.

The time between output events and the time per output token are two quantities: with speculation an event has several
tokens. `time_per_output_token_seconds` is the former under its old name.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, part_rate, quantile, quantiles, rate
from cluster.signals import SERVING

_SUCCESS = "vllm:request_success_total"
_BETWEEN = ("vllm:inter_token_latency_seconds", "vllm:time_per_output_token_seconds")
# Shares from 0 to 1, whatever the name says.
_CACHE = tuple(gauge(metric, aggregate="max") for metric in ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc"))

SPELLINGS = (
    Spelling(
        "vllm:",
        (
            Rule("request_rate", rate(_SUCCESS), SERVING),
            Rule("error_rate", part_rate(_SUCCESS, 'finished_reason="error",'), SERVING),
            Rule("abort_rate", part_rate(_SUCCESS, 'finished_reason="abort",'), SERVING),
            *quantiles("latency", first_of("vllm:e2e_request_latency_seconds"), SERVING),
            *quantiles("ttft", first_of("vllm:time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("vllm:request_time_per_output_token_seconds"), SERVING),
            *quantiles("inter_token", first_of(*_BETWEEN), SERVING),
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
        layer="engine",
        prefixed=True,
        rank="engine",
        unread=(
            "vllm:admission_rejections",
            "vllm:avg_generation_throughput_toks_per_s",
            "vllm:avg_prompt_throughput_toks_per_s",
            "vllm:cache_config_info",
            "vllm:corrupted_requests",
            "vllm:cpu_cache_usage_perc",
            "vllm:cpu_prefix_cache_hit_rate",
            "vllm:engine_sleep_state",
            "vllm:estimated_flops_per_gpu",
            "vllm:estimated_read_bytes_per_gpu",
            "vllm:estimated_write_bytes_per_gpu",
            "vllm:external_prefix_cache_hits",
            "vllm:external_prefix_cache_queries",
            "vllm:gpu_prefix_*",
            "vllm:hf3fs_load_duration_seconds",
            "vllm:hf3fs_num_failed_load",
            "vllm:hf3fs_num_failed_save",
            "vllm:hf3fs_save_duration_seconds",
            "vllm:hisparse_cache_hits",
            "vllm:hisparse_cache_misses",
            "vllm:hisparse_host_*",
            "vllm:hisparse_pending_page_transfers",
            "vllm:kv_block_*",
            "vllm:kv_offload_*",
            "vllm:lora_requests_info",
            "vllm:mm_cache_hits",
            "vllm:mm_cache_queries",
            "vllm:model_execute_time_milliseconds",
            "vllm:model_forward_time_milliseconds",
            "vllm:mooncake_bytes_transferred",
            "vllm:mooncake_num_*",
            "vllm:mooncake_store_*",
            "vllm:mooncake_xfer_time_seconds",
            "vllm:nixl_bytes_transferred",
            "vllm:nixl_num_*",
            "vllm:nixl_post_time_seconds",
            "vllm:nixl_xfer_time_seconds",
            "vllm:num_requests_kv_fetch_by_stage",
            "vllm:num_requests_swapped",
            "vllm:num_requests_waiting_by_reason",
            "vllm:prefix_cache_hits",
            "vllm:prefix_cache_queries",
            "vllm:prompt_tokens",
            "vllm:prompt_tokens_*",
            "vllm:request_generation_tokens",
            "vllm:request_inference_time_seconds",
            "vllm:request_max_num_generation_tokens",
            "vllm:request_num_preemptions",
            "vllm:request_params_*",
            "vllm:request_prefill_kv_computed_tokens",
            "vllm:rl_weight_update_operation_duration_seconds",
            "vllm:rl_weight_update_operations_in_flight",
            "vllm:simple_kv_*",
            "vllm:sleep_mode_operation_duration_seconds",
            "vllm:sleep_mode_operations_in_flight",
            "vllm:spec_decode_*",
            "vllm:time_in_queue_requests",
            "vllm:tokens",
            "vllm:umbp_transfer_*",
            "vllm:watermark_requests",
            "vllm:websocket_connection_duration_seconds",
            "vllm:websocket_connections",
            "vllm:websocket_connections_active",
        ),
    ),
)
