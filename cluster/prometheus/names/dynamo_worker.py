"""A worker of NVIDIA Dynamo, by its runtime, beside its engine's own metrics. Shares are from 0 to 1.

Only `generate` serves requests: the runtime counts its other endpoints, too. Routers and planners have the same names,
so these names alone make no target an engine.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, gauge, quantile, quantiles, rate
from cluster.signals import SERVING

_SERVES = 'dynamo_endpoint="generate",'
_DONE, _FAILED = (rate(f"dynamo_component_{name}_total", _SERVES) for name in ("requests", "errors"))
_CACHE = ("dynamo_component_gpu_cache_usage_percent", "dynamo_component_kvstats_gpu_cache_usage_percent")


def _latency(q: float) -> str:
    return quantile(q, "dynamo_component_request_duration_seconds", _SERVES)


SPELLINGS = (
    Spelling(
        "Dynamo's worker",
        (
            Rule("request_rate", _DONE, SERVING),
            Rule("error_rate", f"({_FAILED}) or 0 * ({_DONE})", SERVING),
            *quantiles("latency", _latency, SERVING),
            Rule("running_requests", gauge("dynamo_component_inflight_requests", _SERVES), SERVING),
            Rule("kv_usage", either(*(gauge(metric, aggregate="max") for metric in _CACHE)), SERVING),
        ),
        tells=False,
        unread=(
            "dynamo_component_active_blocks",
            "dynamo_component_cancellation",
            "dynamo_component_gpu_prefix_cache_hit_rate",
            "dynamo_component_kv_*",
            "dynamo_component_kvstats_active_blocks",
            "dynamo_component_kvstats_gpu_prefix_cache_hit_rate",
            "dynamo_component_kvstats_total_blocks",
            "dynamo_component_model_load_time_seconds",
            "dynamo_component_nats_*",
            "dynamo_component_request_bytes",
            "dynamo_component_response_bytes",
            "dynamo_component_router_*",
            "dynamo_component_system_uptime_seconds",
            "dynamo_component_total_blocks",
            "dynamo_component_uptime_seconds",
            "dynamo_work_handler_*",
            "dynamo_engine_*",
        ),
    ),
)
