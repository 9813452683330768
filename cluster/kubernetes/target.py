"""What is observed: a RayService, a RayCluster, a stack whose pods are known by their shape, or a scheme of labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from cluster.kubernetes.pools import Pool
from cluster.kubernetes.settings import Labels


@dataclass(frozen=True, slots=True)
class Target:
    """The deployment that is observed.

    Attributes:
        name: of the RayService, RayCluster or stack; of the namespace for a label scheme.
        uid: changes when the deployment is created again.
        clusters: names of the RayClusters that get requests; none without KubeRay.
        shares: RayCluster -> share of the requests, from 0 to 1, where two get some; else empty.
        idle: names of other RayClusters of the RayService: not yet or no longer in use.
        shaped: the pods are known by their shape.
        pools: the InferencePools of the namespace.
    """

    name: str
    uid: str
    namespace: str
    labels: Labels
    clusters: tuple[str, ...] = ()
    shares: Mapping[str, float] = field(default_factory=dict, hash=False)
    idle: tuple[str, ...] = ()
    shaped: bool = False
    pools: tuple[Pool, ...] = ()
