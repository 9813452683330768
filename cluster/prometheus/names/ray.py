"""Ray's reporter agent, and the names under which Ray re-exports the metrics of the engines that it runs."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, either, gauge
from cluster.topology import Kind

_GCS = 'Component="gcs",'
_RSS = gauge("ray_component_rss_bytes", _GCS)
_RSS_MB = f"1e6 * {gauge('ray_component_rss_mb', _GCS)}"  # millions of bytes

SPELLINGS = (Spelling("Ray", (Rule("gcs_memory", either(_RSS, _RSS_MB), frozenset({Kind.HEAD})),)),)


def reexported(engine: Spelling) -> tuple[Spelling, Spelling]:
    """An engine's table as Ray exports it: with the prefix `ray_`; newer releases also write `_` for `:`."""
    return engine.renamed(lambda name: f"ray_{name}"), engine.renamed(lambda name: f"ray_{name}".replace(":", "_"))
