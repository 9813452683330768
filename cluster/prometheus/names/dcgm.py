"""NVIDIA's dcgm-exporter. Names and units: its etc/default-counters.csv; violations are in nanoseconds.

Labels tell which pod holds a GPU: `pod` where Prometheus honours the exporter's labels, else `exported_pod`.
"""

from __future__ import annotations

from cluster.prometheus.promql import Rule, Spelling
from cluster.topology import Kind

_MEBIBYTE = float(1 << 20)
_HONOURED = '{namespace="$namespace",exported_pod="",$everywhere}'
_RENAMED = '{exported_namespace="$namespace",$everywhere}'


def _of_pods(reading: str) -> str:
    """The reading (`%s` for the matchers) by the pod that holds the GPU, whichever label says so."""
    moved = f'label_replace({reading % _RENAMED}, "pod", "$$1", "exported_pod", "(.+)")'
    return f"max by ($by) ({reading % _HONOURED} or {moved})"


def _gpu(signal: str, reading: str, scale: float = 1.0) -> Rule:
    return Rule(signal, _of_pods(reading), frozenset({Kind.GPU}), scale, labels=("pod", "gpu"))


def _level(signal: str, metric: str, scale: float = 1.0) -> Rule:
    return _gpu(signal, f"last_over_time({metric}%s[$fresh])", scale)


def _share(signal: str, metric: str) -> Rule:
    """Of a counter of nanoseconds, the share of time."""
    return _gpu(signal, f"rate({metric}%s[$rate])", 1e-9)


SPELLINGS = (
    Spelling(
        "DCGM",
        (
            _level("gpu_utilization", "DCGM_FI_DEV_GPU_UTIL", 0.01),
            _level("gpu_tensor_active", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
            _level("gpu_dram_active", "DCGM_FI_PROF_DRAM_ACTIVE"),
            _level("gpu_sm_clock", "DCGM_FI_DEV_SM_CLOCK", 1e6),
            _level("gpu_power", "DCGM_FI_DEV_POWER_USAGE"),
            _level("gpu_power_limit", "DCGM_FI_DEV_POWER_MGMT_LIMIT"),
            _level("gpu_temperature", "DCGM_FI_DEV_GPU_TEMP"),
            _share("gpu_throttle_power", "DCGM_FI_DEV_POWER_VIOLATION"),
            _share("gpu_throttle_thermal", "DCGM_FI_DEV_THERMAL_VIOLATION"),
            _level("gpu_memory_used", "DCGM_FI_DEV_FB_USED", _MEBIBYTE),
            _level("gpu_memory_free", "DCGM_FI_DEV_FB_FREE", _MEBIBYTE),
            _level("gpu_xid_errors", "DCGM_FI_DEV_XID_ERRORS"),
        ),
    ),
)
