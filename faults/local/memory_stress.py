"""Memory stress: a process inside the target's pod holds memory and keeps writing to all of it.

The step before mode 10 (host memory, OOMKilled). Pods of the local deployment have no memory limit, so nothing is
killed: the working set of the pod grows by the requested size, and writing uses CPU of the pod, as cpu-stress does with
one worker. With `busy` off the memory is only held, and only the working set changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import DeploymentError
from faults.local.control.stressor import Stressor
from faults.types import Direction, Effect, Parameters, Plan, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

SPARE = 2  # times the size that the machine must have available: a fault on one pod must not affect the others
_HANG = 3600  # s that a worker rests between two rounds over its memory: longer than any fault lasts


class MemoryStressParameters(Parameters):
    """Defaults more than double the working set of a pod."""

    megabytes: int = Field(default=1500, ge=64, le=8192, description="memory to hold [MB]")
    busy: bool = Field(default=True, description="keep writing to it, which takes CPU [yes or no]")


class MemoryStress(Stressor[MemoryStressParameters]):
    name = "memory-stress"
    summary = "A process inside the pod holds memory and keeps writing to it: working set up, CPU share down."
    effects = (
        Effect(Role.TARGET, "memory_working_set", Direction.UP, 1.5),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
    )

    @property
    def parameters(self) -> type[MemoryStressParameters]:
        return MemoryStressParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: MemoryStressParameters, injection: str, seconds: float
    ) -> Plan:
        available = _available_megabytes()
        if available < SPARE * parameters.megabytes:
            raise DeploymentError(
                f"the machine has {available} MB available, and {SPARE} times the {parameters.megabytes} MB asked for "
                "must be: ask for less"
            )
        return super().plan(deployment, target, parameters, injection, seconds)

    def stress(self, parameters: MemoryStressParameters) -> tuple[str, ...]:
        rest = () if parameters.busy else ("--vm-hang", str(_HANG))
        return ("--vm", "1", "--vm-bytes", f"{parameters.megabytes}M", "--vm-keep", "--vm-method", "write64", *rest)


def _available_megabytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) // 1024
    raise DeploymentError("/proc/meminfo does not tell how much memory is available")
