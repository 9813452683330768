"""vLLM's production stack, by its Helm chart: a Deployment for each model, and a router before all of them."""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.phases import split
from cluster.kubernetes.shapes.types import Part, Place

_ROUTER = "-deployment-router"


def place(pod: Pod) -> Place | None:
    release, model = pod.labels.get("helm-release-name"), pod.labels.get("model")
    if release and model:
        name, phase = split(f"{release}-{model}")
        return Place(Part.ENGINE, name, phase)
    if pod.owner.endswith(_ROUTER) and pod.container == "router-container":
        return Place(Part.ROUTER)
    return None
