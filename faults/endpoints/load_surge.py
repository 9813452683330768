"""Load surge: more requests than usual. Everything is slower and no component is at fault.

They enter at the gateway, where its metrics have the same address as its API; without a gateway all replicas get them
in turn. How many make a surge depends on the engines: `rate` is on top of what users send.
"""

from __future__ import annotations

from pydantic import Field

from cluster.topology import Kind
from faults.endpoints.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class LoadSurgeParameters(Parameters):
    """Defaults are for a few small engines."""

    rate: float = Field(default=6.0, ge=0.5, le=200, description="requests on top of the usual ones [1/s]")
    max_tokens: int = Field(default=64, ge=1, le=1024, description="tokens that each generates [1]")


class LoadSurge(RequestFault[LoadSurgeParameters]):
    name = "load-surge"
    summary = "More users than usual at the front door: all of it is slower, and no component is at fault."
    targets = frozenset({Kind.GATEWAY})
    culprit = False
    effects = (
        Effect(Role.FRONT_DOOR, "request_rate", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[LoadSurgeParameters]:
        return LoadSurgeParameters

    def stream(self, parameters: LoadSurgeParameters) -> Stream:
        return Stream(4, parameters.max_tokens, concurrency=200, interval=1 / parameters.rate)
