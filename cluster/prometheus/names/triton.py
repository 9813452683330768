"""TensorRT-LLM: behind Triton's backend, which labels one metric by what it counts, and by trtllm-serve."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, quantile, quantiles, rate
from cluster.signals import SERVING

_STATES = "nv_trt_llm_request_metrics"
_SUCCESS, _FAILURE = rate("nv_inference_request_success"), rate("nv_inference_request_failure")
_BLOCKS = "nv_trt_llm_kv_cache_block_metrics"

SPELLINGS = (
    Spelling(
        "nv_",
        (
            Rule("request_rate", f"{_SUCCESS} + ({_FAILURE} or 0 * {_SUCCESS})", SERVING),
            Rule("error_rate", f"{_FAILURE} or 0 * {_SUCCESS}", SERVING),
            *quantiles("ttft", first_of("nv_inference_first_response_histogram_ms"), SERVING, scale=1e-3),
            Rule("queue_length", gauge(_STATES, 'request_type="waiting",'), SERVING),
            # `active` counts those that wait as well.
            Rule("running_requests", gauge(_STATES, 'request_type="scheduled",'), SERVING),
            Rule("kv_usage", gauge(_BLOCKS, 'kv_cache_block_type="fraction",', aggregate="max"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "nv_trt_llm_*",
            "nv_inference_*",
            "nv_gpu_*",
            "nv_cpu_*",
            "nv_cache_*",
            "nv_model_*",
            "nv_pinned_memory_pool_*",
            "nv_energy_consumption",
        ),
    ),
    Spelling(
        "trtllm_",
        (
            Rule("request_rate", rate("trtllm_request_success_total"), SERVING),
            *quantiles("latency", first_of("trtllm_e2e_request_latency_seconds"), SERVING),
            *quantiles("ttft", first_of("trtllm_time_to_first_token_seconds"), SERVING),
            *quantiles("tpot", first_of("trtllm_time_per_output_token_seconds"), SERVING),
            Rule("queue_length", gauge("trtllm_num_requests_waiting"), SERVING),
            Rule("running_requests", gauge("trtllm_num_requests_running"), SERVING),
            Rule("kv_usage", gauge("trtllm_kv_cache_utilization", aggregate="max"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "trtllm_request_queue_time_seconds"), SERVING),
            Rule("prefill_time_p90", quantile(0.9, "trtllm_request_prefill_time_seconds"), SERVING),
            Rule("decode_time_p90", quantile(0.9, "trtllm_request_decode_time_seconds"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=("trtllm_kv_cache_*", "trtllm_*_tokens*"),
    ),
)
