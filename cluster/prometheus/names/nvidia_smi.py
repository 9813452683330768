"""nvidia_gpu_exporter, which asks nvidia-smi. Base units; GPUs have their UUID alone, machines the target's address."""

from __future__ import annotations

from cluster.prometheus.gpus import gpu
from cluster.prometheus.promql import Rule, Spelling, either

_LABELS = {"gpu": "uuid", "part": "mig_instance", "host": "instance"}


def _level(signal: str, *metrics: str) -> Rule:
    return gpu(signal, either(*(f"last_over_time({metric}%s[$fresh])" for metric in metrics)), _LABELS)


SPELLINGS = (
    Spelling(
        "nvidia_smi_",
        (
            _level("gpu_utilization", "nvidia_smi_utilization_gpu_ratio"),
            _level("gpu_dram_active", "nvidia_smi_utilization_memory_ratio"),
            _level("gpu_sm_clock", "nvidia_smi_clocks_current_sm_clock_hz"),
            _level("gpu_power", "nvidia_smi_power_draw_watts", "nvidia_smi_power_draw_instant_watts"),
            _level("gpu_power_limit", "nvidia_smi_enforced_power_limit_watts", "nvidia_smi_power_limit_watts"),
            _level("gpu_temperature", "nvidia_smi_temperature_gpu"),
            _level("gpu_memory_used", "nvidia_smi_memory_used_bytes"),
            _level("gpu_memory_free", "nvidia_smi_memory_free_bytes"),
        ),
        layer="GPU",
    ),
)
