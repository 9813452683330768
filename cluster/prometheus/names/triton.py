"""TensorRT-LLM: behind Triton's backend, which labels one metric by what it counts, and by trtllm-serve.

Triton counts a request once for each model that it passes: of an ensemble and its steps the largest number is read, not
the sum. Its summaries of microseconds are not read: their quantiles are of the server's choice.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, quantile, quantiles, rate
from cluster.signals import SERVING

_STATES = "nv_trt_llm_request_metrics"
_BLOCKS = "nv_trt_llm_kv_cache_block_metrics"


def _of_models(calls: str) -> str:
    return f"max by ($by) (sum by ($by, model) ({calls}))"


def _rate(metric: str) -> str:
    return _of_models(f"rate({metric}{{$m}}[$rate])")


_SUCCESS, _FAILURE = _rate("nv_inference_request_success"), _rate("nv_inference_request_failure")
_PENDING = _of_models("last_over_time(nv_inference_pending_request_count{$m}[$fresh])")
_TRT_DONE = rate("trtllm_request_success_total")
_WAITING = ("trtllm_num_requests_waiting", "trtllm_num_queued_requests", "trtllm_server_queue_length")
_RUNNING = ("trtllm_num_requests_running", "trtllm_num_active_requests")

SPELLINGS = (
    Spelling(
        "nv_",
        (
            Rule("request_rate", f"{_SUCCESS} + ({_FAILURE} or 0 * {_SUCCESS})", SERVING),
            Rule("error_rate", f"{_FAILURE} or 0 * {_SUCCESS}", SERVING),
            *quantiles("ttft", first_of("nv_inference_first_response_histogram_ms"), SERVING, scale=1e-3),
            Rule("queue_length", either(gauge(_STATES, 'request_type="waiting",'), _PENDING), SERVING),
            # `active` counts those that wait as well.
            Rule("running_requests", gauge(_STATES, 'request_type="scheduled",'), SERVING),
            Rule("kv_usage", gauge(_BLOCKS, 'kv_cache_block_type="fraction",', aggregate="max"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "nv_cache_*",
            "nv_cpu_*",
            "nv_energy_consumption",
            "nv_gpu_*",
            "nv_inference_compute_*",
            "nv_inference_count",
            "nv_inference_exec_count",
            "nv_inference_load_*",
            "nv_inference_queue_*",
            "nv_inference_request_duration_us",
            "nv_llm_input_*",
            "nv_llm_output_*",
            "nv_model_*",
            "nv_pinned_memory_pool_*",
            "nv_trt_llm_disaggregated_*",
            "nv_trt_llm_general_*",
            "nv_trt_llm_inflight_*",
            "nv_trt_llm_runtime_*",
            "nv_trt_llm_v1_*",
        ),
    ),
    Spelling(
        "trtllm_",
        (
            Rule("request_rate", _TRT_DONE, SERVING),
            Rule("error_rate", f"({rate('trtllm_request_error_total')}) or 0 * ({_TRT_DONE})", SERVING),
            *quantiles("latency", first_of("trtllm_e2e_request_latency_seconds"), SERVING),
            *quantiles("ttft", first_of("trtllm_time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("trtllm_time_per_output_token_seconds"), SERVING),
            Rule("token_rate", rate("trtllm_generation_tokens_total"), SERVING),
            Rule("queue_length", either(*map(gauge, _WAITING)), SERVING),
            Rule("running_requests", either(*map(gauge, _RUNNING)), SERVING),
            Rule("kv_usage", gauge("trtllm_kv_cache_utilization", aggregate="max"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "trtllm_request_queue_time_seconds"), SERVING),
            Rule("prefill_time_p90", quantile(0.9, "trtllm_request_prefill_time_seconds"), SERVING),
            Rule("decode_time_p90", quantile(0.9, "trtllm_request_decode_time_seconds"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "trtllm_avg_*",
            "trtllm_cache_config_info",
            "trtllm_cpu_*",
            "trtllm_generation_perplexity",
            "trtllm_gpu_*",
            "trtllm_iteration_latency_seconds",
            "trtllm_kv_cache_*blocks*",
            "trtllm_kv_cache_hit_rate",
            "trtllm_kv_cache_tokens_*",
            "trtllm_max_*",
            "trtllm_model_config_info",
            "trtllm_num_*_requests",
            "trtllm_num_requests_completed",
            "trtllm_parallel_config_info",
            "trtllm_pinned_*",
            "trtllm_prefill_*",
            "trtllm_prompt_*",
            "trtllm_spec_decode_*",
            "trtllm_speculative_config_info",
            "trtllm_total_*",
        ),
    ),
)
