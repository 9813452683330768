"""The engines of a replica with data parallelism: components of their own, which are part of the replica.

One replica then exports each metric once for each engine. Added up, an engine that starves disappears in the others.
"""

from __future__ import annotations

from collections.abc import Mapping

from cluster.prometheus.client import Prometheus
from cluster.prometheus.rules import Spelling, selector
from cluster.prometheus.variants import spelled

TOLD_BY = frozenset({"running_requests", "queue_length"})
"""Gauges that every engine has from its start; a store may have kept one of them alone."""

Ranks = Mapping[str, tuple[str, ...]]
"""Value of the label that names a pod or target -> the ranks of its engines, two or more."""


def ranks_of(
    server: Prometheus, spellings: tuple[Spelling, ...], names: frozenset[str], label: str, matchers: str, at: float
) -> Ranks:
    """The engines of the pods or targets that the matchers select, at a time. Raises DeploymentError."""
    found: dict[str, set[str]] = {}
    for spelling in spelled(spellings, names):
        metrics = sorted(m for rule in spelling.rules if rule.signal in TOLD_BY for m in rule.metrics & names)
        for metric in metrics if spelling.rank else ():
            for labels in server.instant(f"group by ({label}, {spelling.rank}) ({selector(metric, matchers)})", at):
                series = dict(labels)
                if series.get(label) and series.get(spelling.rank):
                    found.setdefault(series[label], set()).add(series[spelling.rank])
    return {holder: tuple(sorted(ranks, key=_order)) for holder, ranks in found.items() if len(ranks) > 1}


def engine_id(component: str, rank: str) -> str:
    return f"{component}-engine-{rank}"


def _order(rank: str) -> tuple[int, str]:
    return (int(rank), "") if rank.isdigit() else (1 << 30, rank)
