"""Gateway slow: the gateway gets its CPU in slices with long waits between them. The replicas are not touched.

Mode 15 of the field's list begins like this, and mode 9 (CPU starvation) looks like this at the gateway. All edges
shift together, far more than the latencies of the replicas: those rise a little because requests reach them in bunches.
Load and CPU of the replicas stay as before, which distinguishes it from a surge.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from cluster.topology import Kind
from faults.local.control import starvation, tags
from faults.local.control.pod_fault import PodFault, pod_of
from faults.local.control.stressor import PROGRAM
from faults.types import Availability, Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class GatewaySlowParameters(Parameters):
    """By default the gateway works for a small part of each second; requests wait during the rest of it."""

    cores: float = Field(default=0.05, ge=0.02, le=2, description="CPU limit while active [cores]")
    period: float = Field(default=1.0, ge=0.1, le=1, description="time from one slice of CPU to the next [s]")


class GatewaySlow(PodFault[GatewaySlowParameters]):
    name = "gateway-slow"
    summary = "The gateway gets its CPU in slices and waits between them: all edges are slow together."
    needs = ("a deployment on this machine", "a cgroup (v1 or v2) per pod that may be written", f"{PROGRAM} on PATH")
    programs = ((PROGRAM, PROGRAM),)
    targets = frozenset({Kind.GATEWAY})
    effects = (
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
        Effect(Role.EDGES, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[GatewaySlowParameters]:
        return GatewaySlowParameters

    def available(self, deployment: Deployment) -> Availability:
        found = super().available(deployment)
        front_door = deployment.topology().front_door
        return starvation.available(deployment, front_door) if found.ok and front_door else found

    def plan(
        self, deployment: Deployment, target: str, parameters: GatewaySlowParameters, injection: str, seconds: float
    ) -> Plan:
        data = starvation.data(deployment, target, parameters.cores, parameters.period, seconds)
        prior = pod_of(deployment, target).cpu_quota()
        return self.make_plan(
            deployment,
            target,
            parameters,
            injection,
            actions=starvation.actions(data),
            undo=" ; ".join(
                (*(starvation.echo(path, content) for path, content in prior.items()), tags.kill_line(injection))
            ),
            prior={"quota": prior},
            data=data,
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        starvation.inject(deployment, plan)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        starvation.revert(deployment, plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return starvation.readback(deployment, plan)
