"""GPU power cap: the power limit of one GPU is lowered. Its clock falls, and every token takes longer.

Mode 1 of the field's list, and the study's: SM clock down at high utilisation, power flat at the cap, power violation
up. The prior limit is recorded, the cap is read back, the limit is restored and read back. Setting it needs root.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError
from faults.local.control import nvml
from faults.local.control.gpu_fault import GpuFault, GpuParameters
from faults.types import Direction, Effect, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

TOLERANCE = 0.5  # W; drivers round


class GpuPowerCapParameters(GpuParameters):
    share: int = Field(default=50, ge=10, le=95, description="of the limit in force before, as far as the GPU goes [%]")


class GpuPowerCap(GpuFault[GpuPowerCapParameters]):
    name = "gpu-power-cap"
    summary = "The power limit of a GPU is lowered: its clock falls, and every token takes longer."
    effects = (
        Effect(Role.TARGET, "gpu_power_limit", Direction.DOWN, 1.1),
        Effect(Role.TARGET, "gpu_sm_clock", Direction.DOWN, 1.1),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.2),
    )

    @property
    def parameters(self) -> type[GpuPowerCapParameters]:
        return GpuPowerCapParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: GpuPowerCapParameters, injection: str, seconds: float
    ) -> Plan:
        gpu = nvml.gpu(parameters.gpu)
        limit = nvml.power_limit(gpu.uuid)
        cap = max(limit.lowest, limit.now * parameters.share / 100)
        if cap > limit.now - TOLERANCE:
            raise DeploymentError(f"GPU {gpu.index} is at {limit.now:g} W, the lowest that it takes: no cap below that")
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"nvidia-smi -i {gpu.uuid} -pl {cap:g}",),
            undo=f"nvidia-smi -i {gpu.uuid} -pl {limit.now:g}",
            prior={"watts": limit.now},
            data={"uuid": gpu.uuid, "watts": cap},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        nvml.set_power_limit(str(plan.data["uuid"]), float(plan.data["watts"]))

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        nvml.set_power_limit(str(plan.data["uuid"]), float(plan.prior["watts"]))

    def revert_without(self, plan: Plan) -> Readback:
        nvml.set_power_limit(str(plan.data["uuid"]), float(plan.prior["watts"]))
        return self._limit(plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return self._limit(plan)

    def _limit(self, plan: Plan) -> Readback:
        now = nvml.power_limit(str(plan.data["uuid"])).now
        return Readback(abs(now - float(plan.prior["watts"])) <= TOLERANCE, f"its power limit is {now:g} W")
