"""Gateway API and its inference extension: gateways, and the endpoint pickers of pools.

The engines of a pool are whatever its selector says: `cluster.kubernetes.pools`.
"""

from __future__ import annotations

from cluster.kubernetes.objects import Pod
from cluster.kubernetes.shapes.types import Part, Place

_GATEWAYS = ("gateway.networking.k8s.io/gateway-name", "gateway.envoyproxy.io/owning-gateway-name")


def place(pod: Pod) -> Place | None:
    labels = pod.labels
    if any(labels.get(key) for key in _GATEWAYS):
        # A waypoint of the mesh is a Gateway as well, but clients do not call it.
        mesh = labels.get("gateway.istio.io/managed", "").endswith("mesh-controller")
        return None if mesh or labels.get("istio.io/waypoint-for") else Place(Part.GATEWAY)
    if labels.get("inferencepool") or labels.get("epp"):
        return Place(Part.PICKER)
    return None
