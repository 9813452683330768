"""Which component a series, a span or a log line belongs to: one rule for the labels of all that is imported.

The first of `NAMES` that has a value names the component: a pod before an address, an address before a service, a
service before a host. Names are compared in lower case and with `_` for every other character, so `k8s.pod.name`,
`k8s_pod_name` and `U__k8s_2e_pod_2e_name` are one. With `exported_` before it a name counts before itself: that is
what an exporter says of others, and the plain name is the exporter.

Of hosts under one name of a service each is an instance (`cluster.imports.instances`).

An id that was drawn (a container's, a UUID) names a container only until it is created again. Where the resource has
the container's own name too, that one counts, with the host where one is named.

A single span, point or log line says less than its resource: a `node` of a span may be any node, and its `component`
is the library that made it. Of their own attributes only pods and instances count, and a service where the resource
has no name at all.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from cluster.http import printable
from cluster.imports.instances import Instances
from cluster.text.metric_names import unescaped

_HOSTS = ("host_name", "hostname", "k8s_node_name", "node")
_RECORDS = ("pod", "k8s_pod_name", "kubernetes_pod_name", "pod_name", "service_instance_id", "instance")
"""Names that count among the attributes of a single record, too."""
NAMES = (
    "component",
    *_RECORDS,
    "service_name",
    *_HOSTS,
    *("service", "job"),
)
_ORDER = {label: place for place, label in enumerate(b + name for name in NAMES for b in ("exported_", ""))}
_OF_RECORDS = frozenset(b + name for name in _RECORDS for b in ("exported_", ""))
_INSTANCES = frozenset({"component", *_RECORDS})
_PODS = frozenset(b + name for name in _RECORDS if "pod" in name for b in ("exported_", "container_label_io_", ""))
_CONTAINERS = ("container_name",)
_DRAWN = re.compile(r"[0-9a-f]{12}|[0-9a-f]{64}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LISTED = 8


def docker_container(labels: Mapping[str, str]) -> str:
    """The name of the container that cAdvisor measures on a machine without Kubernetes; "" for any other series.

    Its `instance` is cAdvisor's own, the same for all containers.
    """
    if not (labels.get("id", "").startswith("/") and labels.get("image") and labels.get("name")):
        return ""
    return "" if any(value and _plain(key) in _PODS for key, value in labels.items()) else _text(labels["name"])


def component_of(labels: Mapping[str, str], own: Mapping[str, str] = MappingProxyType({})) -> str | None:
    """None where no label names a component.

    Args:
        labels: of a series, or of the resource of a record of OTLP.
        own: attributes of that record: a span, a point or a log line.

    >>> component_of({"U__k8s_2e_pod_2e_name": "vllm-0", "instance": "10.0.0.1:8000"})
    'vllm-0'
    """
    chosen = _chosen(labels, own)
    if chosen is None:
        return None
    return (not chosen[2] and _container(labels, chosen[1])) or chosen[1]


def _chosen(labels: Mapping[str, str], own: Mapping[str, str]) -> tuple[str, str, bool] | None:
    """The label that names the component, as it is compared, the component, and whether a single record says so."""
    if container := docker_container(labels):
        return "container", container, False
    named = [(place, 0, key) for key in labels if labels[key] and (place := _ORDER.get(_plain(key))) is not None]
    named += [(_ORDER[name], 1, key) for key in own if own[key] and (name := _plain(key)) in _OF_RECORDS]
    if not named:
        named = [(0, 1, key) for key in own if own[key] and _plain(key) == "service_name"]
    if not named:
        return None
    _, of_record, key = min(named)
    return _plain(key), _text((own if of_record else labels)[key]), bool(of_record)


def _container(labels: Mapping[str, str], found: str) -> str:
    """The name and the machine that outlive a container's id; "" where what was found is no id, or one is not known.

    A container's name is its own on one machine alone, and Docker gives its id as the name of its host.
    """
    if not _DRAWN.fullmatch(found) or not (name := _first(labels, _CONTAINERS)):
        return ""
    host = next((one for label in _HOSTS if (one := _first(labels, (label,))) and not _DRAWN.fullmatch(one)), "")
    return f"{name}@{host}" if host else ""


def _text(value: str) -> str:
    return value[:253].encode("utf-8", "replace").decode().replace("\0", "\ufffd")


def _first(labels: Mapping[str, str], names: Sequence[str]) -> str:
    """The value of the first of these that is there, "" for none."""
    known = {_plain(key): value for key, value in labels.items() if value}
    return next((_text(known[name]) for name in names if name in known), "")


class Owners:
    """Names components, and remembers what has none.

    Attributes:
        instances: of services; `instances.names()` tells what the marks stand for that `of` gives in place of some.
    """

    def __init__(self) -> None:
        self.instances = Instances()
        self._examples: dict[str, str] = {}
        self._labels: dict[str, None] = {}

    def of(
        self, labels: Mapping[str, str], what: str, example: str, own: Mapping[str, str] = MappingProxyType({})
    ) -> str | None:
        """As `component_of`, or a mark; `what` it is that has the labels, in the plural, and the name of this one."""
        chosen = _chosen(labels, own)
        if chosen is None:
            self._examples.setdefault(what, example)
            if len(self._labels) <= _LISTED:
                self._labels |= dict.fromkeys((*labels, *own))
            return None
        label, found, of_record = chosen
        if of_record:
            return found
        host = _first(labels, _HOSTS)
        if container := _container(labels, found if label in _INSTANCES else host):
            if service := _first(labels, ("service_name",)):
                self.instances.add(container, service, "" if _DRAWN.fullmatch(host) else host)
            return container
        if label == "service_name":
            return self.instances.at_host(found, host) if host else found
        if label in _INSTANCES and (service := _first(labels, ("service_name",))):
            self.instances.add(found, service, host)
        elif label in _HOSTS:
            self.instances.machine(found)
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
