"""Bandwidth: Chaos Mesh's NetworkChaos limits what leaves the pod to a few kbit/s."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.types import Direction, Effect, Parameters, Role

BYTES = 1000 // 8  # in a kbit
BURST, QUEUE = 10_000, 200_000  # bytes sent at once after a pause; bytes that wait before any are dropped


class BandwidthParameters(Parameters):
    """Well below what four streams of tokens and Ray's own messages need."""

    kbit: int = Field(default=64, ge=8, le=10_000_000, description="most that leaves the pod [kbit/s]")


class Bandwidth(ChaosFault[BandwidthParameters]):
    name = "bandwidth"
    summary = "What leaves the pod is limited to a few kbit/s: answers trickle, the engine itself is healthy."
    effects = (
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.3),
    )
    resource = NETWORK

    @property
    def parameters(self) -> type[BandwidthParameters]:
        return BandwidthParameters

    def spec(self, parameters: BandwidthParameters, container: str) -> dict[str, Any]:
        # Chaos Mesh writes "bps" for bytes a second, whole ones.
        limit = {"rate": f"{parameters.kbit * BYTES}bps", "limit": QUEUE, "buffer": BURST}
        return {"action": "bandwidth", "direction": "to", "bandwidth": limit}
