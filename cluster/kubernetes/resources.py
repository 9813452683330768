"""Kinds of objects, by their names in URLs. An object is the dict of its JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

Object = dict[str, Any]
Objects = list[Object]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object by its name in URLs: `Resource("stresschaos", "chaos-mesh.org", "v1alpha1")`."""

    plural: str
    group: str = ""
    version: str = "v1"
    namespaced: bool = True

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    def path(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """The URL's path; without a namespace that of all namespaces, or of a cluster-wide resource."""
        parts = ["/apis" if self.group else "/api", self.api_version]
        if namespace and self.namespaced:
            parts += ["namespaces", quote(namespace, safe="")]
        parts += [self.plural, *(quote(part, safe=":") for part in (name, subresource) if part)]
        return "/".join(parts)

    def __str__(self) -> str:
        return f"{self.plural}.{self.group}" if self.group else self.plural


NAMESPACES, NODES = Resource("namespaces", namespaced=False), Resource("nodes", namespaced=False)
PODS, SERVICES, EVENTS = Resource("pods"), Resource("services"), Resource("events")
JOBS = Resource("jobs", "batch")
RAY_SERVICES, RAY_CLUSTERS = Resource("rayservices", "ray.io"), Resource("rayclusters", "ray.io")
# The newer name first.
INFERENCE_POOLS = (
    Resource("inferencepools", "inference.networking.k8s.io"),
    Resource("inferencepools", "inference.networking.x-k8s.io", "v1alpha2"),
)
