"""Metrics of engines that carry other labels than a cluster's do: `k8s_pod_name` from a collector, or none at all."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from cluster.deployment import DeploymentError
from cluster.kubernetes.stack import Stack
from cluster.prometheus.client import Prometheus
from cluster.prometheus.promql import Query
from cluster.prometheus.rules import selector
from cluster.provenance import Origin, Provenance
from cluster.signals import SERVING
from cluster.text.plain import plain

_ABSENT = (Origin.NOT_EXPORTED, Origin.UNKNOWN_NAME)


def notes(
    server: Prometheus, stack: Stack, queries: Sequence[Query], provenance: Provenance, at: float
) -> tuple[str, ...]:
    """A note where the server has metrics of engines, and none of them is of this deployment's namespace and pods."""
    metrics = sorted({metric for one in queries if one.kinds == SERVING and not one.edge for metric in one.metrics})
    serving = {one.id for one in stack.topology.of_kind(*SERVING)}
    read = {
        metric
        for record in provenance.records
        if record.origin not in _ABSENT and serving & set(record.components)
        for metric in record.metrics
    }
    if not metrics or read & set(metrics):
        return ()
    labels: list[str] = []
    with suppress(DeploymentError):
        one = next(iter(server.instant(f"topk(1, {selector(metrics[0])})", at)), ())
        labels = [f"{name}={value}" if value in stack.names else name for name, value in one if name != "__name__"]
    those = f"{metrics[0]} and {len(metrics) - 1} more are" if len(metrics) > 1 else f"{metrics[0]} is"
    told = f"; one has the labels {', '.join(sorted(labels))}" if labels else ""
    wanted = f"the labels namespace={stack.target.namespace} and pod=NAME of this deployment"
    return (plain(f"{those} on this server, but not with {wanted}{told}", 600),)
