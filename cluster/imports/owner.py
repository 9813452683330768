"""Which component a series, a span or a log line belongs to: one rule for the labels of all that is imported.

The first of `NAMES` that has a value names the component: a pod before an address, an address before a host, a host
before a service. Names are compared in lower case and with `_` for every other character, so `k8s.pod.name`,
`k8s_pod_name` and `U__k8s_2e_pod_2e_name` are one. With `exported_` before it a name counts before itself: that is
what an exporter says of others, and the plain name is the exporter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from cluster.http import printable
from cluster.prometheus.variants import unescaped

NAMES = (
    "component",
    *("pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name"),
    *("service_instance_id", "instance"),
    *("host_name", "hostname", "k8s_node_name", "node"),
    *("service_name", "service", "job"),
)
_ORDER = {label: place for place, label in enumerate(b + name for name in NAMES for b in ("exported_", ""))}
_LISTED = 8


def component_of(labels: Mapping[str, str]) -> str | None:
    """None where no label names a component.

    >>> component_of({"U__k8s_2e_pod_2e_name": "vllm-0", "instance": "10.0.0.1:8000"})
    'vllm-0'
    """
    places = [(place, name) for name in labels if (place := _place(name)) is not None and labels[name]]
    return labels[min(places)[1]][:253].encode("utf-8", "replace").decode() if places else None


class Owners:
    """Names components, and remembers what has none."""

    def __init__(self) -> None:
        self._examples: dict[str, str] = {}
        self._labels: dict[str, None] = {}

    def of(self, labels: Mapping[str, str], what: str, example: str) -> str | None:
        """`what` it is that has the labels, in the plural, and the name of this one."""
        found = component_of(labels)
        if found is None:
            self._examples.setdefault(what, example)
            if len(self._labels) <= _LISTED:
                self._labels |= dict.fromkeys(labels)
        return found

    def lacking(self) -> str:
        """A sentence on what no label names the component of; "" where there is nothing like that."""
        if not self._examples:
            return ""
        some = " and ".join(f"{what} (such as {printable(one)})" for what, one in self._examples.items())
        names = [printable(one) for one in self._labels]
        there = f"they have the labels {', '.join(names[:_LISTED])}" if names else "they have no labels"
        more = " and others" if names[_LISTED:] else ""
        return f"no label names the component of some {some}: {there}{more}; save them by pod, instance or service_name"


@lru_cache(maxsize=4096)
def _place(label: str) -> int | None:
    return _ORDER.get(re.sub(r"[^a-z0-9_]", "_", unescaped(label).lower()))
