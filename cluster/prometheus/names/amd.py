"""AMD's device-metrics-exporter; some setups put `amd_` before its names. Clocks in MHz, memory in MiB, shares in %."""

from __future__ import annotations

from cluster.prometheus.gpus import gpu
from cluster.prometheus.promql import Rule, Spelling, either

_MEBIBYTE = float(1 << 20)
_LABELS = {"gpu": "gpu_id", "part": "gpu_partition_id", "host": "hostname"}


def _level(signal: str, *metrics: str, scale: float = 1.0, match: str = "") -> Rule:
    """The latest value of the first of the metrics that is there."""
    return gpu(signal, either(*(f"last_over_time({metric}%s[$fresh])" for metric in metrics)), _LABELS, scale, match)


SPELLINGS = (
    Spelling(
        "gpu_",
        (
            _level("gpu_utilization", "gpu_gfx_activity", scale=0.01),
            _level("gpu_dram_active", "gpu_umc_activity", scale=0.01),
            _level("gpu_sm_clock", "gpu_clock", scale=1e6, match='clock_type=~".*SYSTEM",'),
            _level("gpu_power", "gpu_package_power", "gpu_average_package_power", "gpu_power_usage"),
            _level("gpu_temperature", "gpu_junction_temperature", "gpu_edge_temperature"),
            _level("gpu_memory_used", "gpu_used_vram", scale=_MEBIBYTE),
            _level("gpu_memory_free", "gpu_free_vram", scale=_MEBIBYTE),
        ),
        layer="GPU",
        prefixed=True,
        # Not `gpu_*`: others have `gpu_` in their names, too.
        unread=(
            "gpu_ecc_*",
            "gpu_energy_consumed",
            "gpu_free_gtt",
            "gpu_free_visible_vram",
            "gpu_fru_*",
            "gpu_gfx_busy_instantaneous",
            "gpu_gfx_voltage",
            "gpu_health",
            "gpu_jpeg_*",
            "gpu_memory_temperature",
            "gpu_memory_voltage",
            "gpu_mma_activity",
            "gpu_nodes_total",
            "gpu_prof_*",
            "gpu_total_*",
            "gpu_used_gtt",
            "gpu_used_visible_vram",
            "gpu_vcn_*",
            "gpu_violation_*",
            "gpu_voltage",
            "gpu_xgmi_*",
        ),
    ),
)
