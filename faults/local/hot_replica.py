"""Hot replica: the gateway sends one replica several times the share of its peers.

Mode 13 of the field's list (replica imbalance). The target is the replica that becomes hot and shows the symptom. The
gateway is to blame: its routing was changed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from cluster.deployment import HasGateway
from cluster.local import layout
from faults.local.control import routing
from faults.local.control.pod_fault import PodFault, not_here
from faults.preflight import uid_of
from faults.types import Availability, Direction, Effect, Parameters, Plan, Readback, Role

if TYPE_CHECKING:
    from cluster.deployment import Deployment


class HotReplicaParameters(Parameters):
    """The default gives one of four pods three quarters of the requests."""

    weight: int = Field(default=10, ge=2, le=100, description="requests to it for each one to a peer [1]")


class HotReplica(PodFault[HotReplicaParameters]):
    name = "hot-replica"
    summary = "The gateway sends one replica several times its share: that one is swamped, its peers idle."
    needs = ("a deployment on this machine",)
    blast_radius = 2
    effects = (
        Effect(Role.EDGE, "request_rate", Direction.UP, 1.5),
        Effect(Role.PEERS, "request_rate", Direction.DOWN, 1.3),
        Effect(Role.EDGE, "latency_p90", Direction.UP, 2.0),
        Effect(Role.FRONT_DOOR, "latency_p90", Direction.UP, 1.5),
    )

    @property
    def parameters(self) -> type[HotReplicaParameters]:
        return HotReplicaParameters

    def available(self, deployment: Deployment) -> Availability:
        if not isinstance(deployment, HasGateway):
            return not_here(self.name, deployment)
        if len(deployment.topology().of_kind(*self.targets)) < 2:
            return Availability(False, f"{self.name} needs a second replica to take the share from")
        return super().available(deployment)

    def plan(
        self, deployment: Deployment, target: str, parameters: HotReplicaParameters, injection: str, seconds: float
    ) -> Plan:
        return Plan(
            injection=injection,
            fault=self.name,
            target=target,
            components=(layout.GATEWAY, target),
            faulty=(layout.GATEWAY,),
            uids={component: uid_of(deployment, component) for component in (layout.GATEWAY, target)},
            parameters=parameters.model_dump(),
            actions=(f"in the gateway's upstreams: weight {parameters.weight} for {target}, 1 for the others; reload",),
            undo=routing.gateway_of(deployment).manual_command(injection),
            data=routing.new_values(deployment, injection, weights={target: parameters.weight}),
        )

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        routing.inject(deployment, plan)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        routing.revert(deployment, plan)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        return routing.readback(deployment, plan)
