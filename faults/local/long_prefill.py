"""Long prefill: a huge prompt arrives now and then, and during its prefill no other request of the replica advances.

Mode 14 of the field's list: batch tokens and prompt length up, the time between tokens up, the KV cache normal. The
prompts are real requests to the port of the target, past the gateway, as from a batch job that knows the address of the
pod. The replica shows the symptom and is to blame: requests that bypass the gateway are visible nowhere else.
"""

from __future__ import annotations

from pydantic import Field

from faults.local.control.request_fault import RequestFault
from faults.requests.stream import Stream
from faults.types import Direction, Effect, Parameters, Role


class LongPrefillParameters(Parameters):
    """Defaults take about half a core of prefill from SmolLM2-135M on llama.cpp, whose slots hold 512 tokens."""

    words: int = Field(default=180, ge=50, le=440, description="length of each prompt, about a token a word [words]")
    interval: float = Field(default=7.0, ge=1, le=60, description="time from one prompt to the next [s]")


class LongPrefill(RequestFault[LongPrefillParameters]):
    name = "long-prefill"
    summary = "A huge prompt now and then: while the replica reads it, every other answer on it stands still."
    effects = (
        Effect(Role.TARGET, "tpot_p90", Direction.UP, 2.0),
        Effect(Role.TARGET, "latency_p90", Direction.UP, 2.0),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[LongPrefillParameters]:
        return LongPrefillParameters

    def stream(self, parameters: LongPrefillParameters) -> Stream:
        return Stream(parameters.words, max_tokens=1, concurrency=4, interval=parameters.interval)
