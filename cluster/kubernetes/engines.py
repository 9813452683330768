"""The engines of a pod with data parallelism: components of their own, which are part of the pod.

One pod then exports each metric once for each engine. Added up, an engine that starves disappears in the others.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from cluster.kubernetes.discovery import Stack
from cluster.prometheus.client import Prometheus
from cluster.prometheus.names import Environment, spellings
from cluster.prometheus.variants import spelled
from cluster.topology import Component, Edge, Kind, Relation

_TOLD_BY = "running_requests"
"""A gauge that every engine has from its start."""

Ranks = Mapping[str, tuple[str, ...]]
"""Pod name -> the ranks of its engines, two or more."""


def ranks_of(server: Prometheus, names: frozenset[str], matchers: str, at: float) -> Ranks:
    """The engines of the pods that the matchers select, at a time. Raises DeploymentError."""
    found: dict[str, set[str]] = {}
    for spelling in spelled(spellings(Environment.KUBERNETES), names):
        metrics = sorted(m for rule in spelling.rules if rule.signal == _TOLD_BY for m in rule.metrics & names)
        for metric in metrics if spelling.rank else ():
            for labels in server.instant(f"group by (pod, {spelling.rank}) ({metric}{{{matchers}}})", at):
                series = dict(labels)
                if series.get("pod") and series.get(spelling.rank):
                    found.setdefault(series["pod"], set()).add(series[spelling.rank])
    return {pod: tuple(sorted(ranks, key=_order)) for pod, ranks in found.items() if len(ranks) > 1}


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


def engine_id(component: str, rank: str) -> str:
    return f"{component}-engine-{rank}"


def _order(rank: str) -> tuple[int, str]:
    return (int(rank), "") if rank.isdigit() else (1 << 30, rank)
