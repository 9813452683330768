"""KV leak: requests that do not end hold one slot of the replica's KV cache after another.

Mode 6 of the field's list as it comes about: slowly, without a moment at which anything broke. Clients ask for very
long answers and a new one joins every few seconds; each keeps its place in the batch and in the cache. With each of
them a token of every other answer takes a little longer, and when the last slot is taken the others queue. llama.cpp
gives each slot a fixed part of the cache, so `slots_busy` is the share that is held; vLLM reports `kv_usage`. The
requests are real and go to the port of the target, past the gateway.

Chaos Mesh has nothing that holds a cache, so it is not available on Kubernetes.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role

ANSWER = 440  # tokens: with a short prompt, what a slot of 512 tokens can hold


class KvLeakParameters(Parameters):
    """Defaults leave the others one of the eight slots of a replica, after half a minute."""

    interval: float = Field(default=5.0, ge=1, le=120, description="time until one more slot is held [s]")
    held: int = Field(default=7, ge=1, le=32, description="slots held in the end [1]")


class KvLeak(RequestFault[KvLeakParameters]):
    name = "kv-leak"
    summary = "Requests that do not end hold one slot of the KV cache after another: the replica slows down bit by bit."
    effects = (
        Effect(Role.TARGET, "slots_busy", Direction.UP, 2.0),
        Effect(Role.TARGET, "running_requests", Direction.UP, 2.0),
        Effect(Role.TARGET, "tpot_p90", Direction.UP, 1.5),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[KvLeakParameters]:
        return KvLeakParameters

    def stream(self, parameters: KvLeakParameters) -> Stream:
        return Stream(words=12, max_tokens=ANSWER, concurrency=parameters.held, ramp=parameters.interval)
