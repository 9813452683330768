"""Long prefill: a huge prompt arrives now and then, and during its prefill no other request of the replica advances.

The prompts go to the address of the target, past the gateway, as from a batch job that knows it. With chunked prefill
the others are slowed down rather than stopped. A prompt that is longer than the engine takes is refused at once.
"""

from __future__ import annotations

from pydantic import Field

from faults.endpoints.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class LongPrefillParameters(Parameters):
    """Defaults stay within a context of 4096 tokens."""

    words: int = Field(default=2500, ge=50, le=100_000, description="length of each prompt [words]")
    interval: float = Field(default=2.0, ge=0.2, le=60, description="time from one prompt to the next [s]")


class LongPrefill(RequestFault[LongPrefillParameters]):
    name = "long-prefill"
    summary = "A huge prompt now and then: while the replica reads it, every other answer on it stands still."
    effects = (
        Effect(Role.TARGET, "tpot_p90", Direction.UP, 2.0),
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[LongPrefillParameters]:
        return LongPrefillParameters

    def stream(self, parameters: LongPrefillParameters) -> Stream:
        return Stream(parameters.words, max_tokens=1, concurrency=4, interval=parameters.interval)
