"""Partition: the data link of the pod is taken off the bridge. It stays up, and every frame is lost, in and out.

Connections to the pod time out, as behind a dead switch port; the engine itself is idle and healthy. Ray and Serve use
the same link: after their timeouts they give the node up, and it rejoins when the link is back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from faults.local.control import link
from faults.local.control.pod_fault import PodFault, node_of, run
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class PartitionParameters(Parameters):
    """None: all is lost."""


class Partition(PodFault[PartitionParameters]):
    name = "partition"
    summary = "The pod is cut off from its peers and the gateway: every packet on the data link is lost."
    needs = ("a deployment on this machine", "ip on PATH")
    programs = (("ip", "iproute2"),)
    effects = (
        Effect(Role.TARGET, "network_receive", Direction.DOWN, 2.0),
        Effect(Role.TARGET, "token_rate", Direction.DOWN, 2.0),
        Effect(Role.FRONT_DOOR, "error_rate", Direction.UP),
    )

    @property
    def parameters(self) -> type[PartitionParameters]:
        return PartitionParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: PartitionParameters, injection: str, seconds: float
    ) -> Plan:
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"beside the pods: {' '.join(link.unplug_argv(target))}",),
            undo=node_of(deployment).manual_command(link.plug_argv(target)),
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        run(node_of(deployment), *link.unplug_argv(plan.target))

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        run(node_of(deployment), *link.plug_argv(plan.target))

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        there = link.plugged(deployment, plan.target)
        where = "on the bridge" if there else "off the bridge"
        return Readback(there, f"the data link of {plan.target} is {where}")
