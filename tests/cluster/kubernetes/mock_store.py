"""What a Kubernetes API server keeps: objects by kind, versions of them, events, finalizers. No HTTP here."""

from __future__ import annotations

import copy
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = dict[str, Any]
Controller = Callable[[str, Object], None]
_KEPT_EVENTS = 10_000


class Refusal(Exception):
    """An answer other than 200, as a Status object says it."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.code, self.reason, self.message = code, reason, message

    def status(self) -> Object:
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


@dataclass(frozen=True, slots=True)
class Kind:
    """A resource that the server knows. `status`: its status is written through the subresource only."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    status: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version


CORE = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False),
    Kind("", "v1", "nodes", "Node", namespaced=False),
    Kind("", "v1", "pods", "Pod"),
    Kind("", "v1", "services", "Service"),
    Kind("", "v1", "configmaps", "ConfigMap", status=False),
    Kind("", "v1", "events", "Event", status=False),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", status=False),
    Kind("apps", "v1", "deployments", "Deployment"),
    Kind("apps", "v1", "replicasets", "ReplicaSet"),
    Kind("apps", "v1", "statefulsets", "StatefulSet"),
    Kind("apps", "v1", "daemonsets", "DaemonSet"),
    Kind("batch", "v1", "jobs", "Job"),
)
KUBERAY = (
    Kind("ray.io", "v1", "rayservices", "RayService"),
    Kind("ray.io", "v1", "rayclusters", "RayCluster"),
)
CHAOS_MESH = tuple(
    Kind("chaos-mesh.org", "v1alpha1", kind.lower(), kind) for kind in ("StressChaos", "NetworkChaos", "PodChaos")
)


@dataclass
class Store:
    """Thread-safe. Every method raises Refusal as the real server refuses.

    `controllers` are called with (`ADDED` | `MODIFIED` | `DELETED`, a copy) after each change, outside the lock, in the
    thread that made it; they may change objects themselves.
    """

    kinds: dict[tuple[str, str, str], Kind] = field(default_factory=dict)
    controllers: list[Controller] = field(default_factory=list)
    _objects: dict[tuple[Kind, str, str], Object] = field(default_factory=dict)
    _events: list[tuple[int, Kind, str, Object]] = field(default_factory=list)
    _version: int = 1000
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def know(self, *kinds: Kind) -> None:
        for kind in kinds:
            self.kinds[kind.group, kind.version, kind.plural] = kind

    def forget(self, *kinds: Kind) -> None:
        """As if the CRD were not installed."""
        for kind in kinds:
            self.kinds.pop((kind.group, kind.version, kind.plural), None)

    def kind_of(self, plural_or_kind: str) -> Kind:
        return next(k for k in self.kinds.values() if plural_or_kind in (k.plural, k.kind))

    @property
    def version(self) -> int:
        return self._version

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        with self._changed:
            return copy.deepcopy(self._held(kind, namespace, name))

    def list(self, kind: Kind, namespace: str = "") -> list[Object]:
        """All of a kind, of one namespace unless empty, by namespace and name."""
        with self._changed:
            found = [(ns, name) for k, ns, name in self._objects if k == kind and namespace in ("", ns)]
            return [copy.deepcopy(self._objects[kind, ns, name]) for ns, name in sorted(found)]

    def create(self, kind: Kind, namespace: str, body: Object) -> Object:
        made = copy.deepcopy(body)
        meta = made.setdefault("metadata", {})
        if not meta.get("name"):
            if not meta.get("generateName"):
                raise Refusal(422, "Invalid", f'{kind.kind} "" is invalid: metadata.name: Required value')
            meta["name"] = meta["generateName"] + uuid.uuid4().hex[:5]
        name = meta["name"]
        with self._changed:
            if (kind, namespace, name) in self._objects:
                raise Refusal(409, "AlreadyExists", f'{kind.plural} "{name}" already exists')
            if kind.namespaced:
                meta["namespace"] = namespace
            meta.setdefault("uid", str(uuid.uuid4()))
            meta.setdefault("creationTimestamp", _stamp())
            meta["generation"] = 1
            made.setdefault("apiVersion", kind.api_version)
            made.setdefault("kind", kind.kind)
            self._objects[kind, namespace, name] = made
            told = self._record("ADDED", kind, made)
        self._tell("ADDED", told)
        return copy.deepcopy(told)

    def replace(self, kind: Kind, namespace: str, name: str, body: Object, status: bool = False) -> Object:
        """The object with a new spec and metadata, or with a new status alone."""
        sent = (body.get("metadata") or {}).get("resourceVersion")
        with self._changed:
            held = self._held(kind, namespace, name)
            if sent not in (None, "", held["metadata"]["resourceVersion"]):
                raise Refusal(409, "Conflict", f'Operation cannot be fulfilled on {kind.plural} "{name}": modified')
            new = copy.deepcopy(body)
            if status:
                new = {**held, "status": new.get("status", {})}
            elif kind.status:
                new.pop("status", None)
                new |= {"status": held["status"]} if "status" in held else {}
            fixed = ("uid", "name", "namespace", "creationTimestamp", "deletionTimestamp", "generation")
            meta = {k: v for k, v in (new.get("metadata") or {}).items() if k not in fixed}
            new["metadata"] = meta | {key: held["metadata"][key] for key in fixed if key in held["metadata"]}
            if new.get("spec") != held.get("spec"):
                new["metadata"]["generation"] += 1
            new |= {"apiVersion": held["apiVersion"], "kind": held["kind"]}
            self._objects[kind, namespace, name] = new
            gone = "deletionTimestamp" in new["metadata"] and not new["metadata"].get("finalizers")
            told = self._remove(kind, namespace, name) if gone else self._record("MODIFIED", kind, new)
        self._tell("DELETED" if gone else "MODIFIED", told)
        return copy.deepcopy(told)

    def patch(self, kind: Kind, namespace: str, name: str, patch: Any) -> Object:
        """Apply a merge patch."""
        with self._changed:
            new = _merge(self._held(kind, namespace, name), patch)
        new["metadata"].pop("resourceVersion", None)
        return self.replace(kind, namespace, name, new)

    def delete(self, kind: Kind, namespace: str, name: str) -> Object:
        """Gone at once, or marked for deletion until its finalizers are taken away."""
        with self._changed:
            held = self._held(kind, namespace, name)
            waits = bool(held["metadata"].get("finalizers"))
            if waits and "deletionTimestamp" in held["metadata"]:
                return copy.deepcopy(held)
            if waits:
                held["metadata"]["deletionTimestamp"] = _stamp()
                told = self._record("MODIFIED", kind, held)
            else:
                told = self._remove(kind, namespace, name)
        self._tell("MODIFIED" if waits else "DELETED", told)
        return copy.deepcopy(told)

    def events(
        self, kind: Kind, namespace: str, after: int, seconds: float, going: Callable[[], bool]
    ) -> Iterator[tuple[str, Object]]:
        """Changes after that version as they come, for that long. Raises Refusal 410 for one that is too old."""
        ends = time.monotonic() + seconds
        with self._changed:
            if self._events and after + 1 < self._events[0][0] and len(self._events) == _KEPT_EVENTS:
                raise Refusal(410, "Expired", f"too old resource version: {after}")
        while going():
            with self._changed:
                new = [e for e in self._events if e[0] > after]
                if not new:
                    left = ends - time.monotonic()
                    if left <= 0:
                        return
                    self._changed.wait(min(left, 0.2))
                    continue
            for number, seen, event, made in new:
                after = number
                if seen == kind and namespace in ("", made["metadata"].get("namespace", "")):
                    yield event, copy.deepcopy(made)

    def _held(self, kind: Kind, namespace: str, name: str) -> Object:
        try:
            return self._objects[kind, namespace, name]
        except KeyError:
            raise Refusal(404, "NotFound", f'{kind.plural} "{name}" not found') from None

    def _remove(self, kind: Kind, namespace: str, name: str) -> Object:
        return self._record("DELETED", kind, self._objects.pop((kind, namespace, name)))

    def _record(self, event: str, kind: Kind, made: Object) -> Object:
        self._version += 1
        made["metadata"]["resourceVersion"] = str(self._version)
        told = copy.deepcopy(made)
        self._events = [*self._events[-_KEPT_EVENTS + 1 :], (self._version, kind, event, told)]
        self._changed.notify_all()
        return told

    def _tell(self, event: str, told: Object) -> None:
        for controller in tuple(self.controllers):
            controller(event, copy.deepcopy(told))


def _stamp() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _merge(held: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, Mapping):
        return copy.deepcopy(patch)
    merged = dict(held) if isinstance(held, Mapping) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
