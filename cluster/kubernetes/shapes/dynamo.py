"""NVIDIA Dynamo: a graph's frontend routes to its workers, prefill workers included."""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.types import Part, Place

_GRAPH = "nvidia.com/dynamo-graph-deployment-name"
_TYPE, _SUBTYPE = "nvidia.com/dynamo-component-type", "nvidia.com/dynamo-sub-component-type"


def place(pod: Pod) -> Place | None:
    labels = pod.labels
    graph, kind = labels.get(_GRAPH), labels.get(_TYPE, "")
    if not graph:
        return None
    if kind == "frontend":
        return Place(Part.ROUTER, graph, exact=True)
    if kind == "epp":
        return Place(Part.PICKER, graph, exact=True)
    if kind in ("worker", "prefill", "decode"):
        phase = labels.get(_SUBTYPE, "") if kind == "worker" else kind
        return Place(Part.ENGINE, graph, phase if phase in ("prefill", "decode") else "", exact=True)
    return None
