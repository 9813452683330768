"""The engines of pods with data parallelism, as parts of the deployment."""

from __future__ import annotations

import dataclasses

from cluster.kubernetes.stack import Stack
from cluster.prometheus.ranks import Ranks, engine_id
from cluster.topology import Component, Edge, Kind, Relation


def with_engines(stack: Stack, ranks: Ranks) -> Stack:
    """The deployment with the engines of its living pods."""
    components: list[Component] = []
    edges: list[Edge] = []
    for component, pods in stack.pods.items():
        for pod in pods:
            for rank in ranks.get(pod.name, ()):
                one = engine_id(component, rank)
                components.append(Component(one, Kind.ENGINE, f"{pod.uid}/engine-{rank}", {"pod": pod.name}))
                edges.append(Edge(one, component, Relation.PART_OF))
    if not components:
        return stack
    known = stack.topology
    topology = dataclasses.replace(known, components=(*known.components, *components), edges=(*known.edges, *edges))
    return dataclasses.replace(stack, topology=topology)
