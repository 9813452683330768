"""KV pressure: more concurrent requests than the replica has slots or cache for. The others wait.

Modes 6 and 7 of the field's list. llama.cpp has a fixed number of slots, each with its part of the cache: further
requests are deferred, and the queue grows. vLLM fills its cache and then preempts (`preemption_rate`). The requests are
real and go to the port of the target, past the gateway.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class KvPressureParameters(Parameters):
    """Defaults keep the eight slots of a llama.cpp replica full and a few requests waiting."""

    concurrency: int = Field(default=12, ge=2, le=64, description="requests in flight [1]")
    max_tokens: int = Field(default=48, ge=8, le=256, description="tokens that each generates [1]")


class KvPressure(RequestFault[KvPressureParameters]):
    name = "kv-pressure"
    summary = "More long answers at once than the replica has slots and cache for: the others queue."
    effects = (
        Effect(Role.TARGET, "queue_length", Direction.UP, 2.0),
        Effect(Role.TARGET, "ttft_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[KvPressureParameters]:
        return KvPressureParameters

    def stream(self, parameters: KvPressureParameters) -> Stream:
        return Stream(words=12, max_tokens=parameters.max_tokens, concurrency=parameters.concurrency)
