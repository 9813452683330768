"""Hugging Face's Text Generation Inference. Durations are in seconds, without a suffix that says so."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, first_of, gauge, part_rate, quantile, quantiles, rate
from cluster.signals import SERVING

_BATCH = "tgi_batch_inference_duration"
_FAILED = rate("tgi_request_failure")
_ALL = rate("tgi_request_count")

SPELLINGS = (
    Spelling(
        "tgi_",
        (
            Rule("request_rate", _ALL, SERVING),
            Rule("error_rate", f"{_FAILED} or 0 * {_ALL}", SERVING),
            Rule("abort_rate", part_rate("tgi_request_failure", 'err="cancelled",'), SERVING),
            *quantiles("latency", first_of("tgi_request_duration"), SERVING),
            *quantiles("tpot", first_of("tgi_request_mean_time_per_token_duration"), SERVING),
            Rule("token_rate", rate("tgi_request_generated_tokens_sum"), SERVING),
            Rule("queue_length", gauge("tgi_queue_size"), SERVING),
            Rule("running_requests", gauge("tgi_batch_current_size"), SERVING),
            Rule("queue_time_p90", quantile(0.9, "tgi_request_queue_duration"), SERVING),
            Rule("prefill_time_p90", quantile(0.9, _BATCH, 'method="prefill",'), SERVING),
            Rule("decode_time_p90", quantile(0.9, "tgi_request_inference_duration"), SERVING),
            Rule("prompt_tokens_p90", quantile(0.9, "tgi_request_input_length"), SERVING),
        ),
        layer="engine",
        prefixed=True,
        unread=(
            "tgi_request_success",
            "tgi_request_validation_duration",
            "tgi_request_max_new_tokens",
            "tgi_request_skipped_tokens",
            "tgi_batch_concat*",
            "tgi_batch_current_max_tokens",
            "tgi_batch_decode_duration",
            "tgi_batch_filter_duration",
            "tgi_batch_forward_duration",
            "tgi_batch_inference_count",
            "tgi_batch_inference_success",
            "tgi_batch_next_*",
        ),
    ),
)
