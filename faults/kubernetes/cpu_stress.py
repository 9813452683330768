"""CPU stress: Chaos Mesh's StressChaos runs busy loops in the target's container. Defaults are the study's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import STRESS, ChaosFault
from faults.local.cpu_stress import CpuStress as OnThisMachine
from faults.types import Parameters


class CpuStressParameters(Parameters):
    """Twice as many loops as the pod has cores."""

    workers: int = Field(default=16, ge=1, le=256, description="busy loops [1]")
    load: int = Field(default=100, ge=1, le=100, description="share of a core that each asks for [%]")


class CpuStress(ChaosFault[CpuStressParameters]):
    name = OnThisMachine.name
    summary = OnThisMachine.summary
    effects = OnThisMachine.effects
    resource = STRESS

    @property
    def parameters(self) -> type[CpuStressParameters]:
        return CpuStressParameters

    def spec(self, parameters: CpuStressParameters, container: str) -> dict[str, Any]:
        return {"containerNames": [container], "stressors": {"cpu": parameters.model_dump()}}
