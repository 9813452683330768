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


def prior_values(deployment: Deployment) -> dict[str, Any]:
    """`prior` of a plan: configuration and routing. Raises DeploymentError."""
    gateway = gateway_of(deployment)
    return {"config": gateway.config(), "routing": gateway.routing()}


def new_values(
    deployment: Deployment,
    injection: str,
    weights: Mapping[str, int] | None = None,
    detours: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """`data` of a plan: a configuration whose routing has the injection's id as its name. Raises DeploymentError."""
    return {"config": gateway_of(deployment).with_routing(injection, weights or {}, detours or {})}


def inject(deployment: Deployment, plan: Plan) -> None:
    gateway_of(deployment).replace(str(plan.data["config"]), plan.injection)


def revert(deployment: Deployment, plan: Plan) -> None:
    gateway_of(deployment).restore(str(plan.prior["config"]), str(plan.prior["routing"]), plan.injection)


def readback(deployment: Deployment, plan: Plan) -> Readback:
    gateway = gateway_of(deployment)
    follows = gateway.routing()
    back = follows == plan.prior["routing"] and gateway.config() == plan.prior["config"]
    return Readback(back, f"the gateway follows the routing {follows}")
