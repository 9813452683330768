"""InferencePools of the Gateway API: which pods serve a model, and which endpoint picker chooses among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cluster.deployment import DeploymentError
from cluster.kubernetes import shapes
from cluster.kubernetes.api import Api
from cluster.kubernetes.objects import Pod, map_of
from cluster.kubernetes.resources import INFERENCE_POOLS, Object
from cluster.kubernetes.shapes import Part, Place
from cluster.kubernetes.shapes.leader_worker_set import MEMBER


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool. `picker`: the Service of its endpoint picker; "" without one."""

    name: str
    namespace: str
    selector: Mapping[str, str] = field(hash=False)
    picker: str = ""

    def holds(self, pod: Pod) -> bool:
        """Whether the pod serves in it, or computes for one that does: a pool may select leaders alone."""
        labels = {**pod.labels, MEMBER: "0"} if MEMBER in pod.labels else pod.labels
        return pod.namespace == self.namespace and all(labels.get(k) == v for k, v in self.selector.items())

    def picked_by(self, pod: Pod) -> bool:
        """Whether the pod is its endpoint picker, by the names that charts give it."""
        names = {self.picker, f"{self.name}-epp"}
        called = {pod.owner, *(pod.labels.get(key, "") for key in ("inferencepool", "epp", "app"))}
        return pod.namespace == self.namespace and bool(names & called - {""})


def read(api: Api, namespace: str) -> tuple[Pool, ...]:
    """The pools of a namespace, or of all. None where they are not installed or cannot be listed: pods tell as well."""
    found: dict[tuple[str, str], Pool] = {}
    for resource in INFERENCE_POOLS:
        try:
            listed = api.list(resource, namespace)
        except DeploymentError:
            continue
        for pool in map(_parse, listed):
            if pool.selector:
                found.setdefault((pool.namespace, pool.name), pool)
    return tuple(found.values())


def place(pod: Pod, pools: Sequence[Pool]) -> Place | None:
    """The place of a pod, in the deployment of its pool unless its labels name a deployment of its own."""
    found = shapes.place(pod)
    if found is not None and found.exact:
        return found
    if found is None or found.part in (Part.ENGINE, Part.WORKER):
        pool = next((pool for pool in pools if pool.holds(pod)), None)
        if pool is None:
            return found
        return dataclasses.replace(found, deployment=pool.name) if found else Place(Part.ENGINE, pool.name)
    if found.part is Part.PICKER:
        pool = next((pool for pool in pools if pool.picked_by(pod)), None)
        return dataclasses.replace(found, deployment=pool.name) if pool else found
    return found


def _parse(pool: Object) -> Pool:
    meta, spec = map_of(pool, "metadata"), map_of(pool, "spec")
    selector = map_of(spec, "selector")
    # Flat in v1alpha2.
    selector = map_of(selector, "matchLabels") if "matchLabels" in selector else selector
    picker = map_of(spec, "endpointPickerRef") or map_of(spec, "extensionRef")
    return Pool(
        str(meta.get("name", "")),
        str(meta.get("namespace", "")),
        {str(key): str(value) for key, value in selector.items()},
        str(picker.get("name", "")),
    )
