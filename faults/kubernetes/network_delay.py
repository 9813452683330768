"""Network delay: Chaos Mesh's NetworkChaos delays every packet that leaves the pod. Defaults are the study's."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class NetworkDelayParameters(Parameters):
    """Correlation: how much of a packet's delay it has from the one before."""

    delay: int = Field(default=1000, ge=1, le=10_000, description="added to each packet that leaves [ms]")
    jitter: int = Field(default=100, ge=0, le=5000, description="give or take [ms]")
    correlation: float = Field(default=25.0, ge=0, le=100, description="with the packet before [%]")


class NetworkDelay(ChaosFault[NetworkDelayParameters]):
    name = "network-delay"
    summary = "What leaves the pod is late: its edge is slow while its engine is as fast as before."
    effects = (
        Effect(Role.EDGE, "connect_time_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
    )
    resource = NETWORK

    @property
    def parameters(self) -> type[NetworkDelayParameters]:
        return NetworkDelayParameters

    def spec(self, parameters: NetworkDelayParameters, container: str) -> dict[str, Any]:
        delay = {"latency": f"{parameters.delay}ms", "jitter": f"{parameters.jitter}ms"}
        delay["correlation"] = f"{parameters.correlation:g}"
        return {"action": "delay", "direction": "to", "delay": delay}
