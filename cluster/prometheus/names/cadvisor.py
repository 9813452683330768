"""cAdvisor, in the kubelet. Names, labels and units: google/cadvisor, docs/storage/prometheus.md.

It has a series for each container, one for the pod's sum and one for its pause container: only containers are added
up. Of a pod's network links all but loopback count: the labels do not say which is the pod's own.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling, gauge, rate, ratio
from cluster.signals import PODS

_CONTAINER, _LINK = 'container!="",container!="POD",', 'interface!="lo",'
_EACH = "$by, container"
_WORKING_SET = "container_memory_working_set_bytes"
_FILLED = ratio(
    gauge(_WORKING_SET, _CONTAINER, by=_EACH), gauge("container_spec_memory_limit_bytes", _CONTAINER, by=_EACH)
)
_THROTTLED = ratio(
    rate("container_cpu_cfs_throttled_periods_total", _CONTAINER), rate("container_cpu_cfs_periods_total", _CONTAINER)
)

SPELLINGS = (
    Spelling(
        "cAdvisor",
        (
            Rule("cpu_usage", rate("container_cpu_usage_seconds_total", _CONTAINER), PODS),
            Rule("cpu_throttled", _THROTTLED, PODS),
            Rule("memory_working_set", gauge(_WORKING_SET, _CONTAINER), PODS),
            # Each container has its own limit, and the fullest is killed next. A limit of 0 means none.
            Rule("memory_limit_ratio", f"max by ($by) ({_FILLED})", PODS),
            Rule("network_receive", rate("container_network_receive_bytes_total", _LINK), PODS),
            Rule("network_transmit", rate("container_network_transmit_bytes_total", _LINK), PODS),
        ),
    ),
)
