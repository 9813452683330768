"""Finds the deployment in a namespace: KubeRay's pods by their labels, others by the labels in the settings.

find_target(api, settings) -> Target                  the RayService, RayCluster or label scheme that is selected
build_stack(target, pods, nodes, history) -> Stack    its pods and nodes as components
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cluster.deployment import DeploymentError
from cluster.kubernetes.api import Api, ApiError
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.objects import Node, Pod
from cluster.kubernetes.resources import NAMESPACES, RAY_CLUSTERS, RAY_SERVICES, Object, Resource
from cluster.kubernetes.settings import Labels, Selector, Settings
from cluster.topology import Component, Edge, Kind, Relation, Topology, calls

GATEWAY, HEAD, REPLICA = "gateway", "head", "replica"
RAY_HEAD = "ray-head"
# Common labels of an NGINX in front of a service; a setting overrides them.
_GATEWAY_KEYS = ("app.kubernetes.io/component", "app.kubernetes.io/name", "app")
_GATEWAY_NAMES = frozenset({"gateway", "nginx", "ingress-nginx", "nginx-gateway"})


@dataclass(frozen=True, slots=True)
class Target:
    """The deployment that is observed.

    Attributes:
        name: of the RayService or RayCluster; of the namespace for a label scheme.
        uid: changes when the deployment is created again.
        clusters: names of its RayClusters; none for a label scheme.
    """

    name: str
    uid: str
    namespace: str
    labels: Labels
    clusters: tuple[str, ...] = ()


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


def find_target(api: Api, settings: Settings) -> Target:
    """The deployment that the settings select. Raises DeploymentError, which lists the choices."""
    namespace = settings.namespace or api.namespace
    if settings.labels.head or settings.labels.replica:
        return Target(namespace, _namespace_uid(api, namespace), namespace, settings.labels)
    candidates = _ray(api, namespace)
    if not candidates and not settings.namespace:
        # The context's namespace is seldom the deployment's: search all, where RBAC lets us.
        candidates = _in_any_namespace(api)
    if settings.deployment:
        named = [one for one in candidates if one.name == settings.deployment]
        if not named:
            names = ", ".join(one.name for one in candidates) or "none"
            raise DeploymentError(f"there is no deployment {settings.deployment} in {namespace}; there are: {names}")
        candidates = named
    if len(candidates) == 1:
        only = candidates[0]
        return Target(only.name, only.uid, only.namespace, settings.labels, only.clusters)
    if candidates:
        names = ", ".join(f"{one.name} (namespace {one.namespace})" for one in candidates)
        raise DeploymentError(
            f"{api.context} has several deployments: {names}; set namespace and deployment in kubernetes.toml"
        )
    raise DeploymentError(
        f"no RayService or RayCluster in the namespace {namespace} of {api.context}{_namespace_hint(api, namespace)}; "
        "set namespace in kubernetes.toml, or labels for a stack without KubeRay"
    )


@dataclass(frozen=True, slots=True)
class _Ray:
    """A RayService, or a RayCluster that belongs to none."""

    name: str
    uid: str
    namespace: str
    clusters: tuple[str, ...]


def _ray(api: Api, namespace: str) -> list[_Ray]:
    """RayServices, and RayClusters that belong to none, of one namespace or of all."""
    services = [_service(one) for one in _list_installed(api, RAY_SERVICES, namespace)]
    owned = {(one.namespace, name) for one in services for name in one.clusters}
    clusters = [
        _Ray(one["metadata"]["name"], one["metadata"]["uid"], one["metadata"]["namespace"], (one["metadata"]["name"],))
        for one in _list_installed(api, RAY_CLUSTERS, namespace)
        if not any(o.get("kind") == "RayService" for o in one["metadata"].get("ownerReferences") or [])
    ]
    return services + [one for one in clusters if (one.namespace, one.name) not in owned]


def _service(ray_service: Object) -> _Ray:
    status = ray_service.get("status") or {}
    # While a new cluster starts, both exist; requests go to the active one.
    active = (status.get("activeServiceStatus") or {}).get("rayClusterName")
    pending = (status.get("pendingServiceStatus") or {}).get("rayClusterName")
    meta = ray_service["metadata"]
    return _Ray(meta["name"], meta["uid"], meta["namespace"], tuple(filter(None, [active or pending])))


def followed(api: Api, target: Target) -> Target:
    """The target with the RayCluster that serves now: every change of a RayService's configuration makes a new one.

    Raises DeploymentError.
    """
    try:
        found = _service(api.get(RAY_SERVICES, target.namespace, target.name))
    except ApiError as error:
        if error.not_found:  # a RayCluster of its own
            return target
        raise
    return replace(target, clusters=found.clusters) if found.uid == target.uid and found.clusters else target


def _list_installed(api: Api, resource: Resource, namespace: str) -> list[Object]:
    """The objects of a custom resource; none where the cluster does not have the resource."""
    try:
        return api.list(resource, namespace)
    except ApiError as error:
        if error.not_found:
            return []
        raise


def _in_any_namespace(api: Api) -> list[_Ray]:
    try:
        return _ray(api, "")
    except ApiError as error:
        if error.forbidden:
            return []
        raise


def _namespace_hint(api: Api, namespace: str) -> str:
    try:
        api.get(NAMESPACES, "", namespace)
    except ApiError as error:
        return ", which does not exist" if error.not_found else ""
    return ""


def _namespace_uid(api: Api, namespace: str) -> str:
    try:
        return str(api.get(NAMESPACES, "", namespace)["metadata"]["uid"])
    except ApiError as error:
        if error.not_found:
            raise DeploymentError(
                f"{api.context} has no namespace {namespace}; check namespace in kubernetes.toml"
            ) from None
        return f"{api.context}/{namespace}"  # RBAC hides the namespace, but its name is known


def build_stack(target: Target, pods: Iterable[Pod], nodes: Mapping[str, Node], history: PodHistory) -> Stack:
    """The components among the pods. Raises DeploymentError when none of them serves."""
    living = [pod for pod in pods if not pod.ended]
    assigned = _kuberay(target, living, history) if target.clusters else _labelled(target, living, history)
    serving = [component for component in assigned if component != GATEWAY]
    if not serving:
        raise DeploymentError(f"no pod of {target.name} in the namespace {target.namespace} serves: is it scaled to 0?")
    history.record(assigned)
    components, edges = _components(target, assigned, nodes)
    notes = []
    if GATEWAY in assigned:
        front = GATEWAY
    else:
        front = serving[0] if len(serving) == 1 else None  # type: ignore[assignment]
        notes.append("no gateway pod was found: set its labels under labels.gateway in kubernetes.toml")
    if not nodes:
        notes.append("nodes are unknown: the right to list them is missing")
    topology = Topology(tuple(components), tuple(edges), front)
    return Stack(target, topology, assigned, nodes, history.names(), history.addresses(), tuple(notes))


def _kuberay(target: Target, pods: Sequence[Pod], history: PodHistory) -> dict[str, tuple[Pod, ...]]:
    own = [pod for pod in pods if pod.labels.get("ray.io/cluster") in target.clusters]
    heads = [pod for pod in own if pod.labels.get("ray.io/node-type") == "head"]
    assigned = _gateway(target, pods)
    if heads:
        # While a head is replaced there may be two: use the newest.
        assigned[RAY_HEAD] = (max(heads, key=lambda pod: (pod.ready, pod.created, pod.name)),)
    groups = sorted({pod.labels.get("ray.io/group", "worker") for pod in own} - {"headgroup"})
    for group in groups:
        workers = [p for p in own if p not in heads and p.labels.get("ray.io/group", "worker") == group]
        assigned |= {component: (pod,) for component, pod in history.assign(f"ray-{group}", workers).items()}
    return assigned


def _labelled(target: Target, pods: Sequence[Pod], history: PodHistory) -> dict[str, tuple[Pod, ...]]:
    assigned = _gateway(target, pods)
    heads = [pod for pod in pods if _has(pod, target.labels.head)]
    if heads:
        assigned[HEAD] = (max(heads, key=lambda pod: (pod.ready, pod.created, pod.name)),)
    others = [pod for pod in pods if _has(pod, target.labels.replica) and pod not in heads]
    return assigned | {component: (pod,) for component, pod in history.assign(REPLICA, others).items()}


def _gateway(target: Target, pods: Sequence[Pod]) -> dict[str, tuple[Pod, ...]]:
    if target.labels.gateway is not None:
        matches = [pod for pod in pods if _has(pod, target.labels.gateway)]
    else:
        matches = [pod for pod in pods if any(pod.labels.get(key) in _GATEWAY_NAMES for key in _GATEWAY_KEYS)]
    return {GATEWAY: tuple(sorted(matches, key=lambda pod: pod.name))} if matches else {}


def _has(pod: Pod, selector: Selector | None) -> bool:
    return bool(selector) and all(pod.labels.get(key) == value for key, value in (selector or {}).items())


def _components(
    target: Target, assigned: Mapping[str, tuple[Pod, ...]], nodes: Mapping[str, Node]
) -> tuple[list[Component], list[Edge]]:
    components: list[Component] = []
    edges: list[Edge] = []
    taken = Counter(assigned.keys())
    for component, pods in assigned.items():
        kind = {GATEWAY: Kind.GATEWAY, RAY_HEAD: Kind.HEAD, HEAD: Kind.HEAD}.get(component, Kind.REPLICA)
        components.append(Component(component, kind, "+".join(sorted(pod.uid for pod in pods)), _labels(pods)))
    for pod in (pod for pods in assigned.values() for pod in pods):
        if pod.node and _node_id(pod.node, taken) not in {c.id for c in components}:
            uid = nodes[pod.node].uid if pod.node in nodes else ""
            components.append(Component(_node_id(pod.node, taken), Kind.NODE, uid, {"node": pod.node}))
    for component, pods in assigned.items():
        for pod in pods:
            if pod.node:
                edges.append(Edge(component, _node_id(pod.node, taken), Relation.RUNS_ON))
            for number in range(pod.gpus):
                gpu = f"{component}-gpu-{number}"
                labels = {"pod": pod.name, "node": pod.node, "index": str(number)}
                components.append(Component(gpu, Kind.GPU, f"{pod.uid}/gpu-{number}", labels))
                edges.append(Edge(component, gpu, Relation.USES))
                edges += [Edge(gpu, _node_id(pod.node, taken), Relation.RUNS_ON)] if pod.node else []
    if GATEWAY in assigned:
        edges += calls(GATEWAY, _served(assigned))
    return components, list(dict.fromkeys(edges))


def _served(assigned: Mapping[str, tuple[Pod, ...]]) -> list[str]:
    """The components that requests go to: only those that KubeRay marks as serving, where it does."""
    serving = {component: pods for component, pods in assigned.items() if component != GATEWAY}
    marked = [c for c, pods in serving.items() if any(pod.labels.get("ray.io/serve") == "true" for pod in pods)]
    return marked or list(serving)


def _node_id(name: str, taken: Mapping[str, int]) -> str:
    return f"node-{name}" if taken.get(name) else name


def _labels(pods: Sequence[Pod]) -> dict[str, str]:
    return {
        "namespace": pods[0].namespace,
        "pod": ",".join(pod.name for pod in pods),
        "node": ",".join(dict.fromkeys(pod.node for pod in pods)),
        "address": ",".join(pod.ip for pod in pods),
        "container": pods[0].container,
    }
