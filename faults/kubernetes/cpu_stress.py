"""CPU stress: Chaos Mesh's StressChaos runs busy loops in the target's container. Defaults are the study's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import STRESS, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class CpuStressParameters(Parameters):
    """Twice as many loops as the pod has cores."""

    workers: int = Field(default=16, ge=1, le=256, description="busy loops [1]")
    load: int = Field(default=100, ge=1, le=100, description="share of a core that each asks for [%]")


class CpuStress(ChaosFault[CpuStressParameters]):
    name = "cpu-stress"
    summary = "Busy loops inside the pod take its share of the CPU: every request on it waits."
    effects = (
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.TARGET, "cpu_throttled", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )
    resource = STRESS

    @property
    def parameters(self) -> type[CpuStressParameters]:
        return CpuStressParameters

    def spec(self, parameters: CpuStressParameters, container: str) -> dict[str, Any]:
        return {"containerNames": [container], "stressors": {"cpu": parameters.model_dump()}}
