"""Control of the gateway's routing: another configuration is set, the prior one restored and read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster.deployment import DeploymentError, Gateway, HasGateway
from faults.types import Plan, Readback

if TYPE_CHECKING:
    from collections.abc import Mapping

    from cluster.deployment import Deployment


def gateway_of(deployment: Deployment) -> Gateway:
    """The gateway. Raises DeploymentError where this machine cannot configure it."""
    if not isinstance(deployment, HasGateway):
        raise DeploymentError(f"the deployment {deployment.kind} has no gateway that this machine can configure")
    return deployment.gateway()


def new_values(
    deployment: Deployment,
    injection: str,
    weights: Mapping[str, int] | None = None,
    detours: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`data` of a plan: a configuration whose routing has the injection's id as its name.

    The way back builds the usual configuration anew, rather than trust one that was stored. Raises DeploymentError also
    where another one is in force.
    """
    gateway = gateway_of(deployment)
    if (gateway.config(), gateway.routing()) != gateway.usual():
        raise DeploymentError("the gateway's configuration is not the usual one, which is all that could be restored")
    return {"config": gateway.with_routing(injection, weights or {}, detours or {})}


def inject(deployment: Deployment, plan: Plan) -> None:
    gateway_of(deployment).replace(str(plan.data["config"]), plan.injection)


def revert(deployment: Deployment, plan: Plan) -> None:
    gateway_of(deployment).restore(plan.injection)


def readback(deployment: Deployment, plan: Plan) -> Readback:
    gateway = gateway_of(deployment)
    follows = gateway.routing()
    return Readback((gateway.config(), follows) == gateway.usual(), f"the gateway follows the routing {follows}")
