"""Pods and nodes, parsed from the API's JSON. A field that is missing or malformed is empty."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeGuard

from cluster.kubernetes.resources import Object

_GPU = re.compile(r"(nvidia|amd)\.com/(gpu|gpu\.shared|mig-.+)")
_PROXIES = ("istio-proxy", "linkerd-proxy", "envoy-sidecar")
_LONGEST = 4096  # characters of an image or a command
_COUNT = re.compile(r"[0-9]{1,3}")
_HASH = re.compile(r"-[a-z0-9]+$")


@dataclass(frozen=True, slots=True)
class Pod:
    """A pod.

    Attributes:
        created: as the API writes it; sorts by time.
        gpus: number of GPUs that its containers request in total.
        container: the one that serves: the pod's default container, else the first that is no proxy of a mesh.
        image, command: of that container; the command with its arguments, cut.
        owner: name of its owner, without a ReplicaSet's hash; the names of all pods of one owner start with it.
        owner_kind: such as `ReplicaSet`; "" without an owner.
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
    image: str
    command: str
    owner: str
    owner_kind: str
    ready: bool
    ended: bool
    deleting: bool

    @property
    def ordinal(self) -> bool:
        """Whether it belongs to a StatefulSet: the number in its name is its identity."""
        return self.owner_kind == "StatefulSet"


@dataclass(frozen=True, slots=True)
class Node:
    """A node, with the addresses at which its exporters are scraped.

    Attributes:
        gpus: how many it has by the label of NVIDIA's feature discovery; None without that.
    """

    name: str
    uid: str
    addresses: tuple[str, ...]
    ready: bool
    gpus: int | None = None


def parse_pod(obj: Object) -> Pod:
    meta, spec, status = map_of(obj, "metadata"), map_of(obj, "spec"), map_of(obj, "status")
    containers = maps(spec, "containers")
    owner: Object = next(iter(maps(meta, "ownerReferences")), {})
    kind, name = owner.get("kind"), str(owner.get("name", ""))
    deleting = "deletionTimestamp" in meta
    main = _main(containers, str(map_of(meta, "annotations").get("kubectl.kubernetes.io/default-container", "")))
    return Pod(
        name=str(meta.get("name", "")),
        uid=str(meta.get("uid", "")),
        namespace=str(meta.get("namespace", "")),
        created=str(meta.get("creationTimestamp", "")),
        node=str(spec.get("nodeName") or ""),
        ip=str(status.get("podIP") or ""),
        labels={str(k): str(v) for k, v in map_of(meta, "labels").items()},
        gpus=sum(_gpus(one) for one in containers),
        container=str(main.get("name", "")),
        image=str(main.get("image", ""))[:_LONGEST],
        command=" ".join(str(word) for key in ("command", "args") for word in _list(main, key))[:_LONGEST],
        owner=_HASH.sub("", name) if kind == "ReplicaSet" else name,
        owner_kind=str(kind or ""),
        ready=_condition(status, "Ready") and not deleting,
        ended=status.get("phase") in ("Succeeded", "Failed"),
        deleting=deleting,
    )


def parse_node(obj: Object) -> Node:
    meta, status = map_of(obj, "metadata"), map_of(obj, "status")
    addresses = tuple(str(one.get("address", "")) for one in maps(status, "addresses"))
    count = str(map_of(meta, "labels").get("nvidia.com/gpu.count", ""))
    return Node(
        str(meta.get("name", "")),
        str(meta.get("uid", "")),
        addresses,
        _condition(status, "Ready"),
        int(count) if _COUNT.fullmatch(count) else None,
    )


def _gpus(container: Object) -> int:
    wanted = map_of(map_of(container, "resources"), "limits")
    return sum(int(count) for name, count in wanted.items() if _GPU.fullmatch(name) and _COUNT.fullmatch(str(count)))


def _main(containers: Sequence[Object], named: str) -> Object:
    """The container that serves: a sidecar that was injected may come before it."""
    own = [one for one in containers if one.get("name") not in _PROXIES] or list(containers)
    return next((one for one in containers if named and one.get("name") == named), own[0] if own else {})


def _condition(status: Mapping[str, Any], kind: str) -> bool:
    return any(one.get("type") == kind and one.get("status") == "True" for one in maps(status, "conditions"))


def _list(obj: Mapping[str, Any], key: str) -> list[Any]:
    found = obj.get(key)
    return found if isinstance(found, list) else []


def map_of(obj: Mapping[str, Any], key: str) -> dict[str, Any]:
    """What stands under the key, empty where that is no mapping."""
    found = obj.get(key)
    return found if isinstance(found, dict) else {}


def maps(obj: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    """The mappings in the list under the key."""
    return [one for one in _list(obj, key) if isinstance(one, dict)]


def well_formed(obj: object, namespaced: bool) -> TypeGuard[Object]:
    """Whether it is an object with the identity that each has: a name, a uid, and a namespace where it lies in one."""
    meta = map_of(obj, "metadata") if isinstance(obj, dict) else {}
    return all(isinstance(meta.get(key), str) for key in ("name", "uid", *(["namespace"] if namespaced else [])))
