"""Network loss: Chaos Mesh's NetworkChaos drops a share of what leaves the pod."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class NetworkLossParameters(Parameters):
    percent: float = Field(default=25.0, ge=0.1, le=90, description="packets lost [%]")
    correlation: float = Field(default=0.0, ge=0, le=100, description="with the packet before [%]")


class NetworkLoss(ChaosFault[NetworkLossParameters]):
    name = "network-loss"
    summary = "A share of what leaves the pod is lost: TCP sends again and again, requests on its edge take longer."
    effects = (
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
        Effect(Role.EDGE, "connect_time_p90", Direction.UP, 2.0),
    )
    resource = NETWORK

    @property
    def parameters(self) -> type[NetworkLossParameters]:
        return NetworkLossParameters

    def spec(self, parameters: NetworkLossParameters, container: str) -> dict[str, Any]:
        loss = {"loss": f"{parameters.percent:g}", "correlation": f"{parameters.correlation:g}"}
        return {"action": "loss", "direction": "to", "loss": loss}
