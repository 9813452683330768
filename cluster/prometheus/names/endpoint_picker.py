"""The endpoint picker of the Gateway API's inference extension and of llm-d: a router's requests, and what it sees.

Of a renamed metric, the newest name is first. What the pool says of a pod is the picker's scrape of it: asked only
where no engine is scraped. Means over the pool (`inference_pool_average_kv_cache_utilization` and the like) are not
read: they belong to no component, and at the picker they would look like its own trouble.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, first_of, gauge, quantiles, rate, ratio
from cluster.signals import SERVING
from cluster.topology import Kind

_GATEWAY = frozenset({Kind.GATEWAY})
_STEMS = ("llm_d_epp_request", "inference_objective_request", "inference_model_request")
_REQUESTS = either(*(rate(f"{stem}_total") for stem in _STEMS))
_FAILED = either(*(rate(f"{stem}_error_total") for stem in _STEMS))
_ERRORS = f"({_FAILED}) or 0 * ({_REQUESTS})"

SPELLINGS = (
    Spelling(
        "endpoint picker",
        (
            Rule("request_rate", _REQUESTS, _GATEWAY),
            Rule("error_rate", _ERRORS, _GATEWAY),
            Rule("error_ratio", ratio(_ERRORS, _REQUESTS), _GATEWAY),
            *quantiles("latency", first_of(*(f"{stem}_duration_seconds" for stem in _STEMS)), _GATEWAY),
            Rule("queue_length", gauge("inference_pool_per_pod_queue_size"), SERVING, labels=("model_server_pod",)),
        ),
        unread=("inference_*", "llm_d_epp_*"),
    ),
)
