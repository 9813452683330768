"""GPU contention: another process computes on the same GPU, and the two take turns.

A noisy neighbour, as time-slicing allows: utilisation stays high, the tokens per second of the engine fall, and no
clock or power counter explains it. The process needs only the driver (`faults.local.control.gpu_load`).
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.gpu_fault import GpuParameters, GpuProcess
from faults.local.control.nvml import Gpu
from faults.types import Direction, Effect, Role


class GpuContentionParameters(GpuParameters):
    load: int = Field(default=100, ge=10, le=100, description="share of the time that it computes [%]")


class GpuContention(GpuProcess[GpuContentionParameters]):
    name = "gpu-contention"
    summary = "Another process computes on the same GPU: the engine gets only its turns."
    effects = (
        Effect(Role.TARGET, "gpu_utilization", Direction.UP, 1.1),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )

    @property
    def parameters(self) -> type[GpuContentionParameters]:
        return GpuContentionParameters

    def load(self, gpu: Gpu, parameters: GpuContentionParameters) -> tuple[str, ...]:
        return ("compute", "--load", str(parameters.load))
