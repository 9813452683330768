"""NVIDIA's dcgm-exporter. Names and units: its etc/default-counters.csv; violations are in nanoseconds.

Releases differ in what they export by default: where a counter of violations is off, and its successor, which counts
by reason, the reasons for the clock tell, one bit each. With MIG there is no utilisation of an instance but the share
of time that its engine was active.
"""

from __future__ import annotations

from cluster.prometheus.gpus import gpu
from cluster.prometheus.promql import Rule, Spelling, either

_MEBIBYTE = float(1 << 20)
_LABELS = {"gpu": "gpu", "part": "GPU_I_ID", "host": "Hostname"}
_REASONS = ("DCGM_FI_DEV_CLOCKS_EVENT_REASONS", "DCGM_FI_DEV_CLOCK_THROTTLE_REASONS")
_COUNTED = "DCGM_FI_DEV_CLOCKS_EVENT_REASON_{}_NS"
_HOT = ("HW_THERM_SLOWDOWN", "SW_THERM_SLOWDOWN")
_POWER_CAP = (0x4,)
_THERMAL = (0x8, 0x20, 0x40)  # slowdown by hardware, thermal by software and by hardware


def _latest(metric: str) -> str:
    return f"last_over_time({metric}%s[$fresh])"


def _level(signal: str, metric: str, scale: float = 1.0) -> Rule:
    return gpu(signal, _latest(metric), _LABELS, scale)


def _share(signal: str, violations: str, reasons: tuple[str, ...], bits: tuple[int, ...]) -> Rule:
    """Share of time by counters of nanoseconds; else 1 while one of the bits is set, 0 while none is."""

    def any_bit(mask: str) -> str:
        return f"clamp_max({' + '.join(f'floor({_latest(mask)} / {bit}) % 2' for bit in bits)}, 1)"

    def counted(metric: str) -> str:
        return f"1e-9 * rate({metric}%s[$rate])"

    apart = [counted(_COUNTED.format(reason)) for reason in reasons]
    together = f"clamp_max({' + '.join(apart)}, 1)"  # an exporter may count one of the reasons alone
    return gpu(signal, either(counted(violations), together, *apart, *map(any_bit, _REASONS)), _LABELS)


_BUSY = either(f"0.01 * {_latest('DCGM_FI_DEV_GPU_UTIL')}", _latest("DCGM_FI_PROF_GR_ENGINE_ACTIVE"))

SPELLINGS = (
    Spelling(
        "DCGM",
        (
            gpu("gpu_utilization", _BUSY, _LABELS),
            _level("gpu_tensor_active", "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE"),
            _level("gpu_dram_active", "DCGM_FI_PROF_DRAM_ACTIVE"),
            _level("gpu_sm_clock", "DCGM_FI_DEV_SM_CLOCK", 1e6),
            _level("gpu_power", "DCGM_FI_DEV_POWER_USAGE"),
            _level("gpu_power_limit", "DCGM_FI_DEV_POWER_MGMT_LIMIT"),
            _level("gpu_temperature", "DCGM_FI_DEV_GPU_TEMP"),
            _share("gpu_throttle_power", "DCGM_FI_DEV_POWER_VIOLATION", ("SW_POWER_CAP",), _POWER_CAP),
            _share("gpu_throttle_thermal", "DCGM_FI_DEV_THERMAL_VIOLATION", _HOT, _THERMAL),
            _level("gpu_memory_used", "DCGM_FI_DEV_FB_USED", _MEBIBYTE),
            _level("gpu_memory_free", "DCGM_FI_DEV_FB_FREE", _MEBIBYTE),
            _level("gpu_xid_errors", "DCGM_FI_DEV_XID_ERRORS"),
        ),
        layer="GPU",
        unread=(
            "DCGM_EXP_CLOCK_EVENTS_COUNT",
            "DCGM_EXP_GPU_HEALTH_STATUS",
            "DCGM_EXP_XID_ERRORS_COUNT",
            "DCGM_FI_CUDA_*",
            "DCGM_FI_DEV_BOARD_LIMIT_VIOLATION",
            "DCGM_FI_DEV_CLOCKS_EVENT_REASON_HW_POWER_BRAKE_SLOWDOWN_NS",
            "DCGM_FI_DEV_CLOCKS_EVENT_REASON_SYNC_BOOST_NS",
            "DCGM_FI_DEV_CORRECTABLE_*",
            "DCGM_FI_DEV_DEC_UTIL",
            "DCGM_FI_DEV_ECC_*",
            "DCGM_FI_DEV_ENC_UTIL",
            "DCGM_FI_DEV_ENFORCED_POWER_LIMIT",
            "DCGM_FI_DEV_FB_RESERVED",
            "DCGM_FI_DEV_FB_TOTAL",
            "DCGM_FI_DEV_LOW_UTIL_VIOLATION",
            "DCGM_FI_DEV_MEM*",
            "DCGM_FI_DEV_NVLINK_*",
            "DCGM_FI_DEV_PCIE_*",
            "DCGM_FI_DEV_PSTATE",
            "DCGM_FI_DEV_RELIABILITY_VIOLATION",
            "DCGM_FI_DEV_RETIRED_*",
            "DCGM_FI_DEV_ROW_*",
            "DCGM_FI_DEV_SYNC_BOOST_VIOLATION",
            "DCGM_FI_DEV_TOTAL_*",
            "DCGM_FI_DEV_UNCORRECTABLE_*",
            "DCGM_FI_DEV_VGPU_*",
            "DCGM_FI_DRIVER_VERSION",
            "DCGM_FI_PROF_NVLINK_*",
            "DCGM_FI_PROF_PCIE_*",
            "DCGM_FI_PROF_PIPE_FP*",
            "DCGM_FI_PROF_SM_*",
        ),
    ),
)
