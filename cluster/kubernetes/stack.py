"""The deployment at one time: the pods and nodes of a target as components, and the edges between them.

build_stack(target, pods, nodes, history) -> Stack
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from cluster.deployment import DeploymentError
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.members import GATEWAY, PICKER, ROUTER, Member, members_of
from cluster.kubernetes.objects import Node, Pod
from cluster.kubernetes.target import Target
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls


@dataclass(frozen=True)
class Stack:
    """The deployment at one time.

    Attributes:
        pods: component id -> its living pods: one, except for a gateway of several.
        nodes: node name -> node, where RBAC lets us list them.
        names, addresses: name or address of a pod, deleted pods included -> component id.
        notes: what could not be found, and how to repair it.
    """

    target: Target
    topology: Topology
    pods: Mapping[str, tuple[Pod, ...]]
    nodes: Mapping[str, Node]
    names: Mapping[str, str] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def pod(self, component: str) -> Pod:
        """The pod behind a component. Raises DeploymentError when there is none, or more than one."""
        pods = self.pods.get(component, ())
        if len(pods) == 1:
            return pods[0]
        if component not in self.topology:
            raise DeploymentError(f"there is no component {component}; there are: {', '.join(self.topology.ids)}")
        raise DeploymentError(f"{component} has {len(pods)} pods now; faults act on exactly one")


def build_stack(target: Target, pods: Iterable[Pod], nodes: Mapping[str, Node], history: PodHistory) -> Stack:
    """The components among the pods. Raises DeploymentError when none of them serves."""
    living = [pod for pod in pods if not pod.ended]
    members = members_of(target, living, history)
    serving = [component for component, member in members.items() if member.kind is not Kind.GATEWAY]
    if not serving:
        raise DeploymentError(f"no pod of {target.name} in the namespace {target.namespace} serves: is it scaled to 0?")
    history.record({component: member.pods for component, member in members.items()})
    components, edges = _components(members, nodes)
    edges += _calls(target, members)
    front = next((part for part in (GATEWAY, ROUTER, PICKER) if part in members), None)
    notes = []
    if front is None:
        front = serving[0] if len(serving) == 1 else None
        notes.append("no gateway pod was found: set its labels under labels.gateway in kubernetes.toml")
    if not nodes:
        notes.append("nodes are unknown: the right to list them is missing")
    notes += _lingering(target, living)
    topology = Topology(tuple(components), tuple(dict.fromkeys(edges)), front)
    held = {component: member.pods for component, member in members.items()}
    return Stack(target, topology, held, nodes, history.names(), history.addresses(), tuple(notes))


def _components(members: Mapping[str, Member], nodes: Mapping[str, Node]) -> tuple[list[Component], list[Edge]]:
    """With the nodes and GPUs of the pods; the edges are all but the calls."""
    components: list[Component] = []
    edges: list[Edge] = []
    for component, member in members.items():
        uid = "+".join(sorted(pod.uid for pod in member.pods))
        components.append(Component(component, member.kind, uid, _labels(member)))
        if member.part_of in members:
            edges.append(Edge(component, member.part_of, Relation.PART_OF))
    for name in dict.fromkeys(pod.node for member in members.values() for pod in member.pods if pod.node):
        uid = nodes[name].uid if name in nodes else ""
        components.append(Component(_node_id(name, members), Kind.NODE, uid, {"node": name}))
    for component, pod in ((component, pod) for component, member in members.items() for pod in member.pods):
        node = _node_id(pod.node, members)
        if pod.node:
            edges.append(Edge(component, node, Relation.RUNS_ON))
        for number in range(pod.gpus):
            gpu = f"{component}-gpu-{number}"
            labels = {"pod": pod.name, "node": pod.node, "index": str(number)}
            components.append(Component(gpu, Kind.GPU, f"{pod.uid}/gpu-{number}", labels))
            edges.append(Edge(component, gpu, Relation.USES))
            edges += [Edge(gpu, node, Relation.RUNS_ON)] if pod.node else []
    return components, edges


def _calls(target: Target, members: Mapping[str, Member]) -> list[Edge]:
    """Who sends requests to whom. A gateway asks a picker, and sends the request itself."""
    serving = {c: m for c, m in members.items() if m.kind in (Kind.HEAD, Kind.REPLICA)}
    inner = [component for component, member in serving.items() if member.inner]
    outer = [component for component in serving if component not in inner] or inner
    # KubeRay marks the pods that serve.
    marked = [c for c in outer if any(pod.labels.get("ray.io/serve") == "true" for pod in serving[c].pods)]
    entries = marked or outer
    edges: list[Edge] = []
    senders = [part for part in (GATEWAY, ROUTER) if part in members]
    edges += [edge for first, second in pairwise(senders) for edge in calls(first, [second])]
    if PICKER in members and senders:
        edges += calls(senders[0], [PICKER])
    if door := (senders or [part for part in (PICKER,) if part in members])[-1:]:
        shares = _shares(target, {entry: members[entry] for entry in entries})
        edges += [Edge(door[0], entry, Relation.CALLS, shares.get(entry)) for entry in entries]
    if inner != entries:
        edges += [edge for entry in entries for edge in calls(entry, inner)]
    return edges


def _shares(target: Target, entries: Mapping[str, Member]) -> dict[str, float]:
    """The share of the requests of each, where the RayService splits them between two RayClusters."""
    if len(target.shares) < 2:
        return {}
    of = {component: member.labels.get("cluster", "") for component, member in entries.items()}
    counts = {cluster: list(of.values()).count(cluster) for cluster in target.shares}
    return {c: round(target.shares[cluster] / counts[cluster], 6) for c, cluster in of.items() if cluster in counts}


def _lingering(target: Target, pods: Sequence[Pod]) -> list[str]:
    """RayClusters of the RayService that get no requests and still have pods."""
    found: dict[str, int] = {}
    for pod in pods:
        if (cluster := pod.labels.get("ray.io/cluster", "")) in target.idle:
            found[cluster] = found.get(cluster, 0) + 1
    return [
        f"the RayCluster {cluster} of {target.name} gets no requests and holds {count} pods"
        for cluster, count in sorted(found.items())
    ]


def _node_id(name: str, taken: Mapping[str, Member]) -> str:
    return f"node-{name}" if name in taken else name


def _labels(member: Member) -> dict[str, str]:
    pods = member.pods
    return {
        "namespace": pods[0].namespace,
        "pod": ",".join(pod.name for pod in pods),
        "node": ",".join(dict.fromkeys(pod.node for pod in pods)),
        "address": ",".join(pod.ip for pod in pods),
        "container": pods[0].container,
        **member.labels,
    }
