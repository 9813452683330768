"""The components among a deployment's pods: who is the gateway, who serves, and which component each pod is.

members_of(target, pods, history) -> component id -> Member
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cluster.kubernetes import pools
from cluster.kubernetes.identity import PodHistory
from cluster.kubernetes.objects import Pod
from cluster.kubernetes.settings import Selector
from cluster.kubernetes.shapes import Part, Place, plain
from cluster.kubernetes.target import Target
from cluster.topology import Kind

GATEWAY, ROUTER, PICKER = "gateway", "router", "endpoint-picker"
HEAD, REPLICA = "head", "replica"
RAY_HEAD = "ray-head"
_PARTS = {Part.GATEWAY: GATEWAY, Part.ROUTER: ROUTER, Part.PICKER: PICKER}


@dataclass(frozen=True)
class Member:
    """One component and its living pods.

    Attributes:
        labels: what is known of it beside its pods: `phase`, `cluster`.
        part_of: the component of which it is a part.
        inner: requests come to it from other members alone.
    """

    kind: Kind
    pods: tuple[Pod, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    part_of: str = ""
    inner: bool = False


def members_of(target: Target, pods: Sequence[Pod], history: PodHistory) -> dict[str, Member]:
    """The members among the living pods: what clients call first, then what serves."""
    places = {pod.uid: place for pod in pods if (place := pools.place(pod, target.pools)) is not None}
    found = _fronts(target, pods, places)
    if target.clusters:
        return found | _kuberay(target, pods, history)
    if target.labels.head or target.labels.replica:
        return found | _labelled(target, pods, history)
    return found | _shaped(target, pods, places, history)


def deployments_of(pods: Iterable[Pod], known: Sequence[pools.Pool]) -> tuple[str, ...]:
    """Names of the deployments of which an engine is among the pods, sorted."""
    places = (pools.place(pod, known) for pod in pods if not pod.ended)
    return tuple(sorted({place.deployment for place in places if place and place.part is Part.ENGINE}))


def _fronts(target: Target, pods: Sequence[Pod], places: Mapping[str, Place]) -> dict[str, Member]:
    """What requests pass before they come to an engine."""
    found: dict[str, Member] = {}
    for part, component in _PARTS.items():
        matches = [
            pod for pod in pods if (place := places.get(pod.uid)) and place.part is part and _serves(target, place)
        ]
        if part is Part.GATEWAY:
            if target.labels.gateway is not None:
                matches = [pod for pod in pods if _has(pod, target.labels.gateway)]
            # What is labelled as a proxy is called by clients, or by the Gateway of the whole cluster.
            matches = [pod for pod in matches if plain.is_gateway(pod)] or matches
        if matches:
            found[component] = Member(Kind.GATEWAY, tuple(sorted(matches, key=lambda pod: pod.name)))
    return found


def _serves(target: Target, place: Place) -> bool:
    return place.deployment in ("", target.name)


def _kuberay(target: Target, pods: Sequence[Pod], history: PodHistory) -> dict[str, Member]:
    found: dict[str, Member] = {}
    own = [pod for pod in pods if pod.labels.get("ray.io/cluster") in target.clusters]
    heads = [pod for pod in own if pod.labels.get("ray.io/node-type") == "head"]
    for number, cluster in enumerate(target.clusters):
        of_it = [pod for pod in heads if pod.labels.get("ray.io/cluster") == cluster]
        if of_it:
            # While a head is replaced there may be two: use the newest.
            found[f"{RAY_HEAD}-{number}" if number else RAY_HEAD] = Member(Kind.HEAD, (_newest(of_it),))
    groups = sorted({pod.labels.get("ray.io/group", "worker") for pod in own} - {"headgroup"})
    for group in groups:
        workers = [p for p in own if p not in heads and p.labels.get("ray.io/group", "worker") == group]
        found |= {
            component: Member(Kind.REPLICA, (pod,))
            for component, pod in history.assign(f"ray-{group}", workers).items()
        }
    if len(target.clusters) < 2:
        return found
    return {
        component: Member(one.kind, one.pods, {"cluster": one.pods[0].labels["ray.io/cluster"]})
        for component, one in found.items()
    }


def _labelled(target: Target, pods: Sequence[Pod], history: PodHistory) -> dict[str, Member]:
    found: dict[str, Member] = {}
    heads = [pod for pod in pods if _has(pod, target.labels.head)]
    if heads:
        found[HEAD] = Member(Kind.HEAD, (_newest(heads),))
    others = [pod for pod in pods if _has(pod, target.labels.replica) and pod not in heads]
    assigned = history.assign(REPLICA, others)
    return found | {component: Member(Kind.REPLICA, (pod,)) for component, pod in assigned.items()}


def _shaped(target: Target, pods: Sequence[Pod], places: Mapping[str, Place], history: PodHistory) -> dict[str, Member]:
    """The engines by phase, with the workers of those that span several pods."""
    found: dict[str, Member] = {}
    own = [pod for pod in pods if (place := places.get(pod.uid)) and place.deployment == target.name]
    engines = [pod for pod in own if places[pod.uid].part is Part.ENGINE]
    for phase in sorted({places[pod.uid].phase for pod in engines}):
        of_phase = [pod for pod in engines if places[pod.uid].phase == phase]
        prefix, labels = phase or REPLICA, {"phase": phase} if phase else {}
        grouped = {f"{prefix}-{places[pod.uid].group}": pod for pod in of_phase if places[pod.uid].group is not None}
        single = [pod for pod in of_phase if places[pod.uid].group is None]
        for component, pod in {**history.assign(prefix, single), **grouped}.items():
            found[component] = Member(Kind.REPLICA, (pod,), labels, inner=places[pod.uid].inner)
    for pod in sorted(own, key=lambda pod: (places[pod.uid].member, pod.ready, pod.created)):
        place = places[pod.uid]
        leader = f"{place.phase or REPLICA}-{place.group}"
        if place.part is Part.WORKER:
            labels = {"phase": place.phase} if place.phase else {}
            found[f"{leader}-worker-{place.member}"] = Member(Kind.WORKER, (pod,), labels, part_of=leader)
    return found


def _newest(pods: Sequence[Pod]) -> Pod:
    return max(pods, key=lambda pod: (pod.ready, pod.created, pod.name))


def _has(pod: Pod, selector: Selector | None) -> bool:
    return bool(selector) and all(pod.labels.get(key) == value for key, value in (selector or {}).items())
