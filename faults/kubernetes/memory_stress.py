"""Memory stress: Chaos Mesh's StressChaos holds memory in the target's container. Defaults are the study's.

When both together exceed the memory limit of the container, the kernel may kill the stressor while Chaos Mesh still
reports it as injected: the effects show whether the fault landed.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import STRESS, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class MemoryStressParameters(Parameters):
    """Half of what a pod of the reference deployment may have."""

    workers: int = Field(default=1, ge=1, le=64, description="processes that share the size [1]")
    megabytes: int = Field(default=8000, ge=64, le=1_000_000, description="memory to hold [MB]")


class MemoryStress(ChaosFault[MemoryStressParameters]):
    name = "memory-stress"
    summary = "A process inside the pod holds memory and keeps writing to it: working set up, CPU share down."
    effects = (
        Effect(Role.TARGET, "memory_working_set", Direction.UP, 1.5),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
    )
    resource = STRESS

    @property
    def parameters(self) -> type[MemoryStressParameters]:
        return MemoryStressParameters

    def spec(self, parameters: MemoryStressParameters, container: str) -> dict[str, Any]:
        memory = {"workers": parameters.workers, "size": f"{parameters.megabytes}MB"}
        return {"containerNames": [container], "stressors": {"memory": memory}}
