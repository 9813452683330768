"""Partition: Chaos Mesh's NetworkChaos drops everything that leaves the pod, so that none of its connections survives.

That includes those of Ray: after about half a minute the head gives the pod up, and the probes of the kubelet fail as
well. Replacing the pod ends the fault.
"""

from __future__ import annotations

from typing import Any

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.types import Direction, Effect, Parameters, Role


class PartitionParameters(Parameters):
    """None: all is lost."""


class Partition(ChaosFault[PartitionParameters]):
    name = "partition"
    summary = "The pod is cut off from its peers and the gateway: every packet on the data link is lost."
    effects = (
        Effect(Role.TARGET, "network_receive", Direction.DOWN, 2.0),
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "error_rate", Direction.UP),
    )
    resource = NETWORK

    @property
    def parameters(self) -> type[PartitionParameters]:
        return PartitionParameters

    def spec(self, parameters: PartitionParameters, container: str) -> dict[str, Any]:
        return {"action": "partition", "direction": "to"}
