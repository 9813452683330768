"""Catalogue of the stacks whose pods are recognized without configuration: a row each.

    place(pod) -> Place | None       the first shape that knows the pod

KubeRay is not among them: its custom resources say which cluster serves. To add a stack: one module here with a
function `place`, one row in `CATALOG`, and its objects in tests/cluster/kubernetes/test_shapes.py.
"""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes import aibrix, dynamo, inference_pool, kserve, leader_worker_set, llm_d, plain
from cluster.kubernetes.shapes import production_stack as production
from cluster.kubernetes.shapes.types import Part, Place, Shape

CATALOG: tuple[Shape, ...] = (
    kserve.place,
    dynamo.place,
    aibrix.place,
    llm_d.place,
    production.place,
    inference_pool.place,
    leader_worker_set.place,
    plain.place,
)
"""The exact ones first: a pod of KServe has llm-d's labels too, and any engine's container is known to `plain`."""


def place(pod: Pod) -> Place | None:
    """What the pod is; None for one that has no part in serving, or that belongs to KubeRay."""
    if "ray.io/cluster" in pod.labels or pod.owner_kind == "Job":
        return None
    found = next((place for shape in CATALOG if (place := shape(pod)) is not None), None)
    return leader_worker_set.grouped(pod, found)


__all__ = ["CATALOG", "Part", "Place", "Shape", "place"]
