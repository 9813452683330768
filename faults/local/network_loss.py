"""Network loss: a share of the packets that leave the pod is lost, and TCP sends them again.

Near mode 16 of the field's list: the latency of the edge rises in steps of TCP's timers, that of the engine stays flat.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.impairment import Impairment, Wire
from faults.types import Direction, Effect, Parameters, Role


class NetworkLossParameters(Parameters):
    """The default hurts every other request."""

    percent: float = Field(default=25.0, ge=0.1, le=90, description="packets lost [%]")


class NetworkLoss(Impairment[NetworkLossParameters]):
    name = "network-loss"
    summary = "A share of what leaves the pod is lost: TCP sends again and again, requests on its edge take longer."
    effects = (
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
        Effect(Role.EDGE, "connect_time_p90", Direction.UP, 2.0),
    )

    @property
    def parameters(self) -> type[NetworkLossParameters]:
        return NetworkLossParameters

    def wire(self, parameters: NetworkLossParameters) -> Wire:
        return Wire(loss=parameters.percent)
