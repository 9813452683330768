"""Pods and nodes, parsed from the API's JSON. A field that is missing or malformed is empty."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from cluster.kubernetes.resources import Object

_GPU = re.compile(r"(nvidia|amd)\.com/(gpu|mig-.+)")
_HASH = re.compile(r"-[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod.

    Attributes:
        created: as the API writes it; sorts by time.
        gpus: number of GPUs that its containers request in total.
        container: the first container, which serves; sidecars come after it.
        owner: name of its owner, without a ReplicaSet's hash; the names of all pods of one owner start with it.
        ordinal: it belongs to a StatefulSet: the number in its name is its identity.
        ready: its readiness probes pass, and it is not being deleted.
        ended: it has run to its end or failed.
        deleting: its deletion was requested; it may serve for a while.
    """

    name: str
    uid: str
    namespace: str
    created: str
    node: str
    ip: str
    labels: Mapping[str, str] = field(hash=False)
    gpus: int
    container: str
    owner: str
    ordinal: bool
    ready: bool
    ended: bool
    deleting: bool


@dataclass(frozen=True, slots=True)
class Node:
    """A node, with the addresses at which its exporters are scraped."""

    name: str
    uid: str
    addresses: tuple[str, ...]
    ready: bool


def parse_pod(obj: Object) -> Pod:
    meta, spec, status = _map(obj, "metadata"), _map(obj, "spec"), _map(obj, "status")
    containers = [one for one in spec.get("containers") or [] if isinstance(one, dict)]
    owner: Object = next(iter(meta.get("ownerReferences") or []), {})
    kind, name = owner.get("kind"), str(owner.get("name", ""))
    deleting = "deletionTimestamp" in meta
    return Pod(
        name=str(meta.get("name", "")),
        uid=str(meta.get("uid", "")),
        namespace=str(meta.get("namespace", "")),
        created=str(meta.get("creationTimestamp", "")),
        node=str(spec.get("nodeName") or ""),
        ip=str(status.get("podIP") or ""),
        labels={str(k): str(v) for k, v in _map(meta, "labels").items()},
        gpus=sum(_gpus(one) for one in containers),
        container=str(containers[0].get("name", "")) if containers else "",
        owner=_HASH.sub("", name) if kind == "ReplicaSet" else name,
        ordinal=kind == "StatefulSet",
        ready=_condition(status, "Ready") and not deleting,
        ended=status.get("phase") in ("Succeeded", "Failed"),
        deleting=deleting,
    )


def parse_node(obj: Object) -> Node:
    meta, status = _map(obj, "metadata"), _map(obj, "status")
    addresses = tuple(str(one.get("address", "")) for one in status.get("addresses") or [])
    return Node(str(meta.get("name", "")), str(meta.get("uid", "")), addresses, _condition(status, "Ready"))


def _gpus(container: Object) -> int:
    wanted = _map(_map(container, "resources"), "limits")
    return sum(int(count) for name, count in wanted.items() if _GPU.fullmatch(name) and str(count).isdigit())


def _condition(status: Mapping[str, Any], kind: str) -> bool:
    return any(one.get("type") == kind and one.get("status") == "True" for one in status.get("conditions") or [])


def _map(obj: Mapping[str, Any], key: str) -> dict[str, Any]:
    found = obj.get(key)
    return found if isinstance(found, dict) else {}
