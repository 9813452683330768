"""The endpoint picker of the Gateway API's inference extension and of llm-d: a router's requests, and what it sees.

Of a renamed metric, the newest name is first. What the pool says of a pod is the picker's scrape of it: asked only
where no engine is scraped. Means over the pool (`inference_pool_average_kv_cache_utilization` and the like) are not
read: they belong to no component, and at the picker they would look like its own trouble.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, quantiles, rate, ratio
from cluster.signals import SERVING
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_STEMS = ("llm_d_epp_request", "inference_objective_request", "inference_extension_request", "inference_model_request")
_REQUESTS = either(*(rate(f"{stem}_total") for stem in _STEMS))
_FAILED = either(*(rate(f"{stem}_error_total") for stem in _STEMS))
_ERRORS = f"({_FAILED}) or 0 * ({_REQUESTS})"
_TTFT = ("llm_d_epp_request_ttft_seconds", "inference_extension_request_ttft_duration_seconds")
_QUEUES = (
    ("llm_d_epp_per_endpoint_queue_size", "model_server_endpoint"),
    ("inference_pool_per_pod_queue_size", "model_server_pod"),
)


def _queue(metric: str, label: str) -> str:
    """By pod: a pod with data parallelism has an endpoint for each rank, `NAME-rank-0` and on."""
    latest = f"last_over_time({metric}{{$m}}[$fresh])"
    return f'sum by ($by) (label_replace({latest}, "model_server", "$$1", "{label}", "(.+?)(-rank-[0-9]+)?"))'


SPELLINGS = (
    Spelling(
        "endpoint picker",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, _REQUESTS), _GATEWAY),
            *quantiles("latency", first_of(*(f"{stem}_duration_seconds" for stem in _STEMS)), _GATEWAY),
            *quantiles("ttft", first_of(*_TTFT), _GATEWAY),
            *quantiles("tpot", first_of("llm_d_epp_request_streaming_tpot_seconds"), _GATEWAY),
            Rule("queue_length", either(*(_queue(*one) for one in _QUEUES)), SERVING, labels=("model_server",)),
        ),
        unread=(
            "inference_extension_flow_*",
            "inference_extension_info",
            "inference_extension_input_*",
            "inference_extension_model_*",
            "inference_extension_normalized_*",
            "inference_extension_output_*",
            "inference_extension_plugin_*",
            "inference_extension_prefix_*",
            "inference_extension_prompt_*",
            "inference_extension_scheduler_*",
            "inference_model_input_*",
            "inference_model_normalized_*",
            "inference_model_output_*",
            "inference_model_request_sizes",
            "inference_model_response_*",
            "inference_model_running_requests",
            "inference_objective_input_*",
            "inference_objective_normalized_*",
            "inference_objective_output_*",
            "inference_objective_prompt_*",
            "inference_objective_request_sizes",
            "inference_objective_response_*",
            "inference_objective_running_requests",
            "inference_pool_average_*",
            "inference_pool_ready_pods",
            "llm_d_epp_average_*",
            "llm_d_epp_flow_*",
            "llm_d_epp_inflight_*",
            "llm_d_epp_info",
            "llm_d_epp_model_*",
            "llm_d_epp_pd_*",
            "llm_d_epp_plugin_*",
            "llm_d_epp_prefix_*",
            "llm_d_epp_ready_endpoints",
            "llm_d_epp_request_cached_tokens",
            "llm_d_epp_request_input_tokens",
            "llm_d_epp_request_ntpot_seconds",
            "llm_d_epp_request_output_tokens",
            "llm_d_epp_request_processing_*",
            "llm_d_epp_request_running",
            "llm_d_epp_request_size_bytes",
            "llm_d_epp_request_streaming_itl_seconds",
            "llm_d_epp_response_*",
            "llm_d_epp_scheduler_*",
            "llm_d_epp_std_dev_*",
            "llm_d_inference_scheduler_*",
        ),
    ),
)
