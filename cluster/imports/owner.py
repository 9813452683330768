"""Which component a series, a span or a log line belongs to: one rule for the labels of all that is imported.

The first of `NAMES` that has a value names the component: a pod before an address, an address before a service, a
service before a host. Names are compared in lower case and with `_` for every other character, so `k8s.pod.name`,
`k8s_pod_name` and `U__k8s_2e_pod_2e_name` are one. With `exported_` before it a name counts before itself: that is
what an exporter says of others, and the plain name is the exporter.

A single span, point or log line says less than its resource: a `node` of a span may be any node, and its `component`
is the library that made it. Of their own attributes only pods and instances count, and a service where the resource
has no name at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from cluster.http import printable
from cluster.text.metric_names import unescaped

_RECORDS = ("pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name", "service_instance_id", "instance")
"""Names that count among the attributes of a single record, too."""
NAMES = (
    "component",
    *_RECORDS,
    "service_name",
    *("host_name", "hostname", "k8s_node_name", "node"),
    *("service", "job"),
)
_ORDER = {label: place for place, label in enumerate(b + name for name in NAMES for b in ("exported_", ""))}
_OF_RECORDS = frozenset(b + name for name in _RECORDS for b in ("exported_", ""))
_LISTED = 8


def component_of(labels: Mapping[str, str], own: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """None where no label names a component.

    Args:
        labels: of a series, or of the resource of a record of OTLP.
        own: attributes of that record: a span, a point or a log line.

    >>> component_of({"U__k8s_2e_pod_2e_name": "vllm-0", "instance": "10.0.0.1:8000"})
    'vllm-0'
    """
    named = [(place, 0, key) for key in labels if labels[key] and (place := _ORDER.get(_plain(key))) is not None]
    named += [(_ORDER[name], 1, key) for key in own if own[key] and (name := _plain(key)) in _OF_RECORDS]
    if not named:
        named = [(0, 1, key) for key in own if own[key] and _plain(key) == "service_name"]
    if not named:
        return None
    _, of_record, key = min(named)
    return (own if of_record else labels)[key][:253].encode("utf-8", "replace").decode()


class Owners:
    """Names components, and remembers what has none."""

    def __init__(self) -> None:
        self._examples: dict[str, str] = {}
        self._labels: dict[str, None] = {}

    def of(
        self, labels: Mapping[str, str], what: str, example: str, own: Mapping[str, str] = MappingProxyType({})
    ) -> str | None:
        """As `component_of`; `what` it is that has the labels, in the plural, and the name of this one."""
        found = component_of(labels, own)
        if found is None:
            self._examples.setdefault(what, example)
            if len(self._labels) <= _LISTED:
                self._labels |= dict.fromkeys((*labels, *own))
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
def _plain(label: str) -> str:
    return re.sub(r"[^a-z0-9_]", "_", unescaped(label).lower())
