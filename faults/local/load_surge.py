"""Load surge: more requests than usual. Everything is slower and no component is at fault.

Mode 7 of the field's list (queue saturation), without a culprit: the queues of all replicas grow alike. The right
answer is "none", and a method that always blames a component is wrong here. The surge enters at the front door with
prompts like the usual ones.
"""

from __future__ import annotations

from pydantic import Field

from cluster.topology import Kind
from faults.local.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class LoadSurgeParameters(Parameters):
    """Defaults more than double the usual four requests a second, to beyond what four pods of half a core can do."""

    rate: float = Field(default=6.0, ge=0.5, le=30, description="requests on top of the usual ones [1/s]")
    max_tokens: int = Field(default=8, ge=1, le=256, description="tokens that each generates [1]")


class LoadSurge(RequestFault[LoadSurgeParameters]):
    name = "load-surge"
    summary = "More users than usual at the front door: all of it is slower, and no component is at fault."
    targets = frozenset({Kind.GATEWAY})
    culprit = False
    effects = (
        Effect(Role.FRONT_DOOR, "request_rate", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
        Effect(Role.EDGES, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[LoadSurgeParameters]:
        return LoadSurgeParameters

    def stream(self, parameters: LoadSurgeParameters) -> Stream:
        return Stream(4, parameters.max_tokens, concurrency=200, interval=1 / parameters.rate)
