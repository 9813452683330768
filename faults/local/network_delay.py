"""Network delay: every packet that leaves the pod is delayed, and each round trip to it takes that much longer.

The study's network fault (there by Chaos Mesh's NetworkChaos), mode 16 of the field's list: the edge's latency is up,
the same replica's engine latency is flat. An answer that takes several round trips is late several times over.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.impairment import Impairment, Wire
from faults.types import Direction, Effect, Parameters, Role


class NetworkDelayParameters(Parameters):
    """The default is far above what any link inside one cluster has."""

    delay: float = Field(default=300.0, ge=1, le=5000, description="added to each round trip [ms]")
    jitter: float = Field(default=0.0, ge=0, le=1000, description="give or take, evenly spread [ms]")


class NetworkDelay(Impairment[NetworkDelayParameters]):
    name = "network-delay"
    summary = "What leaves the pod is late: its edge is slow while its engine is as fast as before."
    effects = (
        Effect(Role.EDGE, "connect_time_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.3),
    )

    @property
    def parameters(self) -> type[NetworkDelayParameters]:
        return NetworkDelayParameters

    def wire(self, parameters: NetworkDelayParameters) -> Wire:
        return Wire(delay=parameters.delay, jitter=parameters.jitter)
