"""KV pressure: more concurrent long answers than the engine has slots or cache for. The others wait.

The requests go to the address of the target, past the gateway.
"""

from __future__ import annotations

from pydantic import Field

from faults.endpoints.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class KvPressureParameters(Parameters):
    """Defaults fill an engine of a few tens of slots."""

    concurrency: int = Field(default=64, ge=2, le=512, description="requests in flight [1]")
    max_tokens: int = Field(default=256, ge=8, le=2048, description="tokens that each generates [1]")


class KvPressure(RequestFault[KvPressureParameters]):
    name = "kv-pressure"
    summary = "More long answers at once than the replica has slots and cache for: the others queue."
    effects = (
        Effect(Role.TARGET, "queue_length", Direction.UP, 2.0),
        Effect(Role.TARGET, "ttft_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[KvPressureParameters]:
        return KvPressureParameters

    def stream(self, parameters: KvPressureParameters) -> Stream:
        return Stream(words=12, max_tokens=parameters.max_tokens, concurrency=parameters.concurrency)
