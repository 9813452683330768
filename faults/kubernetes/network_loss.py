"""Network loss: Chaos Mesh's NetworkChaos drops a share of what leaves the pod."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.local.network_loss import NetworkLoss as OnThisMachine
from faults.types import Parameters


class NetworkLossParameters(Parameters):
    percent: float = Field(default=25.0, ge=0.1, le=90, description="packets lost [%]")
    correlation: float = Field(default=0.0, ge=0, le=100, description="with the packet before [%]")


class NetworkLoss(ChaosFault[NetworkLossParameters]):
    name = OnThisMachine.name
    summary = OnThisMachine.summary
    effects = OnThisMachine.effects
    resource = NETWORK

    @property
    def parameters(self) -> type[NetworkLossParameters]:
        return NetworkLossParameters

    def spec(self, parameters: NetworkLossParameters, container: str) -> dict[str, Any]:
        loss = {"loss": f"{parameters.percent:g}", "correlation": f"{parameters.correlation:g}"}
        return {"action": "loss", "direction": "to", "loss": loss}
