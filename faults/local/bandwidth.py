"""Bandwidth: what leaves the pod is limited to a few kilobits a second, by a token bucket (tbf).

Answers trickle; packets beyond the rate wait in a queue and are dropped when it is full. Near mode 16 of the field's
list: the latency of the engine stays flat while that of the edge rises. Requests to the pod are not limited.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from faults.local.control import link
from faults.local.control.pod_fault import PodFault, pod_of, run
from faults.types import Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment

BURST = 3000  # bytes that may leave at once: two full frames
QUEUE_MS = 2000  # longest wait in the queue


class BandwidthParameters(Parameters):
    """The default lets the pod's share of the usual load through slowly."""

    kbit: int = Field(default=48, ge=8, le=100_000, description="most that leaves the pod [kbit/s]")


class Bandwidth(PodFault[BandwidthParameters]):
    name = "bandwidth"
    summary = "What leaves the pod is limited to a few kbit/s: answers trickle, the engine itself is healthy."
    needs = ("a deployment on this machine", "tc on PATH, and tbf in the kernel")
    programs = (("tc", "iproute2"),)
    effects = (
        Effect(Role.EDGE, "latency_p90", Direction.UP, 1.5),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.3),
    )

    @property
    def parameters(self) -> type[BandwidthParameters]:
        return BandwidthParameters

    def plan(
        self, deployment: Deployment, target: str, parameters: BandwidthParameters, injection: str, seconds: float
    ) -> Plan:
        pod = link.unshaped(deployment, target)
        argv = link.shape_argv(f"tbf rate {parameters.kbit}kbit burst {BURST} latency {QUEUE_MS}ms")
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=(f"in the pod of {target}: {' '.join(argv)}",),
            undo=pod.manual_command(link.UNSHAPE),
            data={"argv": argv},
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        run(pod_of(deployment, plan.target), *plan.data["argv"])

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        link.unshape(pod_of(deployment, plan.target))

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        found = link.shaped(pod_of(deployment, plan.target))
        if found is None:
            return Readback(True, f"nothing shapes what leaves {plan.target}")
        return Readback(False, f"{found['kind']} shapes what leaves {plan.target}")
