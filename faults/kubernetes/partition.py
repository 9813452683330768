"""Partition: Chaos Mesh's NetworkChaos drops everything that leaves the pod, so no connection of its can live.

That includes Ray's own: after about half a minute the head gives the pod up, and its kubelet's probes fail as well. A
pod that is replaced over it ends the fault.
"""

from __future__ import annotations

from typing import Any

from faults.kubernetes.control.chaos_mesh import NETWORK, ChaosFault
from faults.local.partition import Partition as OnThisMachine
from faults.local.partition import PartitionParameters


class Partition(ChaosFault[PartitionParameters]):
    name = OnThisMachine.name
    summary = OnThisMachine.summary
    effects = OnThisMachine.effects
    resource = NETWORK

    @property
    def parameters(self) -> type[PartitionParameters]:
        return PartitionParameters

    def spec(self, parameters: PartitionParameters, container: str) -> dict[str, Any]:
        return {"action": "partition", "direction": "to"}
