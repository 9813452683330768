"""Rules for exporters of GPUs, which name the holder of a GPU in more than one way.

The pod stands in `pod` where Prometheus honours the exporter's labels, else in `exported_pod`, with the exporter's own
pod in `pod`. A GPU that no pod holds by its labels (MIG, old exporters) is found by its machine and number.
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.prometheus.promql import Rule
from cluster.topology import Kind

LABELS = ("pod", "gpu", "part", "host")
"""Of each series: its pod or "", number of the GPU, number of the instance or "", machine."""

_HONOURED = '{namespace="$namespace",exported_pod="",$everywhere}'
_RENAMED = '{exported_namespace="$namespace",$everywhere}'
_UNHELD = '{exported_pod="",exported_namespace="",pod=~"|.*(dcgm|exporter|amd-gpu|amdgpu|gpu-metrics).*",$everywhere}'


def gpu(signal: str, reading: str, labels: Mapping[str, str], scale: float = 1.0, match: str = "") -> Rule:
    """A rule from a reading with `%s` for the matchers.

    `labels`: the exporter's names of "gpu", "part" and "host". `match`: more matchers, each with a comma behind it.
    """
    honoured, others, nobody = (
        reading.replace("%s", "{" + match + scope[1:]) for scope in (_HONOURED, _RENAMED, _UNHELD)
    )
    renamed = _moved(others, "pod", "exported_pod", "(.+)")
    unheld = f'label_replace({nobody}, "pod", "", "", "")'
    found = f"({honoured}) or {renamed} or {unheld}"
    for ours, theirs in labels.items():
        if ours != theirs:
            found = _moved(found, ours, theirs, "(.*)")
    return Rule(signal, f"max by ($by) ({found})", frozenset({Kind.GPU}), scale, labels=LABELS)


def _moved(reading: str, ours: str, theirs: str, pattern: str) -> str:
    return f'label_replace({reading}, "{ours}", "$$1", "{theirs}", "{pattern}")'
