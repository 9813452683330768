"""CPU stress: busy loops inside the target's pod compete with the engine for the pod's share of the CPU.

The study's first fault (there by Chaos Mesh's StressChaos, 16 workers at 100 %), and mode 9 of the field's list: CPU
starvation. stress-ng runs in the cgroup and namespaces of the pod, so that a CPU limit of the pod protects its peers on
the same machine: the pod is throttled, its requests queue, its latency rises, its tokens per second fall.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.stressor import Stressor
from faults.types import Direction, Effect, Parameters, Role


class CpuStressParameters(Parameters):
    """Defaults starve a pod of half a core."""

    workers: int = Field(default=4, ge=1, le=16, description="busy loops [1]")
    load: int = Field(default=100, ge=1, le=100, description="share of a core that each asks for [%]")


class CpuStress(Stressor[CpuStressParameters]):
    name = "cpu-stress"
    summary = "Busy loops inside the pod take its share of the CPU: every request on it waits."
    effects = (
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.TARGET, "cpu_throttled", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[CpuStressParameters]:
        return CpuStressParameters

    def stress(self, parameters: CpuStressParameters) -> tuple[str, ...]:
        return ("--cpu", str(parameters.workers), "--cpu-load", str(parameters.load))
