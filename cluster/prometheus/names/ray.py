"""Ray's reporter agent."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, gauge
from cluster.topology import Kind

_GCS = 'Component="gcs",'
_RSS = gauge("ray_component_rss_bytes", _GCS)
_RSS_MB = f"1e6 * {gauge('ray_component_rss_mb', _GCS)}"  # millions of bytes

SPELLINGS = (
    Spelling(
        "Ray",
        (Rule("gcs_memory", either(_RSS, _RSS_MB), frozenset({Kind.HEAD})),),
        unread=(
            "ray_component_cpu_percentage",
            "ray_component_gpu_memory_mb",
            "ray_component_gpu_percentage",
            "ray_component_mem_shared_bytes",
            "ray_component_num_fds",
            "ray_component_shared_bytes",
            "ray_component_uss_bytes",
            "ray_component_uss_mb",
        ),
    ),
)
