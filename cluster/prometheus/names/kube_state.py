"""kube-state-metrics. Names and labels: its docs/metrics/workload/pod-metrics.md."""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge
from cluster.signals import PODS

SPELLINGS = (
    Spelling(
        "kube-state-metrics",
        # Named and typed as a counter, read as a level: it repeats the number in the pod's status.
        (Rule("restarts", gauge("kube_pod_container_status_restarts_total"), PODS),),
    ),
)
