"""The stand-in for another package's fault that cannot be imported: listed, never available."""

from __future__ import annotations

from cluster.deployment import Deployment, DeploymentError
from faults.types import Availability, Fault, Parameters, Plan, Readback


class BrokenFault(Fault[Parameters]):
    """It cannot be injected. What it injected before its package broke is STUCK, with the plan's undo command."""

    targets = frozenset()
    deployments = frozenset()
    effects = ()

    def __init__(self, name: str, summary: str, reason: str) -> None:
        self.name, self.summary = name, summary  # type: ignore[misc]
        self._reason = f"the package of {name} is broken: {reason}"

    @property
    def parameters(self) -> type[Parameters]:
        return Parameters

    def available(self, deployment: Deployment) -> Availability:
        return Availability(False, self._reason)

    def plan(self, deployment: Deployment, target: str, parameters: Parameters, injection: str, seconds: float) -> Plan:
        raise DeploymentError(self._reason)

    def inject(self, deployment: Deployment, plan: Plan) -> None:
        raise DeploymentError(self._reason)

    def revert(self, deployment: Deployment, plan: Plan) -> None:
        raise DeploymentError(self._reason)

    def readback(self, deployment: Deployment, plan: Plan) -> Readback:
        raise DeploymentError(self._reason)

    def revert_without(self, plan: Plan) -> Readback:
        return Readback(False, self._reason)
