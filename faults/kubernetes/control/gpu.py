"""The GPU of a pod and its power limit, read and set by `nvidia-smi` in the pod of the device plugin on its node."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cluster.deployment import DeploymentError
from cluster.kubernetes.resources import PODS, Object
from cluster.topology import Relation
from faults.kubernetes.control.cluster_fault import run

if TYPE_CHECKING:
    from cluster.kubernetes.deployment import KubernetesDeployment

PLUGIN = "app=nvidia-device-plugin-daemonset"  # as the GPU operator labels it
_UUID = re.compile(r"GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Limit:
    """In watts: the limit in force, and the lowest and highest that the GPU accepts."""

    now: float
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True)
class Plugin:
    """The pod of the device plugin on one node: privileged, with the tools of the driver, always running."""

    namespace: str
    pod: str
    container: str
    made: Object

    @classmethod
    def on(cls, cluster: KubernetesDeployment, node: str) -> Plugin:
        """Raises DeploymentError when there is none that runs."""
        for made in cluster.api.list(PODS, labels=PLUGIN, fields=f"spec.nodeName={node}"):
            meta, containers = made["metadata"], made["spec"]["containers"]
            if made.get("status", {}).get("phase") == "Running" and "deletionTimestamp" not in meta:
                return cls(meta["namespace"], meta["name"], containers[0]["name"], made)
        raise DeploymentError(f"no pod of the GPU operator's device plugin ({PLUGIN}) runs on the node {node}")

    def limit(self, cluster: KubernetesDeployment, uuid: str) -> Limit:
        """Raises DeploymentError."""
        fields = "power.limit,power.min_limit,power.max_limit"
        argv = ("nvidia-smi", "-i", uuid, f"--query-gpu={fields}", "--format=csv,noheader,nounits")
        said = run(cluster, self.namespace, self.pod, self.container, argv)
        try:
            return Limit(*(float(value) for value in said.strip().split(",")))
        except (ValueError, TypeError):
            raise DeploymentError(f"the GPU {uuid} tells no power limit: it may not have one") from None

    def set(self, cluster: KubernetesDeployment, uuid: str, watts: float) -> None:
        """Raises DeploymentError."""
        run(cluster, self.namespace, self.pod, self.container, set_limit(uuid, watts))


def set_limit(uuid: str, watts: float) -> tuple[str, ...]:
    return ("nvidia-smi", "-i", uuid, "-pl", f"{watts:g}")


def uuid_of(cluster: KubernetesDeployment, gpu: str) -> tuple[str, str]:
    """(UUID, node) of a GPU component, read in the container that uses it. Raises DeploymentError."""
    stack = cluster.stack()
    labels = stack.topology.component(gpu).labels
    users = [e.source for e in stack.topology.edges if e.target == gpu and e.relation is Relation.USES]
    pod = stack.pod(users[0])
    argv = ("nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader")
    seen = run(cluster, pod.namespace, pod.name, pod.container, argv).split()
    index = int(labels["index"])
    if index >= len(seen) or not _UUID.fullmatch(seen[index]):
        raise DeploymentError(f"the pod {pod.name} does not say which GPU {gpu} is")
    return seen[index], pod.node
