"""GPU memory: another process takes most of the free GPU memory, and the next allocation of the engine fails.

Mode 11 of the field's list begins like this: free framebuffer near 0. An engine that allocates its
share at the start (vLLM does) runs on until it needs more or restarts. The process needs only the driver
(`faults.local.control.gpu_load`).
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control import nvml
from faults.local.control.gpu_fault import GpuParameters, GpuProcess
from faults.local.control.nvml import Gpu
from faults.types import Direction, Effect, Role


class GpuMemoryParameters(GpuParameters):
    share: int = Field(default=90, ge=10, le=99, description="of the memory that is free now [%]")


class GpuMemory(GpuProcess[GpuMemoryParameters]):
    name = "gpu-memory"
    summary = "Another process takes most of the GPU's free memory: the engine's next allocation fails."
    effects = (
        Effect(Role.TARGET, "gpu_memory_used", Direction.UP, 1.1),
        Effect(Role.TARGET, "gpu_memory_free", Direction.DOWN, 2.0),
    )

    @property
    def parameters(self) -> type[GpuMemoryParameters]:
        return GpuMemoryParameters

    def load(self, gpu: Gpu, parameters: GpuMemoryParameters) -> tuple[str, ...]:
        return ("hold", "--bytes", str(nvml.free_memory(gpu.uuid) * parameters.share // 100))
